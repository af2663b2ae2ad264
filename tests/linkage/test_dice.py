"""Thresholded Dice finds exactly the pairs that plain numpy finds."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from linkage.similarity import dice_pairs
from linkage.similarity.dice import dice_pairs_by_numpy
from tests.synthetic import random_bits


def assert_equal(rows, columns, least):
    for found, expected in zip(
        dice_pairs(rows, columns, least), dice_pairs_by_numpy(rows, columns, least), strict=True
    ):
        np.testing.assert_array_equal(found, expected)


@settings(max_examples=60)
@given(
    seed=st.integers(0, 2**32),
    rows=st.integers(0, 130),
    columns=st.integers(0, 130),
    words=st.sampled_from([1, 2, 3, 7, 8, 9, 16, 17]),
    density=st.integers(0, 3),
    least=st.sampled_from([0.01, 0.25, 0.4, 0.5, 0.6, 2 / 3, 0.8, 0.9, 1.0]),
)
def test_kernel_equals_numpy(seed, rows, columns, words, density, least):
    rng = np.random.default_rng(seed)
    bits = random_bits(rng, rows + columns, words)
    for _ in range(density):  # the sparser the filters, the more exact ties
        bits &= random_bits(rng, rows + columns, words)
    bits[rng.random(len(bits)) < 0.1] = 0
    bits[rng.random(len(bits)) < 0.1] = 2**64 - 1
    near = rng.integers(0, max(rows, 1), columns // 2)
    if rows:  # copies that differ in one half only, where looking half-way could go wrong
        bits[rows : rows + len(near)] = bits[near]
        halves = (slice(0, words // 2), slice(words // 2, words))
        bits[rows : rows + len(near), halves[seed % 2]] &= random_bits(rng, 1, 1)
    assert_equal(bits[:rows], bits[rows:], least)


@pytest.mark.parametrize("size", [1, 63, 64, 65, 128, 129])
def test_all_ones_and_nothing_at_every_edge_of_a_block(size):
    ones, nothing = np.full((size, 16), 2**64 - 1, np.uint64), np.zeros((size, 16), np.uint64)
    assert len(dice_pairs(ones, ones, 1.0)[0]) == size * size
    assert len(dice_pairs(nothing, nothing, 0.01)[0]) == 0
    assert len(dice_pairs(ones, nothing, 0.01)[0]) == 0


@pytest.mark.parametrize("words", [1, 16])
def test_a_coefficient_exactly_at_the_threshold_counts(words):
    """Two filters of 10 set bits of which 8 are shared: exactly 0.8."""
    rows, columns = np.zeros((1, words), np.uint64), np.zeros((2, words), np.uint64)
    rows[0, -1], columns[0, -1], columns[1, -1] = (
        0b11_1111_1111,
        0b1111_1111_1100,
        0b1_1111_1111_1000,
    )
    row, column, coefficient = dice_pairs(rows, columns, 0.8)
    assert (row.tolist(), column.tolist(), coefficient.tolist()) == ([0], [0], [0.8])
