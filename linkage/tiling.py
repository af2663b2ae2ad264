"""A tile of a scan: some rows of one agency against all of another, or against those after them.

Within one agency every pair of its rows is wanted once. A tile's rows are therefore compared with
each other, which meets each pair twice and each row itself once, and with the rows that come after
the tile. What is met too often is taken out of the counts.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from linkage.candidates import count_levels, levels_of_rows
from linkage.patterns import GroupComparison, levels_of
from linkage.repeats import Repeats
from linkage.searching import Searched
from linkage.similarity import BLOCK, Blocks, ScanRules, hamming_distances, scan_rows
from linkage.sources import Sources

TILE_PAIRS = 50_000_000  # a fraction of a second's work, so that a run can be stopped at once
LEAST_TILE_ROWS, MOST_TILE_ROWS = 64, 512


@dataclass(frozen=True)
class Found:
    """What one tile holds, by left and right row of the sources; the rest as in `PairScan`."""

    left: NDArray[np.int32]
    right: NDArray[np.int32]
    levels: NDArray[np.int8]
    distances: NDArray[np.uint16]
    marginals: NDArray[np.int64]


@dataclass(frozen=True)
class _Met:
    """Pairs at or above the floor by rows of the sources, and the counts of all that were met."""

    left: NDArray[np.int32]
    right: NDArray[np.int32]
    distances: NDArray[np.uint16]
    marginals: NDArray[np.int64]

    def only(self, wanted: NDArray[np.bool_], marginals: NDArray[np.int64]) -> _Met:
        return _Met(self.left[wanted], self.right[wanted], self.distances[wanted], marginals)


def tiles_of(sources: Sources, pair: tuple[int, int]) -> Iterator[slice]:
    """Cut the rows of the first agency into tiles, each a whole number of blocks but the last."""
    rows, columns = sources.rows(pair[0]), sources.rows(pair[1])
    wanted = TILE_PAIRS // max(columns.stop - columns.start, 1)
    height = min(max(wanted, LEAST_TILE_ROWS), MOST_TILE_ROWS) // BLOCK * BLOCK
    for start in range(rows.start, rows.stop, height):
        yield slice(start, min(start + height, rows.stop))


def scan_tile(
    sources: Sources,
    pair: tuple[int, int],
    rows: slice,
    columns: Blocks,
    comparisons: tuple[GroupComparison, ...],
    scanned: tuple[GroupComparison, ...],
    rules: ScanRules,
) -> Found:
    """Compare some rows of the pair's first agency with ``columns``, the second one's rows.

    ``scanned`` are the ``comparisons`` with the levels that the kernel tells apart.
    """
    first = sources.rows(pair[1]).start
    if pair[0] == pair[1]:
        met = _each_pair_once(sources, rows, columns, first, scanned, rules)
    else:
        met = _meet(sources, rows, columns, first, rules)
    order = np.lexsort((met.right, met.left))
    left, right, distances = met.left[order], met.right[order], met.distances[order]
    set_bits = sources.counts[left] + sources.counts[right]
    levels = levels_of(comparisons, distances, set_bits)
    return Found(left, right, levels, distances, met.marginals)


def _meet(sources: Sources, rows: slice, columns: Blocks, first: int, rules: ScanRules) -> _Met:
    """Compare rows with columns, of which the first is the row ``first`` of the sources."""
    data = sources.encodings
    row, column, distances, marginals = scan_rows(
        data.bits[rows], data.present[rows], sources.counts[rows], columns, rules
    )
    return _Met(row + np.int32(rows.start), column + np.int32(first), distances, marginals)


def _each_pair_once(
    sources: Sources,
    rows: slice,
    columns: Blocks,
    first: int,
    scanned: tuple[GroupComparison, ...],
    rules: ScanRules,
) -> _Met:
    """Compare rows with each other and with all later ones of their agency."""
    start, end = (rows.start - first) // BLOCK, -(-(rows.stop - first) // BLOCK)
    among = _meet(sources, rows, columns.part(start, end), rows.start, rules)
    later = _meet(sources, rows, columns.part(end, None), first + end * BLOCK, rules)
    row, alternate = _rows_of_one_record(sources, rows)
    inside = alternate < rows.stop
    twice = among.marginals - _levels(sources, scanned, row[inside], alternate[inside])
    beyond = (~inside) & (row < alternate)
    once = later.marginals - _levels(sources, scanned, row[beyond], alternate[beyond])
    record = sources.record
    return _together(
        among.only(record[among.left] < record[among.right], twice // 2),
        later.only(record[later.left] < record[later.right], once),
    )


def _rows_of_one_record(
    sources: Sources, rows: slice
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return each of the rows with every row of its record from the tile on, itself among them."""
    own = sources.record[rows]
    start = np.maximum(np.searchsorted(sources.record, own, "left"), rows.start)
    number = np.searchsorted(sources.record, own, "right") - start
    row = np.repeat(np.arange(rows.start, rows.stop), number)
    nth = np.arange(len(row)) - np.repeat(np.cumsum(number) - number, number)
    return row, np.repeat(start, number) + nth


def _levels(
    sources: Sources,
    scanned: tuple[GroupComparison, ...],
    left: NDArray[np.signedinteger],
    right: NDArray[np.signedinteger],
) -> NDArray[np.int64]:
    return count_levels(levels_of_rows(sources, scanned, left, right), scanned)


def _together(one: _Met, other: _Met) -> _Met:
    return _Met(
        np.concatenate([one.left, other.left]),
        np.concatenate([one.right, other.right]),
        np.concatenate([one.distances, other.distances]),
        one.marginals + other.marginals,
    )


def found_by_search(
    sources: Sources, comparisons: tuple[GroupComparison, ...], searched: Searched
) -> Found:
    """Return what hashing found as a tile's."""
    data, left, right = sources.encodings, searched.left, searched.right
    distances = hamming_distances(data.bits, data.present, left, right)
    levels = levels_of(comparisons, distances, sources.counts[left] + sources.counts[right])
    return Found(left, right, levels, distances, searched.marginals)


def without_repeats(
    sources: Sources, scanned: tuple[GroupComparison, ...], found: Found, repeats: Repeats
) -> Found:
    """Take out the pairs of rows that repeat what many others do, also of the counts."""
    among = repeats.among(found.left, found.right)
    if not among.any():
        return found
    counted = _levels(sources, scanned, found.left[among], found.right[among])
    return Found(
        found.left[~among],
        found.right[~among],
        found.levels[~among],
        found.distances[~among],
        np.maximum(found.marginals - counted, 0),
    )


def nothing(weights: NDArray[np.float64]) -> Found:
    """Return an empty tile; ``weights`` are those of the scan's rules."""
    rows, groups = np.empty(0, np.int32), len(weights)
    return Found(
        rows,
        rows,
        np.empty((0, groups), np.int8),
        np.empty((0, groups), np.uint16),
        np.zeros(weights.shape, np.int64),
    )
