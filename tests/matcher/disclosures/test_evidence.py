"""The page of clusters and the evidence on some: what they say, and what they must not."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import func, select

from linkage.errors import InputError, MissingError, NotReadyError, PolicyError
from linkage.protocol.disclosure.commitment import verify_tokens
from linkage.protocol.disclosure.messages import sign_message
from linkage.protocol.disclosure.protection import ProtectedRecords, sign_protected
from linkage.protocol.disclosure.replies import EvidenceRequest
from matcher.app.building import build_services
from matcher.config.settings import UploadSettings
from matcher.disclosures import evidence as evidence_module
from matcher.store.tables import cluster_evidence, holdings
from tests.linkage.audit.made_up import LOG
from tests.linkage.protocol.agreements import AGREEMENT, ANALYST, changed, parse
from tests.linkage.protocol.parties import CARE, HEALTH, POLICE
from tests.matcher.disclosures.worlds import World, cluster_id, evidence_in, token

ALL = {"police": 1, "care": 1, "health": 1}
PEOPLE = {
    "ann": ALL,
    "bob": ALL,
    "eve": {"police": 1, "care": 1},
    "kim": {"care": 1, "health": 1},
    "two": {"police": 2, "care": 1, "health": 1},
    "joe": {"health": 1},
    "dim": ALL,
}
UNSURE = {"dim": 0.6}


@pytest.fixture
def world(small_world: World) -> World:
    small_world.run(PEOPLE, probability=UNSURE)
    return small_world


def page(world: World, after=None):
    return world.services.disclosures.clusters(world.agreement, after)


def protect(world: World, own, *names: str) -> None:
    tokens = tuple(sorted(token(name) for name in names))
    records = ProtectedRecords(world.digest, 1, world.now, tokens)
    content = sign_protected(records, own)
    world.services.disclosures.protect(world.agreement, own.name, content)
    world.clock.forward(seconds=1)


def test_the_page_has_what_a_rule_lets_be_proposed(world: World):
    found = page(world)
    assert [own.cluster for own in found.clusters] == list(world.pseudonyms("ann", "bob", "eve"))
    by_name = {own.cluster: own for own in found.clusters}
    ann, eve = (by_name[world.pseudonyms(name)[0]] for name in ("ann", "eve"))
    assert ann.rules == ("several", "missing")
    assert eve.rules == ("missing",)
    assert (eve.agencies, eve.records, eve.probability) == (("care", "police"), 2, 0.99)
    assert not found.more


def test_pages_follow_one_another(world: World, monkeypatch):
    monkeypatch.setattr(evidence_module, "PAGE", 2)
    first = page(world)
    assert first.more
    last = page(world, first.clusters[-1].cluster)
    assert not last.more
    named = [own.cluster for own in (*first.clusters, *last.clusters)]
    assert named == list(world.pseudonyms("ann", "bob", "eve"))


def test_several_records_count_where_the_agreement_lets_them(world: World):
    found = world.agreement
    world.agreement = parse(changed(("quorum = 2\n", "quorum = 2\nseveral_records = true\n")))
    terms = world.agreement.disclosure
    desk = world.services.disclosures._desk
    clusters, _ = desk._newest(found)
    allowed = clusters.allowed_by(terms)["several"]
    assert allowed[clusters.find(world.pseudonyms("two")[0])]


def test_no_cluster_id_and_no_token_leaves_the_matcher(world: World):
    said = page(world)
    content = world.evidence("ann", "bob") + repr(said).encode()
    found = repr(evidence_in(world.evidence("ann", "bob"))).encode() + content
    for name in PEOPLE:
        assert cluster_id(name).encode() not in found
        for agency in ALL:
            assert token(f"{name} {agency} 0").encode() not in found


def test_evidence_commits_to_the_records(world: World):
    found = evidence_in(world.evidence("ann", "bob"))
    assert [own.cluster for own in found.clusters] == list(world.pseudonyms("ann", "bob"))
    id_ = world.proposed("ann")
    world.approve(id_, POLICE, CARE)
    told = world.services.disclosures.holdings(AGREEMENT, "health", id_)
    (cluster,) = world.case(id_).evidence.clusters
    holding = next(own for own in cluster.holders if own.agency == "health")
    (one,) = told.clusters.values()
    assert one.tokens == (token("ann health 0"),)
    salt, tokens = bytes.fromhex(one.salt), [bytes.fromhex(own) for own in one.tokens]
    verify_tokens(holding.tokens, salt, cluster.cluster, "health", tokens)


def test_evidence_is_never_twice_the_same(world: World):
    one, other = (evidence_in(world.evidence("ann")).clusters[0] for _ in range(2))
    assert one.cluster == other.cluster
    assert not {own.tokens for own in one.holders} & {own.tokens for own in other.holders}


def test_pseudonyms_of_two_runs_do_not_join(world: World):
    before = set(world.pseudonyms(*PEOPLE))
    world.run(PEOPLE)
    assert not before & set(world.pseudonyms(*PEOPLE))


@pytest.mark.parametrize("name", ["joe", "kim", "two", "dim", None])
def test_what_may_not_be_proposed_is_as_if_it_were_not_there(world: World, name):
    asked = world.pseudonyms(name)[0] if name else "0" * 32
    with pytest.raises(MissingError) as raised:
        world.services.disclosures.evidence(AGREEMENT, "police", EvidenceRequest((asked,)))
    assert re.sub(r"^[0-9a-f]{8}", "", str(raised.value)).startswith(" is no cluster of the")


def test_clusters_are_asked_for_in_order(world: World):
    names = world.pseudonyms("ann", "bob")
    for wrong in (names[::-1], (names[0], names[0])):
        with pytest.raises(InputError, match="in order"):
            world.services.disclosures.evidence(AGREEMENT, "police", EvidenceRequest(wrong))


def test_no_more_clusters_than_a_batch_may_have(world: World):
    many = tuple(f"{number:032x}" for number in range(1001))
    with pytest.raises(PolicyError, match="most_batch"):
        world.services.disclosures.evidence(AGREEMENT, "police", EvidenceRequest(many))


def test_protected_people_show_in_evidence_and_need_the_higher_quorum(world: World):
    protect(world, HEALTH, "ann health 0", "nobody at all")
    ann, bob = (evidence_in(world.evidence(name)).clusters[0] for name in ("ann", "bob"))
    assert (ann.protected, bob.protected) == (True, False)
    id_ = world.proposed("ann", "bob")
    world.approve(id_, POLICE, CARE)
    assert world.state(id_) == "proposed"
    world.approve(id_, HEALTH)
    assert world.state(id_) == "approved"


def test_new_marks_stand_for_all_of_an_agencys_marks(world: World):
    protect(world, HEALTH, "ann health 0")
    protect(world, CARE, "bob care 0")
    protect(world, HEALTH, "bob health 0")
    ann, bob = (evidence_in(world.evidence(name)).clusters[0] for name in ("ann", "bob"))
    assert (ann.protected, bob.protected) == (False, True)


def test_older_marks_and_anothers_are_refused(world: World):
    older = ProtectedRecords(world.digest, 1, world.now - 1, ())
    protect(world, HEALTH, "ann health 0")
    put = world.services.disclosures.protect
    with pytest.raises(PolicyError, match="Newer marks"):
        put(world.agreement, "health", sign_protected(older, HEALTH))
    with pytest.raises(PolicyError, match="'police' sent them"):
        put(world.agreement, "police", sign_protected(older, HEALTH))
    assert evidence_in(world.evidence("ann")).clusters[0].protected


def test_marks_without_a_higher_quorum_keep_a_cluster_out(world: World):
    agreement = parse(changed(("protected_quorum = 3\n", "")))
    terms, desk = agreement.disclosure, world.services.disclosures._desk
    protect(world, HEALTH, "ann health 0")
    clusters, marks = desk._newest(AGREEMENT)
    (name,) = world.pseudonyms("ann")
    with pytest.raises(MissingError):
        evidence_module._proposable(clusters, terms, marks, (name,))
    assert evidence_module._proposable(clusters, terms, {}, (name,)) == [clusters.find(name)]


def test_household_hints_join_clusters_of_the_same_evidence(small_world: World):
    hints = [
        ("police", "ann police 0", "care", "bob care 0"),
        ("health", "ann health 0", "health", "joe health 0"),
        ("care", "eve care 0", "health", "joe health 0"),
        ("police", "ann police 0", "care", "ann care 0"),
    ]
    small_world.run(PEOPLE, hints=hints)
    near = {own.cluster: own.household for own in evidence_in(
        small_world.evidence("ann", "bob", "eve")
    ).clusters}  # fmt: skip
    ann, bob, eve = (small_world.pseudonyms(name)[0] for name in ("ann", "bob", "eve"))
    assert near == {ann: (bob,), bob: (ann,), eve: ()}
    # Of people whom the proposal isn't about, nobody learns that they are known.
    assert evidence_in(small_world.evidence("ann")).clusters[0].household == ()


def test_evidence_that_nobody_uses_is_forgotten(world: World, monkeypatch):
    monkeypatch.setattr(evidence_module, "MOST_UNUSED", 3)
    used = world.proposed("ann")
    others = []
    for _ in range(5):
        world.clock.forward(seconds=1)
        others.append(world.evidence("bob"))
    world.evidence("bob", party=POLICE)
    query = select(func.count()).select_from(cluster_evidence)
    with world.services.database.reading() as connection:
        assert connection.execute(query).scalar_one() == 1 + 3 + 1
        assert connection.execute(select(func.count()).select_from(holdings)).scalar_one() == 5 * 3
    propose = world.services.disclosures.propose
    with pytest.raises(MissingError, match="isn't here any more"):
        propose(AGREEMENT, "analyst", sign_message(world.proposal(others[0]), ANALYST))
    assert propose(AGREEMENT, "analyst", sign_message(world.proposal(others[-1]), ANALYST))
    assert world.state(used) == "proposed"


def test_without_a_run_there_is_nothing_to_propose(small_world: World):
    with pytest.raises(NotReadyError, match="No run has finished"):
        page(small_world)


def test_without_the_partys_keys_nothing_is_signed(world: World, clock):
    services = world.services
    bare = build_services(services.database, LOG, services.objects, UploadSettings(), clock)
    asked = EvidenceRequest(world.pseudonyms("ann"))
    with pytest.raises(NotReadyError, match="doesn't hold the keys of 'matcher'"):
        bare.disclosures.evidence(AGREEMENT, "police", asked)


def test_a_damaged_run_is_said_to_be_so(small_world: World):
    run = small_world.run(PEOPLE)
    small_world.services.objects.put(f"runs/{run}/1/clusters.parquet", b"other")
    with pytest.raises(Exception, match="isn't what was stored"):
        page(small_world)
