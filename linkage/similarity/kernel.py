"""The fused scan: every row against every column, group by group, without storing the pairs.

For a row and a block of 64 columns the distances of each group are summed in vector registers, and
a mask says which columns may reach the group's lowest level (`linkage.similarity.vectors`). Few do,
so that most blocks are done with that. The columns left are looked at one by one: their levels are
counted, and those whose summed weight reaches the floor are written out.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from linkage.patterns import NULL_DISTANCE, GroupComparison, similarity_of
from linkage.similarity.blocks import BLOCK, Blocks
from linkage.similarity.vectors import FRACTION_BITS, near_by_dice, near_by_distance, popcount

_ROWS_AT_ONCE = 64  # rows that stay in the cache while a block of columns passes
_SLACK = 1 << (FRACTION_BITS - 10)  # more than rounding can do


@dataclass(frozen=True)
class ScanRules:
    """What the kernel keeps: ``thresholds`` and ``weights`` per group and level, and the floor.

    ``thresholds`` float64 (groups, max levels − 1), *rising*, NaN-padded; ``weights`` float64
    (groups, max levels), zero-padded; ``is_dice`` uint8 and ``lengths`` int64 in bits, both
    (groups,). ``reach`` uint64 (groups,) is what the lowest level allows: by correlation the
    greatest distance, by Dice the share of both filters' set bits that may differ, in units of
    2**-32. ``kept_share`` is about the share of pairs that reach the floor; it only makes room.
    """

    thresholds: NDArray[np.float64]
    weights: NDArray[np.float64]
    is_dice: NDArray[np.uint8]
    lengths: NDArray[np.int64]
    reach: NDArray[np.uint64]
    floor: float
    kept_share: float = 0.0

    @classmethod
    def of(
        cls,
        comparisons: tuple[GroupComparison, ...],
        weights: NDArray[np.float64],
        floor: float,
        kept_share: float = 0.0,
    ) -> ScanRules:
        """Lay out the comparisons' levels for the kernel; ``weights`` as above."""
        thresholds = np.full((len(comparisons), weights.shape[1] - 1), np.nan)
        for g, comparison in enumerate(comparisons):
            thresholds[g, : len(comparison.levels)] = comparison.levels[::-1]
        is_dice = np.array([c.kind == "dice" for c in comparisons], np.uint8)
        lengths = np.array([c.length for c in comparisons], np.int64)
        reach = np.array([_reach(comparison) for comparison in comparisons], np.uint64)
        return cls(thresholds, weights, is_dice, lengths, reach, floor, kept_share)


def _reach(comparison: GroupComparison) -> int:
    lowest = comparison.levels[-1]
    if comparison.kind == "dice":
        return min(int((1 - lowest) * (1 << FRACTION_BITS)) + 1, (1 << FRACTION_BITS) - 1)
    distances = np.arange(comparison.length + 1).astype(np.uint16)
    similarity = similarity_of(comparison, distances, np.zeros(len(distances), np.int32))
    return int(np.count_nonzero(similarity >= lowest)) - 1


def scan_rows(
    bits: NDArray[np.uint64],
    present: NDArray[np.bool_],
    counts: NDArray[np.int32],
    columns: Blocks,
    rules: ScanRules,
) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.uint16], NDArray[np.int64]]:
    """Compare every row with every column.

    Returns the pairs at or above the floor as row int32 (k,), column int32 (k,) and distances
    uint16 (k, groups), and how many of all pairs reach each level of each group, int64
    (groups, max levels); level 0 of null pairs isn't counted. Releases the GIL.
    """
    capacity = 1024 + int(2 * rules.kept_share * len(bits) * columns.size)
    while True:
        row = np.empty(capacity, np.int32)
        column = np.empty(capacity, np.int32)
        distances = np.empty((capacity, bits.shape[1]), np.uint16)
        marginals = np.zeros(rules.weights.shape, np.int64)
        found = _scan(
            np.ascontiguousarray(bits), present, counts,
            columns.bits, columns.present, columns.counts, columns.size,
            rules.thresholds, rules.weights, rules.is_dice, rules.lengths, rules.reach, rules.floor,
            row, column, distances, marginals,
        )  # fmt: skip
        if found <= capacity:
            break
        capacity = found
    _count_level_zero(marginals, present, columns)
    return row[:found].copy(), column[:found].copy(), distances[:found].copy(), marginals


def _count_level_zero(
    marginals: NDArray[np.int64], present: NDArray[np.bool_], columns: Blocks
) -> None:
    compared = present.sum(axis=0) * np.bitwise_count(columns.present).sum(axis=0, dtype=np.int64)
    marginals[:, 0] = compared - marginals[:, 1:].sum(axis=1)


# The compiled part. Its arguments are those of `Blocks` and `ScanRules`.

_compiled = njit(nogil=True, cache=True, boundscheck=False, error_model="numpy", forceinline=True)


@_compiled
def _distance(rows, row, columns, block, group, column):  # type: ignore[no-untyped-def]
    """Return the Hamming distance of one pair in one group."""
    distance = np.uint64(0)
    for w in range(rows.shape[2]):
        distance += popcount(rows[row, group, w] ^ columns[block, group, w, column])
    return distance


@_compiled
def _level(distance, set_bits, is_dice, length, thresholds):  # type: ignore[no-untyped-def]
    """Return the agreement level of one pair, by the very division of `similarity_of`."""
    if is_dice:
        similarity = (set_bits - distance) / max(set_bits, 1)
    else:
        similarity = (length - 2.0 * distance) / length
    level = 0
    while level < len(thresholds) and similarity >= thresholds[level]:  # NaN ends it, too
        level += 1
    return level


@_compiled
def _find_near(  # type: ignore[no-untyped-def]  # noqa: PLR0913, PLR0917
    rows, present, counts, row, columns, columns_present, columns_counts, block,
    is_dice, lengths, reach, near,
):  # fmt: skip
    """Mark in ``near``, uint64 (groups,), the columns that may reach each group's lowest level.

    Returns the columns that may in some group. A little generous by Dice and never too strict:
    `_level` decides.
    """
    groups, words = rows.shape[1], rows.shape[2]
    any_group = np.uint64(0)
    for g in range(groups):
        near[g] = 0
        if not present[row, g]:
            continue
        row_at, column_at = (row * groups + g) * words, (block * groups + g) * words * BLOCK
        used = (lengths[g] + 63) // 64
        if is_dice[g]:
            allowed = np.uint64(counts[row, g]) * reach[g] + np.uint64(_SLACK)
            counts_at = (block * groups + g) * BLOCK
            mask = near_by_dice(
                rows, row_at, columns, column_at, used, allowed, columns_counts, counts_at, reach[g]
            )
        else:
            mask = near_by_distance(rows, row_at, columns, column_at, used, reach[g])
        near[g] = mask & columns_present[block, g]
        any_group |= near[g]
    return any_group


@_compiled
def _score(  # type: ignore[no-untyped-def]  # noqa: PLR0913, PLR0917
    rows, present, counts, row, columns, columns_present, columns_counts, block, bit,
    thresholds, weights, is_dice, lengths, near, marginals,
):  # fmt: skip
    """Return the summed weight of the column that ``bit`` stands for; count its levels above 0."""
    score = 0.0
    column = _place(bit)
    for g in range(rows.shape[1]):
        if not (present[row, g] and columns_present[block, g] & bit):
            continue
        level = 0
        if near[g] & bit:
            distance = np.float64(_distance(rows, row, columns, block, g, column))
            set_bits = counts[row, g] + columns_counts[block, g, column]
            level = _level(distance, set_bits, is_dice[g], lengths[g], thresholds[g])
        if level > 0:
            marginals[g, level] += 1
        score += weights[g, level]
    return score


@_compiled
def _gains_of_nulls(columns_present, block, weights, gains):  # type: ignore[no-untyped-def]
    """Write what each column of a block gains, (64,), by having no groups to disagree in.

    Returns the greatest gain.
    """
    for c in range(BLOCK):
        gains[c] = 0.0
        for g in range(len(weights)):
            if not columns_present[block, g] >> np.uint64(c) & np.uint64(1):
                gains[c] += max(-weights[g, 0], 0.0)
    return gains.max()


@_compiled
def _null_enough(present, row, weights, gains, most, floor):  # type: ignore[no-untyped-def]
    """Mark the columns that may reach the floor without any agreement; never too few."""
    missing = floor - 1e-9
    for g in range(len(weights)):
        if present[row, g]:
            missing -= weights[g, 0]
    mask = np.uint64(0)
    if most < missing:
        return mask
    for c in range(BLOCK):
        mask |= np.uint64(gains[c] >= missing) << np.uint64(c)
    return mask


@_compiled
def _place(bit):  # type: ignore[no-untyped-def]
    """Return which bit of a word it is."""
    return np.int64(popcount(bit - np.uint64(1)))


@_compiled
def _write_distances(  # type: ignore[no-untyped-def]  # noqa: PLR0913, PLR0917
    rows, present, row, columns, columns_present, block, bit, out
):
    column = _place(bit)
    for g in range(rows.shape[1]):
        both = present[row, g] and columns_present[block, g] & bit
        out[g] = _distance(rows, row, columns, block, g, column) if both else NULL_DISTANCE


@_compiled
def _scan(  # type: ignore[no-untyped-def]  # noqa: PLR0913, PLR0917
    rows, present, counts, columns, columns_present, columns_counts, size,
    thresholds, weights, is_dice, lengths, reach, floor,
    out_row, out_column, out_distances, marginals,
):  # fmt: skip
    """Return how many pairs reach the floor, and write out as many as there is room for."""
    found = 0
    near = np.zeros(rows.shape[1], np.uint64)
    gains, most = np.zeros(BLOCK, np.float64), 0.0
    # What a pair without any agreement can reach: then only near columns matter.
    hopeless = np.maximum(weights[:, 0], 0.0).sum() < floor
    for first in range(0, rows.shape[0], _ROWS_AT_ONCE):
        for block in range(columns.shape[0]):
            every = ~np.uint64(0) >> np.uint64(max(0, (block + 1) * BLOCK - size))
            if not hopeless:
                most = _gains_of_nulls(columns_present, block, weights, gains)
            for row in range(first, min(first + _ROWS_AT_ONCE, rows.shape[0])):
                waiting = _find_near(
                    rows, present, counts, row, columns, columns_present, columns_counts, block,
                    is_dice, lengths, reach, near,
                )  # fmt: skip
                if not hopeless:
                    waiting |= every & _null_enough(present, row, weights, gains, most, floor)
                while waiting:
                    bit = waiting & (~waiting + np.uint64(1))
                    waiting ^= bit
                    score = _score(
                        rows, present, counts, row, columns, columns_present, columns_counts, block,
                        bit, thresholds, weights, is_dice, lengths, near, marginals,
                    )  # fmt: skip
                    if score < floor:
                        continue
                    if found < len(out_row):
                        out_row[found], out_column[found] = row, block * BLOCK + _place(bit)
                        _write_distances(
                            rows, present, row, columns, columns_present, block, bit,
                            out_distances[found],
                        )  # fmt: skip
                    found += 1
    return found
