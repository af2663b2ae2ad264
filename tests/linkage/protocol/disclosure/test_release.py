"""Releases: sealed for the agreed fields, people and recipients, and opened as nothing else."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linkage.errors import InputError, NotReadyError, PolicyError, VerificationError
from linkage.protocol.canonical import canonical_json
from linkage.protocol.disclosure.commitment import commit_tokens
from linkage.protocol.disclosure.history import advance, replay
from linkage.protocol.disclosure.messages import digest_of, sign_message
from linkage.protocol.disclosure.release import (
    Revealed,
    open_release,
    seal_release,
    tokens_to_release,
)
from linkage.protocol.disclosure.side_by_side import side_by_side
from linkage.protocol.sealing import Context, seal
from tests.linkage.protocol.agreements import AGREEMENT, ANALYST, HUB
from tests.linkage.protocol.disclosure.made_up import (
    NOW,
    ONE,
    PROPOSAL,
    SIGNED_EVIDENCE,
    SIGNED_PROPOSAL,
    TWO,
    approval,
    cluster,
    evidence,
    proposal,
)
from tests.linkage.protocol.parties import CARE, HEALTH, MATCHER, POLICE

APPROVED = replay(AGREEMENT, SIGNED_EVIDENCE, SIGNED_PROPOSAL, [approval(POLICE), approval(HEALTH)])
PROPOSED = replay(AGREEMENT, SIGNED_EVIDENCE, SIGNED_PROPOSAL, [approval(POLICE)])
TOKEN = bytes(16)
REVEALED = {ONE: Revealed(bytes(32), (TOKEN,))}
ADA = {ONE: ({"given_name": "Ada", "surname": "Byron"},)}


def released(fields=ADA, holder=POLICE):
    release, sealed = seal_release(APPROVED, holder, fields, NOW + 99)
    return advance(APPROVED, sign_message(release, holder), "it"), sealed["hub"]


def test_what_is_sealed_is_opened():
    case, sealed = released()
    assert open_release(case, "police", sealed, HUB) == ADA
    assert b"Byron" not in sealed


def test_tokens_are_those_committed_to():
    assert tokens_to_release(APPROVED, "police", REVEALED, NOW) == {ONE: (TOKEN,)}
    assert commit_tokens(bytes(32), ONE, "police", [TOKEN]) == (
        APPROVED.evidence.clusters[0].holders[2].tokens
    )


@pytest.mark.parametrize(
    "revealed",
    [
        {},
        {ONE: Revealed(bytes(32), (b"\1" * 16,))},
        {ONE: Revealed(b"\1" * 32, (TOKEN,))},
        {ONE: Revealed(bytes(32), (TOKEN, b"\1" * 16))},
        {TWO: REVEALED[ONE]},
        {**REVEALED, TWO: REVEALED[ONE]},
    ],
)
def test_other_tokens_are_not_looked_up(revealed):
    with pytest.raises(VerificationError):
        tokens_to_release(APPROVED, "police", revealed, NOW)


def test_nothing_is_sealed_before_the_quorum_or_too_late():
    for act in (
        lambda case, at: tokens_to_release(case, "police", REVEALED, at),
        lambda case, at: seal_release(case, POLICE, ADA, at),
    ):
        with pytest.raises(NotReadyError):
            act(PROPOSED, NOW)
        with pytest.raises(PolicyError, match="time is over"):
            act(APPROVED, PROPOSAL.expires)


def test_fields_that_were_not_asked_for_are_not_sealed():
    with pytest.raises(PolicyError, match="date_of_birth"):
        seal_release(APPROVED, POLICE, {ONE: ({"date_of_birth": "2009-01-01"},)}, NOW)


@pytest.mark.parametrize(
    "fields", [{TWO: ADA[ONE]}, {**ADA, TWO: ()}, {ONE: (*ADA[ONE], *ADA[ONE])}]
)
def test_people_who_were_not_asked_for_are_not_sealed(fields):
    with pytest.raises(PolicyError, match="weren't asked for"):
        seal_release(APPROVED, POLICE, fields, NOW)


def test_a_value_without_end_is_refused_without_being_quoted():
    with pytest.raises(InputError) as refused:
        seal_release(APPROVED, POLICE, {ONE: ({"surname": "Byron" * 2001},)}, NOW)
    assert "Byron" not in str(refused.value)


def test_withholding_is_counted():
    release, _ = seal_release(APPROVED, POLICE, {}, NOW, reason="A court order.")
    assert (release.records, release.withheld) == (0, 1)


@pytest.mark.parametrize(("fields", "reason"), [({}, ""), (ADA, "A court order.")])
def test_withholding_has_a_reason_and_nothing_else_has(fields, reason):
    with pytest.raises(PolicyError, match="say why"):
        seal_release(APPROVED, POLICE, fields, NOW, reason=reason)


def test_more_tokens_than_the_evidence_says_are_not_looked_up():
    """The commitment is to three records where the evidence says one."""
    tokens = tuple(bytes([number]) * 16 for number in range(3))
    held = replace(cluster(ONE, "care", "health").holders[0], agency="police")
    held = replace(held, tokens=commit_tokens(bytes(32), ONE, "police", tokens))
    others = cluster(ONE, "care", "health")
    found = evidence(replace(others, holders=(*others.holders, held)))
    asked = sign_message(proposal(found), ANALYST)
    said = [approval(own, digest=digest_of(asked)) for own in (POLICE, HEALTH)]
    case = replay(AGREEMENT, sign_message(found, MATCHER), asked, said)
    with pytest.raises(VerificationError, match="3 records"):
        tokens_to_release(case, "police", {ONE: Revealed(bytes(32), tokens)}, NOW)


def forged(payload, holder=POLICE):
    """A holder that seals something else than it may, and signs for it."""
    sequence = int(APPROVED.digest[:13], 16)
    context = Context(AGREEMENT.digest(), 1, 0, "disclosed-fields", sequence)
    sealed = seal(HUB.public, context, canonical_json(payload), holder)
    release, _ = seal_release(APPROVED, holder, ADA, NOW + 99)
    release.sealed["hub"] = digest_of(sealed)
    return advance(APPROVED, sign_message(release, holder), "it"), sealed


@pytest.mark.parametrize(
    "payload",
    [
        {"proposal": "0" * 64, "clusters": {ONE: [{"surname": "Byron"}]}},
        {"proposal": APPROVED.digest, "clusters": {TWO: [{"surname": "Byron"}]}},
        {"proposal": APPROVED.digest, "clusters": {ONE: [{"nhs_number": "1"}]}},
        {"proposal": APPROVED.digest, "clusters": {ONE: []}},
        {"proposal": APPROVED.digest, "clusters": {ONE: [{}, {}]}},
        {"proposal": APPROVED.digest, "clusters": {ONE: [{}]}, "more": 1},
    ],
)
def test_a_holder_that_gives_more_or_other_things_is_refused(payload):
    case, sealed = forged(payload)
    with pytest.raises(VerificationError):
        open_release(case, "police", sealed, HUB)


def test_another_message_or_another_recipient_opens_nothing():
    case, sealed = released()
    _, other = released()
    with pytest.raises(VerificationError, match="not what 'police' has released"):
        open_release(case, "police", other, HUB)
    with pytest.raises(VerificationError):
        open_release(case, "police", sealed, CARE)
    with pytest.raises(VerificationError):
        open_release(case, "care", sealed, HUB)


def test_nothing_of_it_shows_in_a_repr():
    assert "0" not in repr(REVEALED[ONE]).replace("1 tokens", "")
    table = side_by_side({"police": ADA}, ["surname"])[0]
    assert "Byron" not in repr(table)


def test_fields_stand_side_by_side_and_conflicts_are_marked():
    disclosed = {
        "police": {ONE: ({"given_name": "Ada", "surname": "Byron"},)},
        "care": {ONE: ({"given_name": " ADA", "surname": "King"}, {"surname": "Byron"})},
        "health": {TWO: ({"given_name": "Bo"},)},
    }
    one, two = side_by_side(disclosed, ["given_name", "surname"])
    assert (one.agencies, two.agencies) == (("care", "police"), ("health",))
    assert [row.conflict for row in one.rows] == [False, True]
    assert one.rows[1].values == (("King", "Byron"), ("Byron",))
    assert two.rows[1].values == (("",),)


@given(st.lists(st.text(max_size=5), min_size=1, max_size=4))
def test_a_conflict_is_two_different_texts(texts):
    disclosed = {f"a{n}": {ONE: ({"surname": text},)} for n, text in enumerate(texts)}
    row = side_by_side(disclosed, ["surname"])[0].rows[0]
    said = {" ".join(text.casefold().split()) for text in texts} - {""}
    assert row.conflict == (len(said) > 1)
