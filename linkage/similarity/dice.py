"""All pairs of two sets of plain CLKs whose Dice coefficient reaches a threshold.

The case of the scan that has one group and one level, in the terms of the field: what anonlink and
its kin do.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from linkage.patterns import GroupComparison, similarity_of
from linkage.similarity.blocks import to_blocks
from linkage.similarity.kernel import ScanRules, scan_rows
from linkage.similarity.reference import hamming_distances

DicePairs = tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.float64]]


def dice_pairs(rows: NDArray[np.uint64], columns: NDArray[np.uint64], least: float) -> DicePairs:
    """Return the pairs of at least that Dice coefficient, compared one and all.

    ``rows`` (n, words) and ``columns`` (m, words) are filters. Row int32 (k,), column int32 (k,),
    by row and then column, and the coefficient float64 (k,); that of two empty filters is 0.
    ``least`` lies above 0 and is at most 1. Releases the GIL.
    """
    rules = _rules(rows.shape[1], least)
    counts, column_counts = (np.bitwise_count(x).sum(1, np.int32)[:, None] for x in (rows, columns))
    blocks = to_blocks(columns[:, None], np.ones((len(columns), 1), np.bool_), column_counts)
    present = np.ones((len(rows), 1), np.bool_)
    row, column, distances, _ = scan_rows(rows[:, None], present, counts, blocks, rules[1])
    order = np.lexsort((column, row))
    row, column = row[order], column[order]
    set_bits = counts[row, 0] + column_counts[column, 0]
    return row, column, similarity_of(rules[0], distances[order, 0], set_bits)


def dice_pairs_by_numpy(
    rows: NDArray[np.uint64], columns: NDArray[np.uint64], least: float
) -> DicePairs:
    """Return the same by plain numpy, pair by pair: what `dice_pairs` must equal."""
    row, column = (part.ravel() for part in np.indices((len(rows), len(columns)), np.int32))
    bits = np.concatenate([rows, columns])[:, None]
    present = np.ones((len(bits), 1), np.bool_)
    distances = hamming_distances(bits, present, row, column + np.int32(len(rows)))[:, 0]
    counts = np.bitwise_count(bits).sum(axis=(1, 2), dtype=np.int32)
    set_bits = counts[row] + counts[len(rows) + column]
    coefficient = similarity_of(_rules(rows.shape[1], least)[0], distances, set_bits)
    enough = np.flatnonzero(coefficient >= least)
    return row[enough], column[enough], coefficient[enough]


def _rules(words: int, least: float) -> tuple[GroupComparison, ScanRules]:
    comparison = GroupComparison("clk", 64 * words, "dice", (least,))
    return comparison, ScanRules.of((comparison,), np.array([[0.0, 1.0]]), 0.5)
