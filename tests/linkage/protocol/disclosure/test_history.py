"""Disclosures read from signed messages: nobody gets further by lying than by the truth."""

from dataclasses import replace

import pytest

from linkage.errors import LinkageError, NotReadyError, PolicyError, VerificationError
from linkage.protocol.disclosure.history import advance, expire, open_case, replay, supersede
from linkage.protocol.disclosure.messages import Release, digest_of, sign_message
from tests.linkage.protocol.agreements import AGREEMENT, ANALYST, HUB
from tests.linkage.protocol.disclosure.made_up import (
    DIGEST,
    EVIDENCE,
    NOW,
    ONE,
    PROPOSAL,
    SIGNED_EVIDENCE,
    SIGNED_PROPOSAL,
    THREE,
    approval,
    cluster,
    evidence,
    giving_back,
    opening,
    proposal,
    recall,
    refusal,
    release,
)
from tests.linkage.protocol.parties import CARE, HEALTH, MATCHER, POLICE, flipped, identity

QUORUM = [approval(POLICE), approval(CARE)]
RELEASES = [release(POLICE), release(CARE)]


def case(*messages):
    return replay(AGREEMENT, SIGNED_EVIDENCE, SIGNED_PROPOSAL, messages)


def test_a_whole_disclosure():
    recalled = recall(MATCHER)
    told = case(*QUORUM, refusal(HEALTH), *RELEASES, opening(POLICE, CARE), recalled)
    assert told.life.state == "recalled"
    assert told.life.approved == {"police", "care"}
    assert told.life.refused == {"health"}
    assert told.life.outstanding == {"hub"}
    assert set(told.releases) == {"police", "care"}
    assert not advance(told, giving_back(recalled), "it").life.outstanding


def test_every_flipped_bit_of_any_message_is_refused():
    approved = open_case(AGREEMENT, SIGNED_EVIDENCE, SIGNED_PROPOSAL)
    for content in flipped(QUORUM[0]):
        with pytest.raises(LinkageError):
            advance(approved, content, "an approval")
    for content in list(flipped(SIGNED_PROPOSAL))[::17]:
        with pytest.raises(VerificationError):
            open_case(AGREEMENT, SIGNED_EVIDENCE, content)
    for content in list(flipped(SIGNED_EVIDENCE))[::17]:
        with pytest.raises(VerificationError):
            open_case(AGREEMENT, content, SIGNED_PROPOSAL)


def test_no_approval_counts_for_a_changed_proposal():
    other = sign_message(replace(PROPOSAL, necessity="Another reason."), ANALYST)
    with pytest.raises(VerificationError, match="another proposal"):
        replay(AGREEMENT, SIGNED_EVIDENCE, other, QUORUM)


def test_nobody_outside_the_agreement_is_heard():
    for stranger in (identity("stranger", 99), identity("police", 99)):
        with pytest.raises(VerificationError, match="step 4"):
            case(approval(stranger))


def test_an_approval_is_counted_once():
    with pytest.raises(PolicyError, match="decided already"):
        case(approval(POLICE), approval(POLICE, at=NOW + 61))
    with pytest.raises(PolicyError, match="decided already"):
        case(approval(POLICE), approval(POLICE))


def test_only_the_matcher_gives_evidence():
    made_up = sign_message(EVIDENCE, POLICE)
    with pytest.raises(VerificationError, match="step 4"):
        open_case(AGREEMENT, made_up, SIGNED_PROPOSAL)


def test_a_proposal_rests_on_its_own_evidence():
    other = sign_message(
        evidence(cluster(ONE, "police", "care", "health", protected=True)), MATCHER
    )
    with pytest.raises(VerificationError, match="other evidence"):
        open_case(AGREEMENT, other, SIGNED_PROPOSAL)


def test_rules_are_checked_by_whoever_reads():
    few = evidence(cluster(ONE, "police", "care"))
    signed = sign_message(proposal(few), ANALYST)
    with pytest.raises(PolicyError, match="too few agencies"):
        open_case(AGREEMENT, sign_message(few, MATCHER), signed)


def test_a_quorum_that_needs_the_proposer_is_refused():
    found = evidence(cluster(ONE, "police", "care", "health", protected=True))
    signed = sign_message(proposal(found), CARE)
    with pytest.raises(PolicyError, match="needs 3 approvals"):
        open_case(AGREEMENT, sign_message(found, MATCHER), signed)


def test_nothing_is_released_before_the_quorum():
    with pytest.raises(NotReadyError, match="1 of 2"):
        case(approval(POLICE), release(CARE))


@pytest.mark.parametrize(
    "changes",
    [
        {"sealed": {"hub": "c" * 64, "police": "d" * 64}},
        {"sealed": {"police": "c" * 64}},
        {"records": 2},
        {"records": 0},
    ],
)
def test_a_release_goes_to_the_recipients_and_accounts_for_every_record(changes):
    with pytest.raises(VerificationError):
        case(*QUORUM, release(POLICE, **changes))


def test_what_is_withheld_is_said_and_why():
    told = case(*QUORUM, release(POLICE, records=0, withheld=1, reason="Under another order."))
    assert told.releases["police"].withheld == 1
    with pytest.raises(ValueError, match="has a reason"):
        Release(DIGEST, NOW, {"hub": "c" * 64}, 0, withheld=1)


def test_a_recipient_opens_what_was_released_and_nothing_else():
    with pytest.raises(VerificationError, match="something else"):
        case(*QUORUM, RELEASES[0], opening(POLICE, CARE))
    with pytest.raises(PolicyError, match="no recipient"):
        case(*QUORUM, *RELEASES, opening(POLICE, party=HEALTH))


def test_a_recall_is_about_what_was_asked_and_is_answered_itself():
    with pytest.raises(VerificationError, match="didn't ask for"):
        case(*QUORUM, *RELEASES, recall(POLICE, lineage={THREE: ()}))
    recalled = recall(POLICE)
    with pytest.raises(VerificationError, match="a recall that wasn't made"):
        case(*QUORUM, *RELEASES, recalled, giving_back(recall(CARE)))


def test_each_of_several_recalls_is_answered_by_its_own_return():
    first, second = recall(POLICE), recall(MATCHER)
    told = case(*QUORUM, *RELEASES, first, second, giving_back(second))
    assert [digest for digest, _ in told.recalls] == [digest_of(first), digest_of(second)]
    assert told.life.outstanding == {"hub"}
    assert not advance(told, giving_back(first), "it").life.outstanding


@pytest.mark.parametrize("late", [-301, 301])
def test_a_message_says_the_time_at_which_it_came(late):
    begun = open_case(AGREEMENT, SIGNED_EVIDENCE, SIGNED_PROPOSAL)
    with pytest.raises(VerificationError, match="another time"):
        advance(begun, approval(POLICE, at=NOW + 400), "it", entered=NOW + 400 + late)
    close = NOW + 400 + late // 301 * 300
    assert advance(begun, approval(POLICE, at=NOW + 400), "it", entered=close).life.approved


@pytest.mark.parametrize("kind", [b"[]", b"{}", b"1", b"null", b'"x"', b'"cluster-evidence"'])
def test_a_message_of_no_kind_is_refused_in_words(kind):
    begun = open_case(AGREEMENT, SIGNED_EVIDENCE, SIGNED_PROPOSAL)
    with pytest.raises(VerificationError, match="no message that moves"):
        advance(begun, b'{"kind":' + kind + b"}", "it")


def test_no_move_is_older_than_the_proposal():
    with pytest.raises(VerificationError, match="older"):
        case(approval(POLICE, at=NOW - 1))


def test_a_proposal_or_evidence_is_no_move():
    for content in (SIGNED_PROPOSAL, SIGNED_EVIDENCE):
        with pytest.raises(VerificationError, match="moves a disclosure"):
            case(content)


def test_it_expires_by_time_alone():
    opened = case(approval(POLICE))
    with pytest.raises(NotReadyError):
        expire(opened, PROPOSAL.expires - 1)
    assert expire(opened, PROPOSAL.expires).life.state == "expired"


def test_a_new_proposal_replaces_the_one_it_names():
    old = case(*QUORUM)
    named = sign_message(replace(PROPOSAL, supersedes=DIGEST), ANALYST)
    assert supersede(old, open_case(AGREEMENT, SIGNED_EVIDENCE, named)).life.state == "superseded"
    with pytest.raises(VerificationError, match="doesn't say"):
        supersede(old, open_case(AGREEMENT, SIGNED_EVIDENCE, SIGNED_PROPOSAL))
    other = sign_message(replace(PROPOSAL, supersedes=DIGEST), HUB)
    with pytest.raises(PolicyError, match="Only 'analyst'"):
        supersede(old, open_case(AGREEMENT, SIGNED_EVIDENCE, other))


def test_order_and_repetition_in_a_message_are_refused():
    for changes in (
        {"fields": ("surname", "given_name")},
        {"recipients": ("hub", "hub")},
        {"expires": NOW},
    ):
        with pytest.raises(ValueError, match=r"order|expires"):
            proposal(EVIDENCE, **changes)


def test_the_digest_is_of_the_bytes_as_received():
    assert digest_of(SIGNED_PROPOSAL) == DIGEST
    assert digest_of(SIGNED_PROPOSAL + b" ") != DIGEST
