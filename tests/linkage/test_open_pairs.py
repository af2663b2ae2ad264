"""What pairs that stand for themselves are taken for: no surer than what was seen allows."""

from __future__ import annotations

import numpy as np
import pytest

from linkage.open_pairs import _posterior, _ratio_by_score


def test_what_a_score_says_is_bounded_by_what_was_seen():
    """Above the highest stranger there is no evidence that no stranger comes so high."""
    score = np.array([0.0, 1.0, 2.0, 3.0])
    seen = np.arange(4)
    matches, strangers = np.array([0.0, 10.0, 200.0, 90.0]), np.array([5000, 10, 0, 0])
    ratio = np.exp(_ratio_by_score(score, seen, matches, strangers, 1_000_000))
    assert (np.diff(ratio) >= 0).all()
    assert ratio[-1] == pytest.approx(290 / 0.5 * 1_000_000.5 / 300.5)
    assert ratio[0] > 0


def test_two_records_are_no_match_by_the_only_pair_there_is():
    """A ratio of 150 is far from what one pair in ten thousand needs."""
    alone, share = _posterior(np.log([150.0]), 1, 1e-4)
    assert alone[0] < 0.1
    assert share < 1e-3
    surely, _ = _posterior(np.log([1e7]), 1, 1e-4)
    assert surely[0] > 0.99
    many, share = _posterior(np.log(np.full(400, 1e9)), 100_000, 1e-6)
    assert share == pytest.approx(400 / 100_000, rel=0.95)
    assert many.min() > 0.99
