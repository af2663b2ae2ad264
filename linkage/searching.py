"""When two files are too large to compare every pair: the rule, the search, and what it misses.

The rule is the work to do, pairs times words of 64 bits. Below `MOST_WORK` every pair is compared,
which takes two cores of a processor with AVX-512 about three hours at most. Beyond it hashing
proposes the pairs to compare (`linkage.lsh`). A random sample of the first agency's rows is still
compared with every row of the second: it gives the level counts of all pairs, which the model
needs, and shows how many of the likely pairs hashing finds.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from linkage.candidates import levels_of_rows
from linkage.lsh import Table, choose_tables, proposed_pairs
from linkage.patterns import GroupComparison
from linkage.similarity import Blocks, ScanRules, scan_rows
from linkage.sources import Sources
from linkage.tiles import MapTiles

MOST_WORK = 250_000_000_000_000
SAMPLED_ROWS = 2_000
_TILE_ROWS = 64

Pairs = tuple[NDArray[np.int32], NDArray[np.int32]]


@dataclass(frozen=True)
class Completeness:
    """What hashing found of the likely pairs of a sample that was compared exhaustively.

    Likely is a pair that rough weights make more likely a match than not. ``tables`` is the number
    of hash tables, ``sampled`` that of the sampled rows.
    """

    tables: int
    sampled: int
    likely: int
    found: int

    @property
    def share(self) -> float | None:
        """The measured pairs completeness; None where the sample holds no likely pair."""
        return self.found / self.likely if self.likely else None


@dataclass(frozen=True)
class Searched:
    """The rows of pairs that reach the floor, by left and right, and all pairs' level counts."""

    left: NDArray[np.int32]
    right: NDArray[np.int32]
    marginals: NDArray[np.int64]
    completeness: Completeness


def is_too_much(sources: Sources, pair: tuple[int, int]) -> bool:
    """Say whether comparing every pair of two agencies is more than `MOST_WORK`."""
    rows = [rows.stop - rows.start for rows in map(sources.rows, pair)]
    words = sum(group.length // 64 for group in sources.encodings.header.layout)
    return bool(rows[0] * rows[1] * words > MOST_WORK * _times_met(pair))


def _times_met(pair: tuple[int, int]) -> int:
    """Return how often each pair is met where all rows are compared with all columns."""
    return 2 if pair[0] == pair[1] else 1


def search(
    sources: Sources,
    pair: tuple[int, int],
    comparisons: tuple[GroupComparison, ...],
    rules: ScanRules,
    columns: Blocks,
    rng: np.random.Generator,
    map_tiles: MapTiles,
) -> Searched:
    """Find pairs of two agencies, or within one, by hashing.

    ``columns`` are the second agency's rows.
    """
    rows = sources.rows(pair[0])
    size = rows.stop - rows.start
    sample = rows.start + np.sort(rng.choice(size, min(SAMPLED_ROWS, size), replace=False))
    expected, marginals = _compare_sample(sources, pair, sample, rules, columns, map_tiles)
    tables = choose_tables(comparisons, max(size, columns.size), rng)

    def look_up(table: Table) -> Pairs:
        return proposed_pairs(sources, pair, table, comparisons, rules.weights, rules.floor)

    keys = np.empty(0, np.int64)
    for left, right in map_tiles(look_up, tables):
        keys = np.union1d(keys, _key(sources, *_as_pairs(sources, pair, left, right)))
    left, right = (part.astype(np.int32) for part in np.divmod(keys, len(sources.record)))
    likely = _likely(sources, pair, comparisons, rules, expected)
    completeness = Completeness(
        len(tables), len(sample), len(likely), int(np.isin(likely, keys).sum())
    )
    scale = size / max(len(sample), 1) / _times_met(pair)
    scaled = np.round(marginals * scale).astype(np.int64)
    return Searched(left, right, scaled, completeness)


def _compare_sample(
    sources: Sources,
    pair: tuple[int, int],
    sample: NDArray[np.int64],
    rules: ScanRules,
    columns: Blocks,
    map_tiles: MapTiles,
) -> tuple[Pairs, NDArray[np.int64]]:
    """Return the sample's pairs that reach the floor, and how often its pairs reach each level."""
    data, second = sources.encodings, np.int32(sources.rows(pair[1]).start)

    def scan_tile(rows: NDArray[np.int64]) -> tuple[Pairs, NDArray[np.int64]]:
        row, column, _, marginals = scan_rows(
            data.bits[rows], data.present[rows], sources.counts[rows], columns, rules
        )
        return (rows[row].astype(np.int32), column + second), marginals

    tiles = [sample[start : start + _TILE_ROWS] for start in range(0, len(sample), _TILE_ROWS)]
    found = list(map_tiles(scan_tile, tiles))
    left, right = (np.concatenate([pairs[side] for pairs, _ in found]) for side in range(2))
    counts = np.sum([marginals for _, marginals in found], axis=0)
    return _as_pairs(sources, pair, left, right), counts


def _as_pairs(
    sources: Sources, pair: tuple[int, int], left: NDArray[np.int32], right: NDArray[np.int32]
) -> Pairs:
    """Return what was met as pairs of records: within an agency the earlier row is the left one.

    Rows of one record are no pair. (A sample's counts still hold them: one pair in as many as
    there are rows.)
    """
    if pair[0] != pair[1]:
        return left, right
    distinct = sources.record[left] != sources.record[right]
    left, right = left[distinct], right[distinct]
    return np.minimum(left, right), np.maximum(left, right)


def _likely(
    sources: Sources,
    pair: tuple[int, int],
    comparisons: tuple[GroupComparison, ...],
    rules: ScanRules,
    pairs: Pairs,
) -> NDArray[np.int64]:
    """Return the keys of the pairs that rough weights make more likely a match than not.

    Each record of the larger file has about one match among the smaller file's at best, so that
    the prior odds of a pair are one to the size of the larger file.
    """
    levels = levels_of_rows(sources, comparisons, *pairs)
    padded = np.concatenate([rules.weights, np.zeros((len(comparisons), 1))], axis=1)
    score = padded[np.arange(len(comparisons)), levels].sum(axis=1)
    prior = np.log(max(sources.size(agency) for agency in pair))
    likely = np.flatnonzero(score >= prior)
    return np.unique(_key(sources, pairs[0][likely], pairs[1][likely]))


def _key(sources: Sources, left: NDArray[np.int32], right: NDArray[np.int32]) -> NDArray[np.int64]:
    return np.asarray(left * np.int64(len(sources.record)) + right, np.int64)
