"""Proposals and messages as the matcher takes them: what moves, what is refused, who sees it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import func, select

from linkage.errors import (
    ConflictError,
    InputError,
    LinkageError,
    MissingError,
    NotReadyError,
    PolicyError,
    VerificationError,
)
from linkage.protocol.disclosure.messages import (
    Approval,
    Opening,
    Recall,
    Release,
    digest_of,
    sign_message,
)
from matcher.app.building import Services
from matcher.ledger.verifying import verify_stored_log
from matcher.store.database import Database
from matcher.store.tables import metadata
from tests.linkage.audit.made_up import LOG
from tests.linkage.protocol.agreements import AGREEMENT, ANALYST, HUB, OFFICER, changed, parse
from tests.linkage.protocol.parties import CARE, HEALTH, MATCHER, POLICE
from tests.matcher.api.serving import Clock
from tests.matcher.disclosures.worlds import DAY, World

ALL = {"police": 1, "care": 1, "health": 1}
PEOPLE = {"ann": ALL, "bob": ALL, "eve": {"police": 1, "care": 1}}


@pytest.fixture
def ready(world: World) -> World:
    world.run(PEOPLE)
    return world


@pytest.fixture
def quick(small_world: World) -> World:
    """Give the same on SQLite, for what doesn't depend on the database."""
    small_world.run(PEOPLE)
    return small_world


def rows(database: Database) -> dict[str, int]:
    """Return how many rows each table has."""
    with database.reading() as connection:
        return {
            table.name: connection.execute(select(func.count()).select_from(table)).scalar_one()
            for table in metadata.sorted_tables
        }


def require_refused(world: World, error: type[LinkageError], words: str, do: Callable[[], object]):
    """Assert that something is refused, and leaves nothing."""
    before, kinds = rows(world.services.database), world.kinds()
    with pytest.raises(error, match=words):
        do()
    assert (rows(world.services.database), world.kinds()) == (before, kinds)


def test_every_move_is_a_message_and_one_event(ready: World):
    id_ = ready.proposed("ann", "bob")
    ready.approve(id_, POLICE, CARE)
    ready.refuse(id_, HEALTH)
    assert ready.state(id_) == "approved"
    ready.release(id_, POLICE)
    assert ready.state(id_) == "released"
    ready.open(id_, HUB)
    ready.release(id_, HEALTH)
    ready.open(id_, HUB)
    assert ready.state(id_) == "opened"
    ready.recall(id_, POLICE)
    ready.give_back(id_, HUB)
    assert not ready.case(id_).life.outstanding
    assert ready.kinds() == [
        "proposed", "approved", "approved", "refused", "released", "opened", "released", "opened",
        "recalled", "returned",
    ]  # fmt: skip
    verify_stored_log(ready.services.database, LOG.verifier)


def test_events_name_the_message_and_who_sent_it_and_count_no_records(quick: World):
    id_ = quick.proposed("ann", "bob")
    quick.approve(id_, POLICE, CARE)
    quick.release(id_, POLICE)
    for event, entered in zip(quick.events(), quick.file(id_).entered, strict=True):
        assert event.counts == {"clusters": 2}
        assert event.digests["proposal"] == id_
        assert entered.leaf >= 0
    proposed, _, approved, released = quick.events()
    assert (proposed.party, approved.party, released.party) == ("analyst", "care", "police")
    assert proposed.justification == "Seen together with others at risk."
    assert (proposed.recipients, released.recipients) == ((), ("hub",))
    assert set(proposed.digests) == {"proposal", "evidence"}
    assert set(released.digests) == {"proposal", "message"}


def test_the_same_bytes_again_change_nothing(ready: World):
    made = ready.proposal(ready.evidence("ann"))
    content = sign_message(made, ANALYST)
    disclosures = ready.services.disclosures
    first = disclosures.propose(AGREEMENT, "analyst", content)
    assert disclosures.propose(AGREEMENT, "analyst", content) == first
    approval = sign_message(Approval(first.id, ready.now), POLICE)
    entry = ready.send(first.id, POLICE, approval)
    assert (entry.approvals, entry.state) == (1, "proposed")
    ready.run(PEOPLE)
    ready.clock.forward(hours=2)
    assert ready.send(first.id, POLICE, approval) == entry
    assert disclosures.propose(AGREEMENT, "analyst", content) == entry
    assert ready.kinds() == ["proposed", "approved"]


def test_what_comes_out_of_turn_is_refused_and_leaves_nothing(ready: World):
    id_ = ready.proposed("ann")
    ready.approve(id_, POLICE)

    def sent(own, message) -> Callable[[], object]:
        return lambda: ready.send(id_, own, sign_message(message, own))

    now = ready.now
    opening = Opening(id_, now, {"police": "c" * 64})
    recall = Recall(id_, now, "Wrong.", {ready.pseudonyms("ann")[0]: ()})
    for error, words, do in (
        (PolicyError, "decided already", sent(POLICE, Approval(id_, now + 1))),
        (PolicyError, "no approver", sent(ANALYST, Approval(id_, now))),
        (MissingError, "no disclosure", sent(HUB, opening)),
        (NotReadyError, "1 of 2", sent(POLICE, Release(id_, now, {"hub": "c" * 64}, 1))),
        (PolicyError, "nothing to recall", sent(POLICE, recall)),
        (VerificationError, "another proposal", sent(CARE, Approval("0" * 64, now))),
        (VerificationError, "by more than 5", sent(CARE, Approval(id_, now + 301))),
        (VerificationError, "older than", sent(CARE, Approval(id_, now - 1))),
    ):
        require_refused(ready, error, words, do)


def test_nobody_sends_in_anothers_name(quick: World):
    id_ = quick.proposed("ann")
    approval = sign_message(Approval(id_, quick.now), CARE)
    require_refused(
        quick, PolicyError, "'police' sent it", lambda: quick.send(id_, POLICE, approval)
    )
    content = sign_message(quick.proposal(quick.evidence("bob")), ANALYST)
    require_refused(
        quick, PolicyError, "'hub' sent it",
        lambda: quick.services.disclosures.propose(AGREEMENT, "hub", content),
    )  # fmt: skip


@pytest.mark.parametrize("message", [b"{}", b'{"kind":[]}', b"", b"[]", b'{"kind":"agreement"}'])
def test_what_moves_nothing_is_refused(quick: World, message: bytes):
    id_ = quick.proposed("ann")
    require_refused(
        quick, VerificationError, "message|JSON", lambda: quick.send(id_, POLICE, message)
    )


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"recipients": ("police",)}, "disclosure.recipients"),
        ({"fields": ("postcode",)}, "disclosure.fields"),
        ({"purpose": "curiosity"}, "agreement.purpose_codes"),
        ({"epoch": 2}, "another agreement, version or epoch"),
    ],
)
def test_what_the_agreement_does_not_allow_is_refused(quick: World, changes, words):
    evidence = quick.evidence("ann")
    content = sign_message(quick.proposal(evidence, **changes), ANALYST)
    require_refused(
        quick, PolicyError, words,
        lambda: quick.services.disclosures.propose(AGREEMENT, "analyst", content),
    )  # fmt: skip


def test_a_reason_that_names_somebody_is_refused_in_words(quick: World):
    evidence = quick.evidence("ann")
    for words in ("Born 01/02/2011.", "Two\nlines.", "Lives at NE1 4AB."):
        content = sign_message(quick.proposal(evidence, necessity=words), ANALYST)
        require_refused(
            quick, InputError, "names nobody",
            lambda content=content: quick.services.disclosures.propose(
                AGREEMENT, "analyst", content
            ),
        )  # fmt: skip


def test_evidence_of_an_earlier_run_is_no_longer_proposed_on(quick: World):
    content = sign_message(quick.proposal(quick.evidence("ann")), ANALYST)
    quick.run(PEOPLE)
    require_refused(
        quick, ConflictError, "later run",
        lambda: quick.services.disclosures.propose(AGREEMENT, "analyst", content),
    )  # fmt: skip


def test_nothing_is_released_of_which_the_sealed_part_is_missing(ready: World):
    id_ = ready.proposed("ann")
    ready.approve(id_, POLICE, CARE)
    message, sealed = ready.released(id_, POLICE)
    require_refused(
        ready, NotReadyError, "sealed to 'hub'", lambda: ready.send(id_, POLICE, message)
    )
    disclosures = ready.services.disclosures
    other = ready.released(id_, POLICE)[1]["hub"]
    disclosures.put_sealed(AGREEMENT, "police", id_, "hub", other)
    require_refused(
        ready, NotReadyError, "sealed to 'hub'", lambda: ready.send(id_, POLICE, message)
    )
    disclosures.put_sealed(AGREEMENT, "police", id_, "hub", sealed["hub"])
    assert ready.send(id_, POLICE, message).state == "released"
    disclosures.put_sealed(AGREEMENT, "police", id_, "hub", sealed["hub"])
    with pytest.raises(ConflictError, match="released something else"):
        disclosures.put_sealed(AGREEMENT, "police", id_, "hub", other)
    assert disclosures.sealed(AGREEMENT, "hub", id_, "police") == sealed["hub"]


def test_what_is_sealed_must_say_that_it_is_for_this(quick: World):
    id_, other = quick.proposed("ann"), quick.proposed("bob")
    for one in (id_, other):
        quick.approve(one, POLICE, CARE)
    sealed = quick.released(id_, CARE)[1]["hub"]
    put = quick.services.disclosures.put_sealed
    for error, words, arguments in (
        (VerificationError, "step 3", ("police", id_, "hub", sealed)),
        (VerificationError, "step 1", ("police", id_, "hub", b"not sealed")),
        (InputError, "no recipient", ("police", id_, "care", sealed)),
    ):
        require_refused(quick, error, words, lambda arguments=arguments: put(AGREEMENT, *arguments))


def test_who_sees_a_disclosure_before_and_after_the_quorum(quick: World):
    id_ = quick.proposed("ann")
    listed = quick.services.disclosures.all
    for own in (ANALYST, POLICE, CARE, HEALTH, MATCHER, OFFICER):
        assert [entry.id for entry in listed(AGREEMENT, own.name)] == [id_]
    assert listed(AGREEMENT, "hub") == ()
    with pytest.raises(MissingError) as unseen:
        quick.file(id_, HUB)
    with pytest.raises(MissingError) as missing:
        quick.file("0" * 64, HUB)
    assert str(unseen.value).replace(id_[:16], "") == str(missing.value).replace("0" * 16, "")
    quick.approve(id_, POLICE, CARE)
    assert [entry.id for entry in listed(AGREEMENT, "hub")] == [id_]
    assert quick.file(id_, HUB).state == "approved"


def test_records_are_told_after_the_quorum_to_who_holds_them(ready: World):
    id_ = ready.proposed("ann")
    told = ready.services.disclosures.holdings
    for own in (POLICE, CARE, HEALTH):
        with pytest.raises(NotReadyError, match="0 of 2"):
            told(AGREEMENT, own.name, id_)
    ready.approve(id_, POLICE, CARE)
    for own in (POLICE, CARE, HEALTH):
        assert set(told(AGREEMENT, own.name, id_).clusters) == set(ready.pseudonyms("ann"))
    assert told(AGREEMENT, "officer", id_).clusters == {}


def test_a_refused_disclosure_tells_nothing(quick: World):
    id_ = quick.proposed("ann")
    quick.refuse(id_, POLICE, CARE)
    assert quick.state(id_) == "refused"
    with pytest.raises(PolicyError, match="refused"):
        quick.services.disclosures.holdings(AGREEMENT, "care", id_)


def test_a_recalled_disclosure_is_opened_no_more(ready: World):
    id_ = ready.proposed("ann")
    ready.approve(id_, POLICE, CARE)
    ready.release(id_, POLICE)
    with pytest.raises(MissingError, match="released nothing"):
        ready.services.disclosures.sealed(AGREEMENT, "hub", id_, "care")
    ready.recall(id_, CARE)
    assert ready.services.disclosures.all(AGREEMENT, "hub")[0].outstanding == ("hub",)
    with pytest.raises(PolicyError, match="recalled"):
        ready.services.disclosures.sealed(AGREEMENT, "hub", id_, "police")
    with pytest.raises(PolicyError, match="no recipient"):
        ready.services.disclosures.sealed(AGREEMENT, "care", id_, "police")


def test_after_the_agreement_only_recalls_and_returns_are_taken(quick: World):
    id_ = quick.proposed("ann")
    quick.approve(id_, POLICE, CARE)
    enter = quick.services.disclosures.enter
    approval = sign_message(Approval(id_, quick.now), HEALTH)
    with pytest.raises(PolicyError, match="in force"):
        enter(AGREEMENT, "health", id_, approval, in_force=False)
    recall = Recall(id_, quick.now, "Wrong.", {quick.pseudonyms("ann")[0]: ()})
    with pytest.raises(PolicyError, match="lets it be recalled now"):
        enter(AGREEMENT, "police", id_, sign_message(recall, POLICE), in_force=False)
    content = sign_message(recall, ANALYST)
    assert enter(AGREEMENT, "analyst", id_, content, in_force=False).state == "recalled"


def test_whoever_looks_first_ends_what_is_over(ready: World):
    first, second = ready.proposed("ann"), ready.proposed("bob", expires=ready.now + DAY)
    third = ready.proposed("ann", "bob")
    ready.approve(third, POLICE, CARE)
    ready.release(third, POLICE)
    ready.clock.forward(days=1)
    assert (ready.state(first), ready.state(second)) == ("proposed", "expired")
    ready.clock.forward(days=13)
    approval = sign_message(Approval(first, ready.now), POLICE)
    with pytest.raises(PolicyError, match="expired"):
        ready.send(first, POLICE, approval)
    states = [entry.state for entry in ready.services.disclosures.all(AGREEMENT, "police")]
    assert states == ["released", "expired", "expired"]
    assert ready.kinds()[-2:] == ["expired", "expired"]
    assert ready.events()[-1].justification
    message = sign_message(Release(third, ready.now - 60, {"hub": "c" * 64}, 1), CARE)
    with pytest.raises(PolicyError, match="time is over"):
        ready.send(third, CARE, message)


def test_a_new_proposal_ends_the_one_that_it_replaces(ready: World):
    old = ready.proposed("ann")
    ready.approve(old, POLICE, CARE)
    new = ready.proposed("ann", "bob", supersedes=old)
    file = ready.file(old)
    assert (file.state, file.successor) == ("superseded", new)
    assert ready.kinds() == ["proposed", "approved", "approved", "superseded", "proposed"]
    assert ready.events()[-2].digests == {"proposal": old, "message": new}
    with pytest.raises(PolicyError, match="superseded"):
        ready.proposed("bob", supersedes=old)
    with pytest.raises(PolicyError, match="superseded"):
        ready.approve(old, HEALTH)


def test_nobody_replaces_anothers_proposal(quick: World):
    old = quick.proposed("ann")
    for party, error in ((HUB, MissingError), (POLICE, PolicyError)):
        with pytest.raises(error):
            quick.proposed("ann", party=party, supersedes=old)
    assert quick.kinds() == ["proposed"]


def test_a_proposal_is_known_by_its_bytes(quick: World):
    id_ = quick.proposed("ann")
    assert digest_of(sign_message(quick.case(id_).proposal, ANALYST)) == id_


def test_no_more_proposals_of_a_party_wait_at_once_than_agreed(services: Services, clock: Clock):
    agreement = parse(changed(("\nquorum = 2", "\nquorum = 2\nopen_proposals = 2")))
    world = World(services, clock, agreement)
    world.run({"ann": ALL})
    first, second = (world.proposed("ann", reference=f"Meeting {at}") for at in (1, 2))
    with pytest.raises(NotReadyError, match=r"disclosure\.open_proposals"):
        world.proposed("ann", reference="One more")
    # Not counted: another party's, one that takes the place of another, and one that is decided.
    world.proposed("ann", party=CARE)
    world.proposed("ann", reference="Instead", supersedes=first)
    world.approve(second, POLICE, CARE)
    world.proposed("ann", reference="One more")
    with pytest.raises(NotReadyError):
        world.proposed("ann", reference="Too many")
