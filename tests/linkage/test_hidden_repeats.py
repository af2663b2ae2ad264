"""Decoys where agencies hide what several of their records share."""

import numpy as np
import pytest

from linkage.calibration import _for_each_hidden
from linkage.candidates import Candidates


def candidates(levels):
    count = len(levels)
    rows = np.arange(count, dtype=np.int32)
    return Candidates(rows, rows, np.array(levels, np.int8), np.zeros(count), np.zeros(1), count)


def test_a_decoy_stands_for_those_that_the_match_hides():
    # Four sure pairs, three of them identical in the first group and none in the second.
    pairs = candidates([[5, 1], [5, 0], [5, 2], [3, 1], [5, 0], [0, 5], [5, 5], [4, 4]])
    sure = np.arange(8) < 4
    found = _for_each_hidden(pairs, sure, np.array([4, 5, 6, 7]), np.ones(4, bool))
    assert found == pytest.approx([4, 1, 4, 1])


def test_where_all_sure_pairs_are_identical_the_weight_is_bounded():
    pairs = candidates([[5], [5], [5]])
    found = _for_each_hidden(pairs, np.array([True, True, False]), np.array([2]), np.ones(1, bool))
    assert found == pytest.approx([20])


def test_where_nothing_is_hidden_a_decoy_stands_for_itself():
    pairs = candidates([[5], [5], [1], [5], [5]])
    sure = np.arange(5) < 3
    found = _for_each_hidden(pairs, sure, np.array([3, 4]), np.array([True, False]))
    assert found == pytest.approx([3, 1])
