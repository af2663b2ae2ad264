"""The fused scan: every row against every column, group by group, without storing the pairs.

Columns are kept transposed in blocks of 64, so that the inner loop runs over contiguous words and
the compiler turns it into vector instructions (``vpopcntq`` where the machine has AVX-512). Per
group and block the kernel adds up Hamming distances; the few columns that reach the group's
lowest level are looked at one by one, the others get the weight of level 0. Pairs whose summed
weight reaches the floor are written out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit, types
from numba.extending import intrinsic
from numpy.typing import NDArray

from linkage.patterns import NULL_DISTANCE, GroupComparison

BLOCK = 64
_ROWS_AT_ONCE = 64  # rows that stay in the cache while a block of columns passes


@dataclass(frozen=True)
class Blocks:
    """Columns in blocks of 64.

    ``bits`` uint64 (blocks, groups, words, 64); ``present`` uint8 and ``counts`` int32 (set bits),
    both (blocks, groups, 64); ``size`` the number of real columns, padding not counted.
    """

    bits: NDArray[np.uint64]
    present: NDArray[np.uint8]
    counts: NDArray[np.int32]
    size: int


@dataclass(frozen=True)
class ScanRules:
    """What the kernel keeps: ``thresholds`` and ``weights`` per group and level, and the floor.

    ``thresholds`` float64 (groups, max levels − 1), *rising*, NaN-padded; ``weights`` float64
    (groups, max levels), zero-padded; ``is_dice`` uint8 and ``lengths`` int64, both (groups,).
    """

    thresholds: NDArray[np.float64]
    weights: NDArray[np.float64]
    is_dice: NDArray[np.uint8]
    lengths: NDArray[np.int64]
    floor: float

    @classmethod
    def of(
        cls,
        comparisons: tuple[GroupComparison, ...],
        weights: NDArray[np.float64],
        floor: float,
    ) -> ScanRules:
        """Lay out the comparisons' levels for the kernel; ``weights`` as above."""
        thresholds = np.full((len(comparisons), weights.shape[1] - 1), np.nan)
        for g, comparison in enumerate(comparisons):
            thresholds[g, : len(comparison.levels)] = comparison.levels[::-1]
        is_dice = np.array([c.kind == "dice" for c in comparisons], np.uint8)
        lengths = np.array([c.length for c in comparisons], np.int64)
        return cls(thresholds, weights, is_dice, lengths, floor)


def to_blocks(
    bits: NDArray[np.uint64], present: NDArray[np.bool_], counts: NDArray[np.int32]
) -> Blocks:
    """Transpose columns of shape (n, groups, words) into blocks; see `Blocks`."""
    size, groups, words = bits.shape
    blocks = -(-size // BLOCK)
    padding = blocks * BLOCK - size

    def transpose(values: NDArray[Any], width: int, dtype: type[np.generic]) -> NDArray[Any]:
        padded = np.concatenate([values, np.zeros((padding, *values.shape[1:]), values.dtype)])
        shaped = padded.reshape(blocks, BLOCK, groups * width).transpose(0, 2, 1)
        return np.ascontiguousarray(shaped.astype(dtype, copy=False))

    return Blocks(
        transpose(bits, words, np.uint64).reshape(blocks, groups, words, BLOCK),
        transpose(present, 1, np.uint8),
        transpose(counts, 1, np.int32),
        size,
    )


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
    capacity = max(1024, 4 * len(bits))
    while True:
        row = np.empty(capacity, np.int32)
        column = np.empty(capacity, np.int32)
        distances = np.empty((capacity, bits.shape[1]), np.uint16)
        marginals = np.zeros(rules.weights.shape, np.int64)
        found = _scan(
            bits, present.view(np.uint8), counts,
            columns.bits, columns.present, columns.counts, columns.size,
            rules.thresholds, rules.weights, rules.is_dice, rules.lengths, rules.floor,
            row, column, distances, marginals,
        )  # fmt: skip
        if found <= capacity:
            break
        capacity = found
    _count_level_zero(marginals, present, columns)
    return row[:found], column[:found], distances[:found], marginals


def _count_level_zero(
    marginals: NDArray[np.int64], present: NDArray[np.bool_], columns: Blocks
) -> None:
    compared = present.sum(axis=0) * columns.present.sum(axis=(0, 2), dtype=np.int64)
    marginals[:, 0] = compared - marginals[:, 1:].sum(axis=1)


# The compiled part. Its arguments are those of `Blocks` and `ScanRules`; for one block, ``block``
# is (groups, words, 64) and ``present`` and ``counts`` are (groups, 64).

_compiled = njit(nogil=True, cache=True, boundscheck=False, error_model="numpy")


def _count_bits(_typing_context: Any, _word: Any) -> Any:
    def generate(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        return builder.ctpop(args[0])

    return types.uint64(types.uint64), generate


_popcount: Any = intrinsic(_count_bits)


@_compiled
def _differing_bits(row, present, block, out):  # type: ignore[no-untyped-def]
    """Write a row's Hamming distances to a block's columns into ``out``, uint64 (groups, 64)."""
    whole = len(row[0]) // 8 * 8
    for g in range(len(row)):
        if not present[g]:
            continue
        for c in range(BLOCK):
            out[g, c] = 0
        for w in range(0, whole, 8):
            # Written out, so that a column's sum is stored once for eight words.
            a0, a1, a2, a3 = row[g, w], row[g, w + 1], row[g, w + 2], row[g, w + 3]
            a4, a5, a6, a7 = row[g, w + 4], row[g, w + 5], row[g, w + 6], row[g, w + 7]
            for c in range(BLOCK):
                out[g, c] += (
                    _popcount(a0 ^ block[g, w, c])
                    + _popcount(a1 ^ block[g, w + 1, c])
                    + _popcount(a2 ^ block[g, w + 2, c])
                    + _popcount(a3 ^ block[g, w + 3, c])
                    + _popcount(a4 ^ block[g, w + 4, c])
                    + _popcount(a5 ^ block[g, w + 5, c])
                    + _popcount(a6 ^ block[g, w + 6, c])
                    + _popcount(a7 ^ block[g, w + 7, c])
                )
        for w in range(whole, len(row[0])):
            for c in range(BLOCK):
                out[g, c] += _popcount(row[g, w] ^ block[g, w, c])


@_compiled
def _find_near(  # type: ignore[no-untyped-def]  # noqa: PLR0913, PLR0917
    differing, present, set_bits, counts, is_dice, lengths, lowest, near
):
    """Mark the groups in which some column may reach the lowest level; return how many there are.

    A little generous and never too strict: `_level` decides.
    """
    groups = 0
    for g in range(len(present)):
        columns = 0
        if present[g] and is_dice[g]:
            for c in range(BLOCK):
                reach = (1.0 - lowest[g]) * (set_bits[g] + counts[g, c]) + 1e-6
                columns += np.float64(differing[g, c]) <= reach
        elif present[g]:
            cut = np.uint64((1.0 - lowest[g]) * 0.5 * lengths[g] + 1e-6)
            for c in range(BLOCK):
                columns += differing[g, c] <= cut
        near[g] = columns > 0
        groups += columns > 0
    return groups


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
def _score(  # type: ignore[no-untyped-def]  # noqa: PLR0913, PLR0917
    differing, present, set_bits, column_present, counts,
    is_dice, lengths, thresholds, weights, near, score, marginals,
):  # fmt: skip
    """Sum the weights of every column of a block into ``score``; count the levels above 0."""
    score[:] = 0.0
    for g in range(len(present)):
        if present[g]:
            for c in range(BLOCK):
                score[c] += weights[g, 0] * column_present[g, c]
        if not near[g]:
            continue
        for c in range(BLOCK):
            distance, both = np.float64(differing[g, c]), set_bits[g] + counts[g, c]
            level = _level(distance, both, is_dice[g], lengths[g], thresholds[g])
            if level > 0 and column_present[g, c]:
                score[c] += weights[g, level] - weights[g, 0]
                marginals[g, level] += 1


@_compiled
def _scan(  # type: ignore[no-untyped-def]  # noqa: PLR0913, PLR0917
    row_bits, row_present, row_counts,
    block_bits, block_present, block_counts, size,
    thresholds, weights, is_dice, lengths, floor,
    out_row, out_column, out_distances, marginals,
):  # fmt: skip
    """Return how many pairs reach the floor, and write out as many as there is room for."""
    found = 0
    differing = np.zeros((row_bits.shape[1], BLOCK), np.uint64)
    score = np.zeros(BLOCK, np.float64)
    near = np.zeros(row_bits.shape[1], np.bool_)
    lowest = thresholds[:, 0].copy()
    # What a pair without any agreement can reach: then a block where nothing is near is done.
    idle = np.maximum(weights[:, 0], 0.0).sum() < floor
    for first in range(0, row_bits.shape[0], _ROWS_AT_ONCE):
        for b in range(block_bits.shape[0]):
            for row in range(first, min(first + _ROWS_AT_ONCE, row_bits.shape[0])):
                present, set_bits = row_present[row], row_counts[row]
                _differing_bits(row_bits[row], present, block_bits[b], differing)
                groups_near = _find_near(
                    differing, present, set_bits, block_counts[b], is_dice, lengths, lowest, near
                )
                if idle and not groups_near:
                    continue
                _score(
                    differing, present, set_bits, block_present[b], block_counts[b],
                    is_dice, lengths, thresholds, weights, near, score, marginals,
                )  # fmt: skip
                for c in range(min(BLOCK, size - b * BLOCK)):
                    if score[c] >= floor:
                        if found < len(out_row):
                            out_row[found], out_column[found] = row, b * BLOCK + c
                            for g in range(len(present)):
                                both = present[g] and block_present[b, g, c]
                                out_distances[found, g] = differing[g, c] if both else NULL_DISTANCE
                        found += 1
    return found
