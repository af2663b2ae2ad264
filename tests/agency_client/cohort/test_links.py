"""What links leave uncertain: by hand, against exact distributions, and against a known truth."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from agency_client.cohort import Cohort, open_cohort
from agency_client.cohort.analysis.description import PairEstimate
from agency_client.cohort.analysis.links import drawn_sum, missed, summary
from tests.agency_client.cohort.simulated import AGENCIES, Simulated, simulate, write_small

PAIR = frozenset({"care", "police"})


def opened(tmp_path: Path, *memberships: tuple[str, str, float], **more: Any) -> Cohort:
    return open_cohort(write_small(tmp_path / "cohort", list(memberships), **more))


def together(cohort: Cohort, one: str, other: str) -> list[float]:
    links = cohort.links
    marks = [links.known & (np.array(links.agencies) == name)[None, :] for name in (one, other)]
    return links.together(*marks).tolist()


def test_two_records_hold_together_as_their_link_does(tmp_path: Path):
    cohort = opened(tmp_path, ("a", "health", 0.9), ("a", "police", 0.9), ("b", "police", 1.0))
    assert together(cohort, "health", "police") == pytest.approx([0.9, 0])
    assert together(cohort, "police", "police") == pytest.approx([0.9, 1])


def test_of_three_the_surest_is_the_anchor_and_others_depend_on_both_links(tmp_path: Path):
    rows = (("a", "charity", 0.8), ("a", "health", 0.95), ("a", "police", 0.7))
    cohort = opened(tmp_path, *rows)
    assert together(cohort, "health", "charity") == pytest.approx([0.8])
    assert together(cohort, "charity", "police") == pytest.approx([0.56])


def test_drawn_sums_are_the_binomial_and_whole_numbers_where_all_is_sure():
    assert set(drawn_sum(np.ones(7)).tolist()) == {7}
    assert set(drawn_sum(np.empty(0)).tolist()) == {0}
    drawn = drawn_sum(np.full(400, 0.9))
    assert drawn.mean() == pytest.approx(360, abs=0.5)
    assert drawn.var() == pytest.approx(36, rel=0.1)
    assert abs(np.corrcoef(drawn, drawn_sum(np.full(400, 0.9), stream=1))[0, 1]) < 0.1


def test_missed_matches_follow_from_recall():
    found = np.full(20_000, 90)
    sharp = missed(found, PairEstimate(PAIR, 0.9, None))
    assert sharp.mean() == pytest.approx(90.5 * 0.1 / 0.9, rel=0.02)
    vague = missed(found, PairEstimate(PAIR, 0.9, (0.8, 0.97)))
    assert vague.std() > 1.5 * sharp.std()
    assert missed(found, PairEstimate(PAIR, 1.0, (1.0, 1.0))).mean() < 0.05
    nothing_found = missed(np.zeros(20_000, np.int64), PairEstimate(PAIR, 0.5, None))
    assert summary(nothing_found).high >= 1  # that none was found doesn't mean there is none


def test_intervals_hold_the_truth_as_often_as_they_say(tmp_path: Path):
    """And the numbers as linked don't: missed links are many."""
    held, naive = [], []
    for seed in range(2, 7):
        truth = simulate(tmp_path / str(seed), people=400, seed=seed)
        for right, found, count in counted(truth, open_cohort(truth.folder)):
            held.append(count.low <= right <= count.high)
            naive.append(found == right)
    assert np.mean(held) > 0.93
    assert np.mean(naive) < 0.3


def counted(truth: Simulated, cohort: Cohort) -> list[tuple[int, int, Any]]:
    known = {agency: truth.known(agency) for agency in AGENCIES}
    reported = truth.known("police", "missing_episode")
    absences = [
        (known["charity"] - reported, {"absent_from": "police", "absent_event": "missing_episode"}),
        (
            known["charity"] - known["police"] - known["health"],
            {"absent_from": ("police", "health")},
        ),
    ]
    rows = []
    for right, asked in absences:
        answer = cohort.absent(known_to="charity", **asked)
        rows.append((len(right), answer.found, answer.count))
    for pair in cohort.known_pairs().to_dict("records"):
        right = known[pair["agency"]] & known[pair["other"]]
        rows.append((len(right), pair["found"], SimpleNamespace(**pair)))
    mase, mace = (
        set[int]().union(*(truth.known(own, "meeting", kind=kind) for own in AGENCIES))
        for kind in ("mase", "mace")
    )
    right_of = {
        "mase": mase, "mace": mace, "both": mase & mace, "either": mase | mace,
        "mase only": mase - mace, "mace only": mace - mase,
    }  # fmt: skip
    told = cohort.overlap("mase", "mace", event="meeting").to_dict("records")
    rows += [(len(right_of[own["people"]]), own["found"], SimpleNamespace(**own)) for own in told]
    return rows


def test_without_recall_an_absence_says_that_it_is_too_high(tmp_path: Path):
    rows = (("a", "charity", 0.9), ("a", "police", 0.9), ("b", "charity", 1.0))
    absent = opened(tmp_path, *rows).absent(known_to="charity", absent_from="police")
    assert (absent.found, absent.recall_known) == (1, False)
    assert absent.count.expected == pytest.approx(1.1, abs=0.03)
    assert absent.by_links.expected == pytest.approx(1.1)
    assert absent.people["person"].tolist() == ["b"]


def test_whom_links_may_have_missed_is_absent_with_less_than_certainty(whole: Cohort):
    absent = whole.absent(known_to="charity", absent_from="police")
    assert absent.recall_known
    assert (absent.people["probability"] < 1).all()
    left = len(absent.people) * (1 - absent.people["probability"].iloc[0])
    assert absent.by_links.expected - absent.count.expected == pytest.approx(left, abs=1)
