"""The exhaustive scan: every pair of records from different agencies, keeping the likely ones.

Nothing is blocked. A sample of random pairs fixes rough weights and the floor that leaves about
the agreed number of candidates; then a single pass looks at every pair, counts the levels of all
of them and keeps those above the floor. Work is cut into tiles, which an engine may map in any
order on any number of threads: the outcome is the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from linkage.patterns import NULL, NULL_DISTANCE, GroupComparison, levels_of
from linkage.similarity import Blocks, ScanRules, hamming_distances, scan_rows, to_blocks
from linkage.sources import Sources

SAMPLE_PAIRS = 1_000_000
TILE_ROWS = 512

# Left and right rows, distances and marginals, as `scan_rows` returns them.
Found = tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.uint16], NDArray[np.int64]]

T = TypeVar("T")
R = TypeVar("R")


class MapTiles(Protocol):
    """Apply a function to every item and yield the results in the items' order."""

    def __call__(self, function: Callable[[T], R], items: Iterable[T]) -> Iterator[R]:
        """Map ``function`` over ``items``; ``map`` itself will do."""


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


@dataclass(frozen=True)
class _Tile:
    rows: slice
    columns: int


def scan(
    sources: Sources,
    comparisons: tuple[GroupComparison, ...],
    candidates_per_record: int,
    seed: int,
    map_tiles: MapTiles,
) -> Candidates:
    """Compare every pair and keep about ``candidates_per_record`` for each record and agency."""
    sample = sample_levels(sources, comparisons, np.random.default_rng(seed))
    weights = rough_weights(count_levels(sample, comparisons), comparisons)
    floor = choose_floor(sample, weights, wanted_share(sources, candidates_per_record))
    rules = ScanRules.of(comparisons, weights, floor)
    blocks = [_blocks_of(sources, s) for s in range(len(sources.names))]

    def scan_tile(tile: _Tile) -> Found:
        data, rows = sources.encodings, tile.rows
        row, column, distances, marginals = scan_rows(
            data.bits[rows], data.present[rows], sources.counts[rows], blocks[tile.columns], rules
        )
        left = row + np.int32(rows.start)
        right = column + np.int32(sources.rows(tile.columns).start)
        return left, right, distances, marginals

    found = [_nothing(weights), *map_tiles(scan_tile, _tiles(sources))]
    left, right, distances = (np.concatenate([result[k] for result in found]) for k in range(3))
    marginals = np.sum([result[3] for result in found], axis=0)
    return _in_order(sources, comparisons, left, right, distances, marginals)


def sample_levels(
    sources: Sources, comparisons: tuple[GroupComparison, ...], rng: np.random.Generator
) -> NDArray[np.int8]:
    """Return the levels of about `SAMPLE_PAIRS` random pairs of rows, or of all if fewer."""
    rows = [sources.rows(s) for s in range(len(sources.names))]
    sizes = [part.stop - part.start for part in rows]
    total = sum(sizes[a] * sizes[b] for a, b in sources.pairs())
    parts = []
    for a, b in sources.pairs():
        possible = sizes[a] * sizes[b]
        if total <= SAMPLE_PAIRS:
            chosen = np.arange(possible)
        else:
            chosen = rng.integers(0, possible, SAMPLE_PAIRS * possible // total)
        left = rows[a].start + chosen // max(sizes[b], 1)
        right = rows[b].start + chosen % max(sizes[b], 1)
        parts.append(_levels_of_rows(sources, comparisons, left, right))
    return np.concatenate(parts)


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
    levels = _levels_of_rows(sources, comparisons, left_row, right_row)
    return levels[_best_of_each(pair, levels)]


def _levels_of_rows(
    sources: Sources,
    comparisons: tuple[GroupComparison, ...],
    left: NDArray[np.signedinteger],
    right: NDArray[np.signedinteger],
) -> NDArray[np.int8]:
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


def _best_of_each(
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


def choose_floor(sample: NDArray[np.int8], weights: NDArray[np.float64], wanted: float) -> float:
    """Return the summed weight that a share ``wanted`` of all pairs reaches."""
    if wanted >= 1 or not len(sample):
        return -np.inf
    columns = np.arange(weights.shape[0])
    padded = np.concatenate([weights, np.zeros((len(weights), 1))], axis=1)  # NULL = -1 is last
    return float(np.quantile(padded[columns, sample].sum(axis=1), 1 - wanted)) + 1e-6


def wanted_share(sources: Sources, candidates_per_record: int) -> float:
    """Return the share of all pairs that makes ``candidates_per_record`` candidates."""
    total = sources.total_pairs()
    records = sum((sources.size(a) + sources.size(b)) / 2 for a, b in sources.pairs())
    return candidates_per_record * records / total if total else 1.0


def _nothing(weights: NDArray[np.float64]) -> Found:
    rows = np.empty(0, np.int32)
    return rows, rows, np.empty((0, len(weights)), np.uint16), np.zeros(weights.shape, np.int64)


def _blocks_of(sources: Sources, source: int) -> Blocks:
    rows, data = sources.rows(source), sources.encodings
    return to_blocks(data.bits[rows], data.present[rows], sources.counts[rows])


def _tiles(sources: Sources) -> Iterator[_Tile]:
    for a, b in sources.pairs():
        rows = sources.rows(a)
        for start in range(rows.start, rows.stop, TILE_ROWS):
            yield _Tile(slice(start, min(start + TILE_ROWS, rows.stop)), b)


def _in_order(
    sources: Sources,
    comparisons: tuple[GroupComparison, ...],
    left: NDArray[np.int32],
    right: NDArray[np.int32],
    distances: NDArray[np.uint16],
    marginals: NDArray[np.int64],
) -> Candidates:
    levels = levels_of(comparisons, distances, sources.counts[left] + sources.counts[right])
    closeness = _share_of_equal_bits(comparisons, distances)
    left, right = sources.record[left], sources.record[right]
    pair = left * np.int64(len(sources)) + right
    # Without alternates no pair of records stands here twice.
    best = _best_of_each(pair, levels, closeness) if sources.has_alternates() else pair.argsort()
    return Candidates(
        left[best], right[best], levels[best], closeness[best], marginals, sources.total_pairs()
    )


def _share_of_equal_bits(
    comparisons: tuple[GroupComparison, ...], distances: NDArray[np.uint16]
) -> NDArray[np.float64]:
    present = distances != NULL_DISTANCE
    lengths = np.array([comparison.length for comparison in comparisons])
    differing = np.where(present, distances, 0).sum(axis=1)
    return np.asarray(1 - differing / np.maximum((present * lengths).sum(axis=1), 1), np.float64)
