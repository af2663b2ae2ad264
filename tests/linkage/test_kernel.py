"""The fast scan must find exactly what plain numpy finds, ties and odd sizes included."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from linkage.patterns import DICE_LEVELS, NULL, GroupComparison, correlation_levels, levels_of
from linkage.similarity import ScanRules, hamming_distances, scan_rows, to_blocks
from tests.synthetic import random_bits


def by_reference(bits, present, split, comparisons, rules):
    """Every pair of a row before the split with a column behind it, by numpy alone."""
    counts = np.bitwise_count(bits).sum(axis=2, dtype=np.int32)
    rows, columns = np.meshgrid(np.arange(split), np.arange(split, len(bits)), indexing="ij")
    left, right = rows.ravel(), columns.ravel()
    distances = hamming_distances(bits, present, left, right)
    levels = levels_of(comparisons, distances, counts[left] + counts[right])
    weights = np.concatenate([rules.weights, np.zeros((len(comparisons), 1))], axis=1)
    score = weights[np.arange(len(comparisons)), levels].sum(axis=1)
    keep = score >= rules.floor
    marginals = np.zeros(rules.weights.shape, np.int64)
    for g in range(len(comparisons)):
        known = levels[:, g][levels[:, g] != NULL]
        marginals[g] = np.bincount(known, minlength=rules.weights.shape[1])
    found = zip(left[keep], right[keep] - split, map(tuple, distances[keep]), strict=True)
    return set(found), marginals


def by_kernel(bits, present, split, rules):
    counts = np.bitwise_count(bits).sum(axis=2, dtype=np.int32)
    blocks = to_blocks(bits[split:], present[split:], counts[split:])
    row, column, distances, marginals = scan_rows(
        bits[:split], present[:split], counts[:split], blocks, rules
    )
    return set(zip(row, column, map(tuple, distances), strict=True)), marginals


def assert_equal(bits, present, split, comparisons, floor):
    levels = max(c.level_count for c in comparisons)
    # Whole numbers, so that no sum depends on its order.
    weights = np.cumsum(np.ones((len(comparisons), levels)), axis=1) - 2
    for g, comparison in enumerate(comparisons):
        weights[g, comparison.level_count :] = 0
    rules = ScanRules.of(comparisons, weights, floor)
    found, marginals = by_kernel(bits, present, split, rules)
    expected, expected_marginals = by_reference(bits, present, split, comparisons, rules)
    assert found == expected
    np.testing.assert_array_equal(marginals, expected_marginals)


@settings(max_examples=60)
@given(
    seed=st.integers(0, 2**32),
    rows=st.integers(1, 200),
    columns=st.integers(1, 200),
    kinds=st.lists(st.sampled_from(["correlation", "dice"]), min_size=1, max_size=5),
    words=st.integers(1, 9),
    density=st.integers(0, 3),
    floor=st.integers(-5, 8),
)
def test_kernel_equals_reference(seed, rows, columns, kinds, words, density, floor):
    rng = np.random.default_rng(seed)
    shape = (rows + columns, len(kinds), words)
    bits = random_bits(rng, *shape)
    for _ in range(density):  # sparser filters, where Dice has many exact ties
        bits &= random_bits(rng, *shape)
    copies = rng.integers(0, rows, columns // 2)
    bits[rows : rows + len(copies)] = bits[copies]
    present = rng.random(shape[:2]) < 0.8
    bits *= present[:, :, None]
    comparisons = tuple(
        GroupComparison(
            f"g{g}",
            64 * words,
            kind,
            correlation_levels(64 * words) if kind == "correlation" else DICE_LEVELS,
        )
        for g, kind in enumerate(kinds)
    )
    assert_equal(bits, present, rows, comparisons, float(floor))


@pytest.mark.parametrize("kind", ["correlation", "dice"])
def test_empty_and_full_filters(kind):
    empty, full = np.zeros((1, 1, 2), np.uint64), np.full((1, 1, 2), 2**64 - 1, np.uint64)
    bits = np.concatenate([empty, full, empty, full])
    present = np.ones((4, 1), bool)
    comparison = GroupComparison("g", 128, kind, (0.9, 0.5))
    assert_equal(bits, present, 2, (comparison,), -10.0)


def test_two_empty_filters_are_no_evidence_by_dice():
    comparison = GroupComparison("g", 128, "dice", (0.9, 0.5))
    levels = levels_of((comparison,), np.zeros((1, 1), np.uint16), np.zeros((1, 1), np.int32))
    assert levels.tolist() == [[0]]


@pytest.mark.parametrize(("shared", "alone", "level"), [(8, 2, 1), (7, 3, 0), (9, 1, 1)])
def test_dice_exactly_at_the_threshold_counts(shared, alone, level):
    """8 shared of 10 and 10 set bits is a Dice coefficient of exactly 0.8."""
    a = (1 << (shared + alone)) - 1
    b = ((1 << shared) - 1) | (((1 << alone) - 1) << 32)
    bits = np.array([[[a]], [[b]]], np.uint64)
    comparison = GroupComparison("g", 64, "dice", (0.8,))
    rules = ScanRules.of((comparison,), np.array([[0.0, 1.0]]), 0.0)
    _, marginals = by_kernel(bits, np.ones((2, 1), bool), 1, rules)
    assert marginals[0, 1] == level


def test_more_pairs_than_the_first_buffer_holds():
    bits = np.zeros((300, 1, 1), np.uint64)
    comparison = GroupComparison("g", 64, "correlation", (0.5,))
    assert_equal(bits, np.ones((300, 1), bool), 150, (comparison,), -10.0)


def test_sixty_four_groups_of_unequal_use():
    rng = np.random.default_rng(3)
    bits = random_bits(rng, 90, 64, 1)
    present = rng.random((90, 64)) < 0.5
    bits *= present[:, :, None]
    comparisons = tuple(GroupComparison(f"g{g}", 64, "correlation", (0.9, 0.5)) for g in range(64))
    assert_equal(bits, present, 40, comparisons, -30.0)


@pytest.mark.parametrize("size", [1, 63, 64, 65, 127, 128, 129])
@pytest.mark.parametrize("kind", ["correlation", "dice"])
def test_every_edge_of_a_block(size, kind):
    """Copies, opposites, empty and full filters, and null groups, whose bits may match."""
    rng = np.random.default_rng(size)
    bits = random_bits(rng, 8, 3, 2)
    bits[5], bits[6], bits[7] = ~bits[4], 0, 2**64 - 1
    bits = np.concatenate([bits, bits[rng.integers(0, 8, size)]])
    present = rng.random(bits.shape[:2]) < 0.7
    comparisons = tuple(GroupComparison(f"g{g}", 128, kind, (1.0, 0.5)) for g in range(3))
    for floor in (-np.inf, 0.0, 2.0):
        assert_equal(bits, present, 8, comparisons, floor)


@pytest.mark.parametrize("distance", range(40, 48))
def test_correlation_at_each_distance_around_the_lowest_level(distance):
    bits = np.zeros((2, 1, 2), np.uint64)
    bits[1, 0, 1] = (1 << distance) - 1
    comparison = GroupComparison("g", 128, "correlation", correlation_levels(128))
    assert_equal(bits, np.ones((2, 1), bool), 1, (comparison,), 0.0)


ON_AN_OLDER_MACHINE = """
import numpy as np
from linkage.patterns import GroupComparison, correlation_levels
from tests.linkage.test_kernel import assert_equal
from tests.synthetic import random_bits

bits = random_bits(np.random.default_rng(1), 300, 4, 2)
bits[100:200] = bits[:100]
present = np.random.default_rng(2).random((300, 4)) < 0.8
kinds = ("correlation", "dice", "correlation", "dice")
levels = {"correlation": correlation_levels(128), "dice": (0.9, 0.6)}
comparisons = tuple(GroupComparison(f"g{g}", 128, k, levels[k]) for g, k in enumerate(kinds))
assert_equal(bits, present, 100, comparisons, 2.0)
"""


def test_code_for_a_machine_without_vector_popcount_finds_the_same(tmp_path):
    older = {
        "NUMBA_CPU_NAME": "generic",
        "NUMBA_CPU_FEATURES": "",
        "NUMBA_CACHE_DIR": str(tmp_path),
    }
    subprocess.run(
        [sys.executable, "-c", ON_AN_OLDER_MACHINE],
        env={**os.environ, **older},
        cwd=Path(__file__).parents[2],
        check=True,
    )
