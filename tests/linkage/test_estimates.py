"""Quality without truth: what is estimated holds against worlds in which the truth is known."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from linkage.estimates import EstimateBasis, estimate_quality
from linkage.linking import Linkage, LinkingRules, link
from linkage.sources import Sources, gather, records_alone
from linkage.unseen import Shown, can_estimate
from tests.diffused import COMPARISONS, agencies_of

RULES = LinkingRules(COMPARISONS, 0.5, 0.1, 40, 1)
WRONG = {"given": 0.08, "surname": 0.1, "date": 0.08, "place": 0.35}


def linked(seed: int, rules: LinkingRules = RULES, **world: object) -> tuple[Linkage, float, float]:
    """Link a world; also return true precision and recall."""
    files, whose = agencies_of(seed, **world)
    sources = gather(files, {"one": True, "two": True})
    linkage = link(sources, rules, map)
    person = np.array([whose[token.tobytes()] for token in sources.tokens])
    links = linkage.links.at_least(rules.link)
    right = int((person[links.left] == person[links.right]).sum())
    matches = len(np.intersect1d(*(person[sources.records(a)] for a in range(2))))
    return linkage, right / len(links), right / matches


@pytest.mark.parametrize("seed", range(3))
def test_matches_that_look_like_strangers_are_counted(seed):
    linkage, precision, recall = linked(seed, people=2500, wrong=WRONG, near=0.2)
    estimate = linkage.estimate
    assert recall < 0.93
    assert estimate.counts_unseen
    assert estimate.recall == pytest.approx(recall, abs=0.025)
    assert estimate.precision == pytest.approx(precision, abs=0.01)
    low, high = estimate.recall_interval
    assert low < estimate.recall < high < low + 0.1


def test_records_without_a_date_are_missed_more_often_and_that_is_known():
    linkage, _, recall = linked(5, people=2500, wrong=WRONG, near=0.2, missing_dates=0.25)
    assert linkage.estimate.recall == pytest.approx(recall, abs=0.035)


def test_without_knowing_the_parts_recall_is_only_of_what_is_seen():
    comparisons = tuple(replace(comparison, parts=()) for comparison in COMPARISONS)
    assert can_estimate(COMPARISONS)
    assert not can_estimate(comparisons)
    rules = replace(RULES, comparisons=comparisons)
    linkage, _, recall = linked(0, rules, people=1500, wrong=WRONG, near=0.2)
    assert not linkage.estimate.counts_unseen
    assert linkage.estimate.recall_interval is None
    assert linkage.estimate.recall > recall + 0.03
    assert linkage.basis.shown == {}


@pytest.mark.parametrize("lost", ["records", "groups"])
def test_a_file_without_anything_to_compare_is_no_fault(lost):
    files, _ = agencies_of(1, people=1200, wrong=WRONG, near=0.2)
    header = replace(files[0].header, agency="three")
    rows = 0 if lost == "records" else 50
    tokens = np.arange(rows * 16, dtype=np.uint64).astype(np.uint8).reshape(rows, 16)
    tokens[:, :2] = np.arange(rows, dtype=np.uint16)[:, None].view(np.uint8)
    nothing = replace(
        files[0],
        header=header,
        tokens=tokens,
        bits=np.zeros((rows, *files[0].bits.shape[1:]), np.uint64),
        present=np.zeros((rows, files[0].present.shape[1]), np.bool_),
    )
    clean = {"one": True, "two": True, "three": True}
    linkage = link(gather([*files, nothing], clean), RULES, map)
    assert linkage.estimates["one", "two"].counts_unseen
    assert linkage.estimates["one", "three"].links == 0
    pair = link(gather([files[0], nothing], clean), RULES, map)
    assert pair.basis.shown == {}
    assert pair.estimate.links == 0


def test_where_all_matches_are_identical_none_are_thought_unseen():
    """Seen are then only pairs of one pattern, which by itself says nothing of others."""
    linkage, precision, recall = linked(1, people=900, wrong=dict.fromkeys(WRONG, 0.0), near=0.0)
    assert (precision, recall) > (0.99, 0.99)
    assert linkage.estimate.recall > 0.98


@pytest.mark.parametrize("clean", [(True, False), (False, False)])
def test_agencies_that_may_hold_people_twice_are_linked_no_less_carefully(clean):
    files, whose = agencies_of(1, people=1500, wrong=WRONG, near=0.2)
    sources = gather(files, dict(zip(("one", "two"), clean, strict=True)))
    links = link(sources, RULES, map).links.at_least(0.5)
    person = np.array([whose[token.tobytes()] for token in sources.tokens])
    right = int((person[links.left] == person[links.right]).sum())
    matches = len(np.intersect1d(*(person[sources.records(a)] for a in range(2))))
    assert right > 0.65 * matches
    assert right > 0.9 * len(links)


def agencies(count: int) -> Sources:
    names = tuple(f"agency{k}" for k in range(count))
    clean = np.ones(count, np.bool_)
    source = np.arange(count, dtype=np.int32)
    tokens = np.arange(16 * count, dtype=np.uint8).reshape(count, 16)
    return records_alone(names, clean, source, tokens)


def test_the_share_shown_turns_what_was_found_into_all_there_is():
    shown = {("agency0", "agency1"): Shown(0.8, 0.0)}
    found, linked_pairs = np.array([0, 800.0, 0, 0]), np.array([0, 790, 0, 0])
    basis = EstimateBasis(shown, 1.0)
    whole, by_pair = estimate_quality(
        agencies(2), found, linked_pairs, np.array([0, 780.0, 0, 0]), basis
    )
    assert (whole.links, whole.correct, whole.matches) == (790, 780.0, 1000.0)
    assert by_pair == {("agency0", "agency1"): whole}
    # Ten false links: the exact Poisson limits of 10 are 4.795 and 18.390.
    assert whole.precision_interval == pytest.approx((1 - 18.390 / 790, 1 - 4.795 / 790), abs=1e-5)


def test_what_other_records_tie_together_counts_as_found():
    """Clusters may link more than the assignment shows; recall never passes 1."""
    shown = {("agency0", "agency1"): Shown(0.9, 0.01)}
    cells = (np.array([0, 50.0, 0, 0]), np.array([0, 100, 0, 0]), np.array([0, 99.0, 0, 0]))
    whole, _ = estimate_quality(agencies(2), *cells, EstimateBasis(shown, 0.5))
    assert whole.recall == 1.0
    assert whole.recall_interval[1] == 1.0


@given(
    found=st.lists(st.floats(0, 1e4), min_size=9, max_size=9),
    share=st.floats(0.05, 1),
    error=st.floats(0, 2),
    weight=st.floats(1e-3, 50),
)
def test_intervals_hold_their_estimate_and_stay_within_0_and_1(found, share, error, weight):
    sources = agencies(3)
    shown = {(sources.names[a], sources.names[b]): Shown(share, error) for a, b in sources.pairs()}
    expected = np.array(found)
    basis = EstimateBasis(shown, weight)
    links = np.ceil(expected).astype(np.int64)
    whole, by_pair = estimate_quality(sources, expected, links, 0.9 * expected, basis)
    for estimate in (whole, *by_pair.values()):
        for value, interval in (
            (estimate.precision, estimate.precision_interval),
            (estimate.recall, estimate.recall_interval),
        ):
            if interval is not None and estimate.links:
                assert 0 <= interval[0] <= value + 1e-9
                assert value - 1e-9 <= interval[1] <= 1
    assert math.isclose(whole.matches, sum(own.matches for own in by_pair.values()), abs_tol=1e-6)


def test_without_decoys_nothing_is_said_of_chance():
    cells = (np.array([0, 9.0, 0, 0]), np.array([0, 9, 0, 0]), np.array([0, 8.0, 0, 0]))
    whole, _ = estimate_quality(agencies(2), *cells, EstimateBasis())
    assert whole.precision_interval is None
    assert whole.recall_interval is None
