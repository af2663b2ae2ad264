"""Messages in the log: whatever is changed about one, its reader notices."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from linkage.audit.events import AgreementReference
from linkage.entries import VerifiedFile, settle, verify_file
from linkage.errors import LinkageError, VerificationError
from linkage.protocol.canonical import decode_base64, encode_base64
from linkage.protocol.disclosure.history import CLOCK_SECONDS
from linkage.protocol.disclosure.messages import digest_of, sign_message
from linkage.protocol.disclosure.replies import DisclosureFile
from tests.agency_client.disclosures.matcher import InMemory, Kept, as_json
from tests.agency_client.disclosures.scene import holdings
from tests.linkage.audit.made_up import LOG
from tests.linkage.protocol.agreements import AGREEMENT, ANALYST
from tests.linkage.protocol.disclosure.made_up import (
    NOW,
    ONE,
    TWO,
    approval,
    evidence,
    giving_back,
    opening,
    proposal,
    recall,
    refusal,
    release,
)
from tests.linkage.protocol.parties import CARE, HEALTH, MATCHER, POLICE

FILE = TypeAdapter(DisclosureFile)


def matcher_with(*moves: Any) -> tuple[InMemory, str]:
    """A matcher that has a proposal and the messages that functions of its digest give."""
    matcher = InMemory(AGREEMENT, MATCHER, holdings(), NOW)
    # Somebody else's events stand between this disclosure's own.
    matcher.begin(*asked(matcher, TWO))
    digest = matcher.begin(*asked(matcher, ONE))
    for move in moves:
        matcher.take(digest, move(digest))
    return matcher, digest


def asked(matcher: InMemory, cluster: str, **changes: Any) -> tuple[bytes, bytes]:
    signed = matcher.evidence_on([cluster])
    made = proposal(evidence(matcher._cluster(cluster)), evidence=digest_of(signed), **changes)
    return signed, sign_message(made, ANALYST)


def approvals(digest: str) -> list[bytes]:
    return [approval(POLICE, digest), approval(CARE, digest)]


def whole() -> tuple[InMemory, str]:
    """A disclosure that has come all the way."""
    recalled = []

    def called_back(digest: str) -> bytes:
        recalled.append(recall(MATCHER, digest))
        return recalled[0]

    return matcher_with(
        lambda digest: approval(POLICE, digest),
        lambda digest: refusal(HEALTH, digest),
        lambda digest: approval(CARE, digest),
        lambda digest: release(POLICE, digest),
        lambda digest: opening(POLICE, digest=digest),
        called_back,
        lambda digest: giving_back(recalled[0], digest),
    )


def verified(matcher: InMemory, digest: str, file: dict[str, Any] | None = None) -> VerifiedFile:
    content = FILE.validate_json(as_json(file or matcher.file(digest)))
    return verify_file(content, digest, AGREEMENT, LOG.verifier)


WHOLE, WHOLE_DIGEST = whole()


def test_a_true_file_is_believed():
    found = verified(WHOLE, WHOLE_DIGEST)
    assert found.case.life.state == "recalled"
    assert [entry.event.kind.partition(".")[2] for entry in found.entries] == [
        "proposed", "approved", "refused", "approved", "released", "opened", "recalled", "returned",
    ]  # fmt: skip
    assert [entry.leaf for entry in found.entries] == list(range(1, 9))
    assert found.entries[2].event.justification == "Not necessary."


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_a_flipped_bit_anywhere_is_noticed(data: st.DataObject):
    file = WHOLE.file(WHOLE_DIGEST)
    number = data.draw(st.integers(0, len(file["entered"]) - 1))
    entered = file["entered"][number]
    name = data.draw(st.sampled_from(("message", "event", "proof", "checkpoint", "evidence")))
    place = file if name in file else entered
    if name == "proof":
        place, name = entered["proof"], data.draw(st.integers(0, len(entered["proof"]) - 1))
    content = bytearray(decode_base64(place[name], "it"))
    content[data.draw(st.integers(0, len(content) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    place[name] = encode_base64(bytes(content))
    with pytest.raises(VerificationError):
        verified(WHOLE, WHOLE_DIGEST, file)


@pytest.mark.parametrize("number", range(8))
@pytest.mark.parametrize("by", [-1, 1, 8, 2**40])
def test_another_place_in_the_log_is_noticed(number: int, by: int):
    file = WHOLE.file(WHOLE_DIGEST)
    file["entered"][number]["leaf"] = abs(file["entered"][number]["leaf"] + by)
    with pytest.raises(VerificationError, match="isn't shown to be in the log"):
        verified(WHOLE, WHOLE_DIGEST, file)


@pytest.mark.parametrize("number", range(8))
def test_a_message_left_out_from_which_others_follow_is_noticed(number: int):
    """Others are missed by who asks the log for all of it: see test_gaps."""
    file = WHOLE.file(WHOLE_DIGEST)
    del file["entered"][number]
    if number in (2, 5, 7):  # Nothing follows from a late refusal, an opening or a return.
        assert verified(WHOLE, WHOLE_DIGEST, file).case.life.state == "recalled"
        return
    with pytest.raises(VerificationError):
        verified(WHOLE, WHOLE_DIGEST, file)


@pytest.mark.parametrize("first", range(7))
def test_two_messages_in_another_order_are_noticed(first: int):
    file = WHOLE.file(WHOLE_DIGEST)
    entered = file["entered"]
    entered[first], entered[first + 1] = entered[first + 1], entered[first]
    with pytest.raises(VerificationError):
        verified(WHOLE, WHOLE_DIGEST, file)


EVENT_LIES: dict[str, dict[str, Any]] = {
    "kind": {"kind": "disclosure.refused", "justification": "It was refused."},
    "party": {"party": "health"},
    "agreement": {"agreement": AgreementReference("0" * 64, "trial", 1)},
    "version": {"agreement": AgreementReference(AGREEMENT.digest(), "trial", 2)},
    "id": {"agreement": AgreementReference(AGREEMENT.digest(), "other", 1)},
    "clusters": {"counts": {"clusters": 2}},
    "more counted": {"counts": {"clusters": 1, "records": 1}},
    "nothing counted": {"counts": {}},
    "recipients": {"recipients": ("health",)},
    "justification": {"justification": "Another reason."},
    "proposal": {"digests": {"proposal": "0" * 64, "message": "1" * 64}},
    "no digest": {"digests": {}},
}


@pytest.mark.parametrize("lie", EVENT_LIES.values(), ids=EVENT_LIES)
@pytest.mark.parametrize("number", [1, 3], ids=["approval", "release"])
def test_an_event_that_says_something_else_is_noticed(number: int, lie: dict[str, Any]):
    """It is in the log, under a proof that holds: only what it says is wrong."""
    matcher, digest = matcher_with(
        lambda digest: approval(POLICE, digest),
        lambda digest: approval(CARE, digest),
        lambda digest: release(POLICE, digest),
    )
    kept = matcher.kept[digest]
    contents = [content for content, _ in kept.messages]
    del kept.messages[number:]
    for at, content in enumerate(contents[number:], start=number):
        kept.messages.append(
            (content, matcher.enter(content, kept, **(lie if at == number else {})))
        )
    with pytest.raises(VerificationError, match="step 5"):
        verified(matcher, digest)


@pytest.mark.parametrize("name", ["message", "proposal"])
def test_an_event_of_another_message_is_noticed(name: str):
    matcher, digest = matcher_with(lambda digest: approval(POLICE, digest))
    kept = matcher.kept[digest]
    content, _ = kept.messages.pop()
    digests = {"proposal": digest, "message": digest_of(content)} | {name: "0" * 64}
    kept.messages.append((content, matcher.enter(content, kept, digests=digests)))
    with pytest.raises(VerificationError, match="step 5"):
        verified(matcher, digest)


def test_the_proposals_event_names_its_evidence():
    matcher, digest = matcher_with()
    kept = matcher.kept[digest]
    content, _ = kept.messages.pop()
    digests = {"proposal": digest, "evidence": "0" * 64}
    kept.messages.append((content, matcher.enter(content, kept, digests=digests)))
    with pytest.raises(VerificationError, match="step 5"):
        verified(matcher, digest)


def test_messages_entered_in_another_order_are_noticed():
    """Each is in the log, and the log has them in an order in which they don't follow."""
    matcher, digest = matcher_with()
    kept = matcher.kept[digest]
    first, second = approvals(digest)
    later, earlier = matcher.enter(second, kept), matcher.enter(first, kept)
    kept.messages += [(first, earlier), (second, later)]
    with pytest.raises(VerificationError, match="another order than the log"):
        verified(matcher, digest)


def test_another_disclosures_file_is_not_this_ones():
    matcher, digest = matcher_with()
    other = next(own for own in matcher.kept if own != digest)
    with pytest.raises(VerificationError, match="step 3"):
        verified(matcher, digest, matcher.file(other))


def test_a_proposal_that_the_agreement_forbids_is_not_believed_though_it_is_logged():
    matcher, _ = matcher_with()
    evidence_, signed = asked(matcher, ONE, fields=("date_of_birth",))
    kept = Kept(replace(matcher.kept[_].case, digest=digest_of(signed)), evidence_, [])
    matcher.kept[digest_of(signed)] = kept
    kept.messages.append((signed, matcher.enter(signed, kept)))
    with pytest.raises(VerificationError, match=r"disclosure\.fields"):
        verified(matcher, digest_of(signed))


STATES = ("proposed", "approved", "released", "opened", "refused", "recalled")


@pytest.mark.parametrize("said", [*STATES, "expired", "superseded"])
def test_no_other_state_than_the_messages_say(said):
    found = verified(*matcher_with(lambda digest: approval(POLICE, digest)))
    if said == "proposed":
        assert settle(found, said, NOW, None).case.life.state == "proposed"
        return
    with pytest.raises(VerificationError, match="its messages say that it is proposed"):
        settle(found, said, NOW, None)


def test_it_has_expired_when_its_time_is_over():
    found = verified(*matcher_with())
    over = found.case.proposal.expires
    assert settle(found, "expired", over - CLOCK_SECONDS, None).case.life.state == "expired"
    with pytest.raises(VerificationError, match="time isn't over"):
        settle(found, "expired", over - CLOCK_SECONDS - 1, None)
    with pytest.raises(VerificationError, match="doesn't expire"):
        settle(verified(WHOLE, WHOLE_DIGEST), "expired", over, None)


def test_it_is_superseded_by_a_later_proposal_of_its_proposer_that_says_so():
    matcher, digest = matcher_with()
    later = matcher.begin(*asked(matcher, ONE, supersedes=digest, reference="Again"))
    found, successor = verified(matcher, digest), verified(matcher, later)
    assert settle(found, "superseded", NOW, successor).case.life.state == "superseded"
    for other in (found, verified(matcher, next(iter(matcher.kept)))):
        with pytest.raises(VerificationError):
            settle(found, "superseded", NOW, other)


def test_what_is_refused_was_refused_by_its_kind():
    """Every failure is one of verification, whatever rule the messages break."""
    matcher, digest = matcher_with()
    early = matcher.enter(release(POLICE, digest), matcher.kept[digest])
    matcher.kept[digest].messages.append((release(POLICE, digest), early))
    with pytest.raises(LinkageError) as caught:
        verified(matcher, digest)
    assert caught.value.exit_code == 3
