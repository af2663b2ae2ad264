"""Counts of uncertain people, held against the distribution added up by hand."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom

from agency_client.cohort.counting import expected_count

CHANCES = st.lists(st.sampled_from([0.0, 0.013, 0.2, 0.5, 0.77, 0.999, 1.0]), max_size=40)


def folded(chances):
    found = np.ones(1)
    for chance in chances:
        found = np.convolve(found, [1 - chance, chance])
    return found


@settings(max_examples=80, deadline=None)
@given(CHANCES)
def test_intervals_are_those_of_the_whole_distribution(chances):
    count = expected_count(np.array(chances))
    below = np.cumsum(folded(chances))
    assert count.expected == pytest.approx(sum(chances))
    assert count.low == np.searchsorted(below, 0.025 + 1e-9)
    assert count.high == np.searchsorted(below, 0.975 - 1e-9)


def test_many_people_are_counted_as_the_binomial_distribution_counts_them():
    count = expected_count(np.full(100_000, 0.9))
    assert count.low == pytest.approx(binom.ppf(0.025, 100_000, 0.9), abs=1)
    assert count.high == pytest.approx(binom.ppf(0.975, 100_000, 0.9), abs=1)
