"""What a later run has split, merged or erased is recalled by the matcher, once."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from sqlalchemy import update

from matcher.agreements.standings import Standings
from matcher.app.running import matcher_of
from matcher.disclosures.finished import FinishedRuns
from matcher.disclosures.recalls import Recalls
from matcher.ledger.verifying import verify_stored_log
from matcher.store.tables import runs
from tests.linkage.audit.made_up import LOG
from tests.linkage.protocol.agreements import ANALYST, HUB, parse, second
from tests.linkage.protocol.parties import CARE, HEALTH, MATCHER, POLICE
from tests.matcher.api.serving import KEYS
from tests.matcher.disclosures.worlds import Held, World

ANN = {"police": ["p1"], "care": ["c1"], "health": ["h1"]}
BOB = {"police": ["p2"], "care": ["c2"], "health": ["h2"]}
EVE = {"police": ["p3"], "care": ["c3"]}
JOE = {"health": ["h4"]}
BEFORE: Mapping[str, Held] = {"ann": ANN, "bob": BOB, "eve": EVE, "joe": JOE}
SAME = {"bob": BOB, "eve": EVE, "joe": JOE}


def recalls(world: World, keys=KEYS) -> Recalls:
    services = world.services
    return Recalls(
        services.database,
        services.ledger,
        FinishedRuns(services.database, services.objects),
        Standings(world.clock).agreement,
        matcher_of(keys),
        world.clock,
    )


def disclosed(world: World, *names: str) -> str:
    id_ = world.proposed(*names)
    world.approve(id_, POLICE, CARE)
    world.release(id_, POLICE, HEALTH)
    world.clock.forward(days=2)
    return id_


def last_recall(world: World, id_: str):
    return world.case(id_).recalls[-1][1]


def test_a_split_cluster_is_recalled_with_its_lineage(world: World):
    world.run(BEFORE)
    id_ = disclosed(world, "ann", "bob")
    (ann,) = world.pseudonyms("ann")
    world.run({**SAME, "one": {"police": ["p1"], "care": ["c1"]}, "other": {"health": ["h1"]}})
    assert recalls(world).compare() == 1
    found = last_recall(world, id_)
    assert found.lineage == {ann: world.pseudonyms("one", "other")}
    assert "split 1 of its clusters" in found.reason
    assert world.services.disclosures.all(world.agreement, "hub")[0].outstanding == ("hub",)
    event = world.events()[-1]
    assert (event.kind, event.party) == ("disclosure.recalled", "matcher")
    verify_stored_log(world.services.database, LOG.verifier)
    world.give_back(id_, HUB)
    assert not world.case(id_).life.outstanding


@pytest.mark.parametrize(
    ("after", "words"),
    [
        ({"both": {"police": ["p1", "p3"], "care": ["c1", "c3"], "health": ["h1"]}}, "merged 1"),
        ({"ann": ANN, "eve": EVE}, None),
        ({"ann": {**ANN, "health": ["h1", "h4"]}, "eve": EVE}, None),
        ({"ann": {**ANN, "school": ["s1"]}, "eve": EVE}, None),
        ({"ann": {"police": ["p1"], "care": ["c1"], "health": ["h1", "c3"]}}, None),
        ({"ann": {"police": ["p9"], "care": ["c1"], "health": ["h1"]}, "eve": EVE}, None),
        ({"ann": {"police": ["p9"], "care": ["c9"], "health": ["h9"]}, "eve": EVE}, None),
        ({"ann": {**ANN, "care": ["c1", "c3"]}, "eve": {"police": ["p3"]}}, "merged 1"),
    ],
    ids=[
        "joined by another person", "the same", "grown by a record that was alone",
        "grown by a new agency", "a token is another agency's", "one agency encoded anew",
        "everybody encoded anew", "joined by a part of another person",
    ],
)  # fmt: skip
def test_what_is_recalled_and_what_is_not(small_world: World, after, words):
    small_world.run(BEFORE)
    id_ = disclosed(small_world, "ann")
    small_world.run({"bob": BOB, **after})
    assert recalls(small_world).compare() == (words is not None)
    assert small_world.state(id_) == ("recalled" if words else "released")
    if words:
        assert words in last_recall(small_world, id_).reason


def test_erased_records_are_recalled(small_world: World):
    small_world.run(BEFORE)
    id_ = disclosed(small_world, "ann", "bob")
    left = {"police": ["p1"], "care": ["c1"]}
    small_world.run({**SAME, "ann": left}, erased=[("health", "h1"), ("health", "h7")])
    assert recalls(small_world).compare() == 1
    assert "shown records of 1 to be erased" in last_recall(small_world, id_).reason


def test_nothing_is_recalled_twice_for_the_same(world: World):
    world.run(BEFORE)
    id_ = disclosed(world, "ann", "bob")
    ann, bob = (world.pseudonyms(name)[0] for name in ("ann", "bob"))
    parts = {"one": {"police": ["p1"], "care": ["c1"]}, "other": {"health": ["h1"]}}
    world.run({**SAME, **parts})
    assert [recalls(world).compare() for _ in range(2)] == [1, 0]
    world.clock.forward(days=1)
    world.run({**SAME, **parts})
    assert recalls(world).compare() == 0
    world.run({"eve": EVE, **parts, "b1": {"police": ["p2"]}, "b2": {"care": ["c2"]}})
    assert recalls(world).compare() == 1
    lineages = [set(recall.lineage) for _, recall in world.case(id_).recalls]
    assert lineages == [{ann}, {bob}]
    assert world.kinds().count("recalled") == 2


def test_what_is_not_in_use_is_not_recalled(small_world: World):
    small_world.run(BEFORE)
    open_, refused = (small_world.proposed("ann", reference=name) for name in ("One", "Two"))
    small_world.refuse(refused, POLICE, CARE)
    small_world.run({**SAME, "one": {"police": ["p1"]}, "other": {"health": ["h1"]}})
    assert recalls(small_world).compare() == 0
    small_world.approve(open_, POLICE, HEALTH)
    assert recalls(small_world).compare() == 1


def test_a_run_that_is_erased_meanwhile_leaves_the_splits(small_world: World):
    first = small_world.run(BEFORE)
    id_ = disclosed(small_world, "ann", "bob")
    with small_world.services.database.writing() as connection:
        connection.execute(update(runs).where(runs.c.id == first).values(data="erased"))
    merged = {"both": {"police": ["p1", "p3"], "care": ["c1", "c3"], "health": ["h1"]}}
    small_world.run({"joe": JOE, **merged, "b1": {"police": ["p2"]}, "b2": {"care": ["c2"]}})
    assert recalls(small_world).compare() == 1
    found = last_recall(small_world, id_)
    assert found.reason.endswith("has split 1 of its clusters.")


SPLIT: Mapping[str, Held] = {
    **SAME, "one": {"police": ["p1"], "care": ["c1"]}, "other": {"health": ["h1"]},
}  # fmt: skip
ANEW: Mapping[str, Held] = {
    "ann": {"police": ["q1"], "care": ["d1"]}, "other": {"health": ["i1"]},
}  # fmt: skip


def under_version_two(world: World, *changes: tuple[str, str]) -> World:
    """Return the same matcher under the second version of the agreement."""
    return World(world.services, world.clock, parse(second(*changes)))


def test_a_later_version_recalls_what_its_runs_show_to_be_wrong(world: World):
    world.run(BEFORE)
    id_ = disclosed(world, "ann")
    later = under_version_two(world)
    assert recalls(world).compare() == 0
    later.run(SPLIT)
    assert [recalls(world).compare() for _ in range(2)] == [1, 0]
    found = last_recall(world, id_)
    (ann,) = found.lineage
    assert found.lineage == {ann: later.pseudonyms("one", "other")}
    assert found.reason.startswith("The run of round 1 under version 2 of the agreement that ended")
    world.give_back(id_, HUB)
    later.run({**SPLIT, "more": {"care": ["c7"]}})
    assert recalls(world).compare() == 0
    verify_stored_log(world.services.database, LOG.verifier)


@pytest.mark.parametrize(
    ("changes", "people"),
    [((), ANEW), ((("version = 2", "version = 2\nepoch = 2"),), SPLIT)],
    ids=["encoded anew", "another epoch"],
)
def test_what_a_later_version_cannot_tell_is_not_recalled(
    small_world: World, changes: tuple[tuple[str, str], ...], people: Mapping[str, Held]
):
    small_world.run(BEFORE)
    id_ = disclosed(small_world, "ann")
    under_version_two(small_world, *changes).run(people)
    assert recalls(small_world).compare() == 0
    assert small_world.state(id_) == "released"


def test_an_earlier_versions_runs_tell_nothing_about_a_later_one(small_world: World):
    small_world.run(BEFORE)
    later = under_version_two(small_world)
    later.run(BEFORE)
    id_ = disclosed(later, "ann")
    small_world.run(SPLIT)
    assert recalls(small_world).compare() == 0
    assert later.state(id_) == "released"


def test_another_matchers_disclosures_wait_for_its_keys(small_world: World):
    small_world.run(BEFORE)
    id_ = disclosed(small_world, "ann")
    small_world.run({**SAME, "one": {"police": ["p1"]}, "other": {"health": ["h1"]}})
    assert recalls(small_world, keys=None).compare() == 0
    assert small_world.state(id_) == "released"
    assert recalls(small_world).compare() == 1


def test_a_recall_of_the_parties_stands_beside_the_matchers(small_world: World):
    small_world.run(BEFORE)
    id_ = disclosed(small_world, "ann")
    small_world.recall(id_, ANALYST)
    small_world.run({**SAME, "one": {"police": ["p1"]}, "other": {"health": ["h1"]}})
    assert recalls(small_world).compare() == 0
    assert small_world.case(id_).recalls[0][1].reason == "Two people after all."
    assert MATCHER.name not in {event.party for event in small_world.events()}
    assert HEALTH.name in small_world.case(id_).releases
