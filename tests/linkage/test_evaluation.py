"""Intervals of counted quality: published answers, and how often they hold the truth."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from linkage.evaluation import Intervals, Quality, intervals, wilson


@pytest.mark.parametrize(
    ("successes", "trials", "lower", "upper"),
    [
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilson_gives_the_published_limits(successes, trials, lower, upper):
    """Newcombe (1998), Statistics in Medicine 17, table I, method 3."""
    assert wilson(successes, trials) == pytest.approx((lower, upper), abs=5e-5)


@given(st.integers(1, 10**6).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_holds_the_share_and_mirrors(counted):
    successes, trials = counted
    lower, upper = wilson(successes, trials)
    assert 0 <= lower <= successes / trials + 1e-12
    assert successes / trials - 1e-12 <= upper <= 1
    assert wilson(trials - successes, trials) == pytest.approx((1 - upper, 1 - lower), abs=1e-9)
    wider = wilson(successes * 10, trials * 10)
    assert wider[1] - wider[0] < upper - lower


@given(st.integers(0, 5000), st.integers(0, 5000), st.integers(0, 5000))
def test_every_interval_holds_its_figure(correct, wrong, missed):
    quality = Quality(correct + wrong, correct, correct + missed)
    limits = intervals(quality)
    assert (limits.precision is None) == (quality.links == 0)
    assert (limits.recall is None) == (quality.matches == 0)
    assert (limits.f1 is None) == (quality.links + quality.matches == 0)
    for figure in ("precision", "recall", "f1"):
        both = getattr(limits, figure)
        if both is not None:
            assert both[0] - 1e-12 <= getattr(quality, figure) <= both[1] + 1e-12


def test_the_interval_of_f1_is_the_delta_methods_where_counts_are_large():
    quality = Quality(19_000, 18_600, 19_200)
    either = quality.links + quality.matches - quality.correct
    share = quality.correct / either
    error = 2 / (1 + share) ** 2 * math.sqrt(share * (1 - share) / either)
    expected = (quality.f1 - 1.96 * error, quality.f1 + 1.96 * error)
    assert intervals(quality).f1 == pytest.approx(expected, abs=5e-5)


@pytest.mark.parametrize("pairs", [30, 400])
def test_nineteen_of_twenty_intervals_of_f1_hold_the_truth(pairs):
    rng = np.random.default_rng(7)
    truth = 2 * 0.8 / (2 * 0.8 + 0.05 + 0.15)
    held = 0
    for correct, wrong, missed in rng.multinomial(pairs, [0.8, 0.05, 0.15], 2000).tolist():
        lower, upper = intervals(Quality(correct + wrong, correct, correct + missed)).f1
        held += lower <= truth <= upper
    assert 0.935 <= held / 2000 <= 0.975


def test_intervals_as_json():
    limits = Intervals((1 / 3, 2 / 3), None, (0.0, 1.0))
    assert limits.as_dict() == {"precision": [0.333333, 0.666667], "recall": None, "f1": [0.0, 1.0]}
