"""Candidates: the likely pairs of all agencies, and the levels of any pair of records.

A scan (`linkage.scanning`) finds them for two agencies at a time; here they come together, ready
for the model.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from linkage.patterns import NULL, GroupComparison, levels_of
from linkage.similarity import hamming_distances
from linkage.sources import Sources


@dataclass(frozen=True)
class Candidates:
    """The pairs that a scan kept.

    ``left`` and ``right`` int32 (pairs,) are records of the `Sources`, left < right, in rising
    order; ``levels`` int8 (pairs, groups), those of the best pair of alternates; ``closeness``
    float64 (pairs,) is the share of equal bits, which decides between pairs of equal evidence.
    ``marginals`` int64 (groups, max levels) counts the levels of all pairs of rows;
    ``total_pairs`` is the number of all pairs of records.
    """

    left: NDArray[np.int32]
    right: NDArray[np.int32]
    levels: NDArray[np.int8]
    closeness: NDArray[np.float64]
    marginals: NDArray[np.int64]
    total_pairs: int

    def __len__(self) -> int:
        return len(self.left)


def pair_levels(
    sources: Sources,
    comparisons: tuple[GroupComparison, ...],
    left: NDArray[np.signedinteger],
    right: NDArray[np.signedinteger],
) -> NDArray[np.int8]:
    """Return the levels of pairs of records, int8 (pairs, groups): of their best alternates.

    Every pair of ``left`` and ``right`` stands there once.
    """
    pair, left_row, right_row = _alternates(sources, left, right)
    levels = levels_of_rows(sources, comparisons, left_row, right_row)
    return levels[best_of_each(pair, levels)]


def levels_of_rows(
    sources: Sources,
    comparisons: tuple[GroupComparison, ...],
    left: NDArray[np.signedinteger],
    right: NDArray[np.signedinteger],
) -> NDArray[np.int8]:
    """Return the levels of pairs of rows, int8 (pairs, groups)."""
    data = sources.encodings
    distances = hamming_distances(data.bits, data.present, left, right)
    return levels_of(comparisons, distances, sources.counts[left] + sources.counts[right])


def _alternates(
    sources: Sources, left: NDArray[np.signedinteger], right: NDArray[np.signedinteger]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Return all pairs of rows of the pairs of records: which pair, left row, right row."""
    first = np.searchsorted(sources.record, np.arange(len(sources) + 1))
    rows_left, rows_right = np.diff(first)[left], np.diff(first)[right]
    combinations = rows_left * rows_right
    pair = np.repeat(np.arange(len(left)), combinations)
    nth = np.arange(len(pair)) - np.repeat(np.cumsum(combinations) - combinations, combinations)
    left_row = first[left][pair] + nth // rows_right[pair]
    right_row = first[right][pair] + nth % rows_right[pair]
    return pair, left_row, right_row


def best_of_each(
    pair: NDArray[np.int64], levels: NDArray[np.int8], *ties: NDArray[np.float64]
) -> NDArray[np.int64]:
    """Return the position of each pair's best alternates, pairs in rising order.

    The best have the highest levels in sum, then the higher levels from the first group on, and
    then what ``ties`` say: nothing that depends on the order of rows.
    """
    evidence = np.maximum(levels, 0).sum(axis=1, dtype=np.int64)
    falling = [-tie for tie in ties] + [-column for column in levels.T[::-1]]
    order = np.lexsort((*falling, -evidence, pair))
    in_order = pair[order]
    is_first = np.append([True], in_order[1:] != in_order[:-1])[: len(order)]
    return np.asarray(order[is_first], np.int64)


def rough_weights(
    level_counts: NDArray[np.int64], comparisons: tuple[GroupComparison, ...]
) -> NDArray[np.float64]:
    """Return log-ratio weights per group and level, good enough to choose candidates by.

    A stock guess of the m-probabilities against the levels of pairs at large, whose counts are
    int64 (groups, max levels); float64 of the same shape, rising with the level.
    """
    weights = np.zeros(level_counts.shape)
    for g, comparison in enumerate(comparisons):
        u = level_counts[g, : comparison.level_count] + 0.5
        ratio = np.log(starting_m(comparison.level_count) / (u / u.sum()))
        weights[g, : comparison.level_count] = np.maximum.accumulate(np.clip(ratio, -2, 9))
    return weights


def count_levels(
    levels: NDArray[np.int8], comparisons: tuple[GroupComparison, ...]
) -> NDArray[np.int64]:
    """Return how often each level of each group occurs, int64 (groups, max levels)."""
    most = max(comparison.level_count for comparison in comparisons)
    columns = (levels[:, g] for g in range(len(comparisons)))
    return np.stack([np.bincount(c[c != NULL], minlength=most) for c in columns])


def starting_m(level_count: int) -> NDArray[np.float64]:
    """Return m-probabilities to start from: half of all matches identical, a quarter far apart."""
    if level_count == 2:
        return np.array([0.25, 0.75])
    middle = np.full(level_count - 2, 0.25 / (level_count - 2))
    return np.concatenate([[0.25], middle, [0.5]])
