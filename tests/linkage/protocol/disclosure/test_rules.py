"""The agreement's rules on proposals, each by a proposal that breaks it and nothing else."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from linkage.errors import PolicyError
from linkage.protocol.disclosure.messages import Asked
from linkage.protocol.disclosure.rules import quorum, require_allowed
from tests.linkage.protocol.agreements import AGREEMENT
from tests.linkage.protocol.disclosure.made_up import (
    DAY,
    EVIDENCE,
    NOW,
    ONE,
    TWO,
    agreement_with,
    cluster,
    evidence,
    proposal,
)

LAST_DAY = int(datetime(2026, 12, 31, tzinfo=UTC).timestamp())


def check(found=EVIDENCE, proposer="analyst", under=AGREEMENT, **changes):
    require_allowed(under, proposer, proposal(found, **changes), found)


@pytest.mark.parametrize("proposer", ["analyst", "police", "hub"])
def test_a_proposal_by_the_book_is_allowed(proposer):
    check(proposer=proposer)


def test_it_may_be_open_to_the_last_second_of_the_agreement():
    check(proposed=LAST_DAY, expires=LAST_DAY + DAY)


@pytest.mark.parametrize(
    ("changes", "clause"),
    [
        ({"proposer": "matcher"}, "may not propose"),
        ({"proposer": "officer"}, "may not propose"),
        ({"recipients": ("hub", "police")}, "disclosure.recipients"),
        ({"fields": ("date_of_birth",)}, "disclosure.fields"),
        ({"purpose": "curiosity"}, "agreement.purpose_codes"),
        ({"lawful_basis": "Habit."}, "agreement.lawful_basis"),
        ({"expires": NOW + 30 * DAY + 1}, "disclosure.expires_days"),
        ({"proposed": LAST_DAY, "expires": LAST_DAY + DAY + 1}, "agreement.ends"),
        ({"agreement": "0" * 64}, "another agreement"),
        ({"epoch": 2}, "another agreement"),
        ({"clusters": (Asked(TWO, "several"),)}, "other clusters"),
        ({"clusters": (Asked(ONE, "no-rule"),)}, "which there isn't"),
    ],
)
def test_what_the_agreement_does_not_allow_is_refused(changes, clause):
    with pytest.raises(PolicyError, match=clause):
        check(**changes)


@pytest.mark.parametrize(
    ("found", "clause"),
    [
        (cluster(ONE, "police", "care"), "too few agencies"),
        (cluster(ONE, "police", "care", "health", probability=0.89), "too unsure"),
        (cluster(ONE, "police", "care", "stranger"), "no agency of it"),
        (cluster(ONE, "police", "care", "health", records=2), "several records"),
    ],
)
def test_a_cluster_that_no_rule_fits_is_refused(found, clause):
    with pytest.raises(PolicyError, match=clause):
        check(evidence(found))


def test_every_cluster_is_looked_at():
    fine, few = cluster(ONE, "police", "care", "health"), cluster(TWO, "police", "care")
    with pytest.raises(PolicyError, match="cluster 22222222 is known to too few"):
        check(evidence(fine, few))


def test_named_agencies_must_be_among_the_holders():
    found = evidence(cluster(ONE, "care", "health"))
    by_police = (Asked(ONE, "missing"),)
    with pytest.raises(PolicyError, match="known to all of those named"):
        check(found, clusters=by_police)
    check(evidence(cluster(ONE, "care", "police")), clusters=by_police)


def test_the_batch_is_bounded_both_ways():
    batch = agreement_with(("quorum = 2", "quorum = 2\nleast_batch = 2\nmost_batch = 2"))
    clusters = [cluster(str(n) * 32, "police", "care", "health") for n in (1, 2, 3)]
    check(evidence(*clusters[:2], agreement=batch), under=batch)
    for count, clause in ((1, "least_batch"), (3, "most_batch")):
        with pytest.raises(PolicyError, match=clause):
            check(evidence(*clusters[:count], agreement=batch), under=batch)


def test_protected_people_need_more_or_are_left_out():
    found = evidence(cluster(ONE, "police", "care", "health", protected=True))
    check(found)
    assert quorum(AGREEMENT, found) == 3
    assert quorum(AGREEMENT, EVIDENCE) == 2
    without = agreement_with(("protected_quorum = 3\n", ""))
    with pytest.raises(PolicyError, match="protected"):
        check(replace(found, agreement=without.digest()), under=without)


def test_without_a_disclosure_section_nothing_is_allowed():
    with pytest.raises(PolicyError, match=r"no \[disclosure\]"):
        check(under=replace(AGREEMENT, disclosure=None))


def test_all_faults_are_told_at_once():
    with pytest.raises(PolicyError, match=r"purpose_codes.*lawful_basis"):
        check(purpose="curiosity", lawful_basis="Habit.")
