"""The exhaustive scan: every pair of records of two agencies, keeping the likely ones.

Nothing is blocked. A sample of random pairs fixes rough weights and the floor that leaves about
the agreed number of candidates; then a single pass looks at every pair, counts the levels of all
of them and keeps those above the floor. Work is cut into tiles, which an engine may map in any
order on any number of threads: the outcome is the same.

What a scan of two agencies finds depends on their two files, the rules and the seed, and on
nothing else. So it may be kept, and need not be repeated when another agency joins.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from linkage.candidates import (
    Candidates,
    best_of_each,
    count_levels,
    levels_of_rows,
    rough_weights,
)
from linkage.patterns import NULL, NULL_DISTANCE, GroupComparison, levels_of
from linkage.searching import Completeness, Searched, is_too_much, search
from linkage.similarity import Blocks, ScanRules, hamming_distances, scan_rows, to_blocks
from linkage.sources import Sources
from linkage.tiles import MapTiles

__all__ = [
    "MapTiles", "PairScan", "Scans", "bring_together", "choose_floor", "sample_levels",
    "scan_pairs", "wanted_share",
]  # fmt: skip

# Two files of over 200,000 records each keep fewer candidates a record, so that
# linking two of a million fits into 4 GiB. Nothing is lost but pairs that are far below a link:
# with a quarter of its candidates a set of known truth links as well.
MOST_CANDIDATES = 8_000_000
# Enough for a few thousand sampled pairs above the floor, within what takes a few seconds.
LEAST_SAMPLED, MOST_SAMPLED = 100_000, 4_000_000
SAMPLED_ABOVE_FLOOR = 2_000
TILE_PAIRS = 50_000_000  # a fraction of a second's work, so that a run can be stopped at once
_CHUNK = 1_000_000
LEAST_TILE_ROWS, MOST_TILE_ROWS = 64, 512


@dataclass(frozen=True)
class PairScan:
    """What the scan of two agencies found.

    ``left`` and ``right`` int32 (pairs,) number the records of the first and of the second agency
    by rising token, from 0 in each; pairs rise. ``levels`` int8 and ``distances`` uint16, both
    (pairs, groups), are those of the best pair of alternates, `NULL_DISTANCE` where a group is
    null. ``marginals`` int64 (groups, max levels) counts the levels of all pairs of rows; levels
    that lie near chance are not told apart by the scan, and counted by the share of a sample.
    ``total_pairs`` is the number of all pairs of records. ``completeness`` is None where every
    pair was compared; else hashing proposed the pairs, and ``marginals`` are estimates.
    """

    left: NDArray[np.int32]
    right: NDArray[np.int32]
    levels: NDArray[np.int8]
    distances: NDArray[np.uint16]
    marginals: NDArray[np.int64]
    total_pairs: int
    completeness: Completeness | None = None

    def __len__(self) -> int:
        return len(self.left)


# Scans by the names of their two agencies, the first name before the second.
Scans = Mapping[tuple[str, str], PairScan]


@dataclass(frozen=True)
class _Found:
    """What one tile holds, by left and right row of the sources; the rest as in `PairScan`."""

    left: NDArray[np.int32]
    right: NDArray[np.int32]
    levels: NDArray[np.int8]
    distances: NDArray[np.uint16]
    marginals: NDArray[np.int64]


@dataclass(frozen=True)
class _Tile:
    pair: int  # position in the list of pairs to scan
    rows: slice


def scan_pairs(
    sources: Sources,
    pairs: list[tuple[int, int]],
    comparisons: tuple[GroupComparison, ...],
    candidates_per_record: int,
    seed: int,
    map_tiles: MapTiles,
) -> dict[tuple[str, str], PairScan]:
    """Compare every record of the two agencies of each pair.

    About ``candidates_per_record`` pairs are kept for each record and each other agency.
    """
    samples = [_sample_of(sources, p, comparisons, candidates_per_record, seed) for p in pairs]
    scanned = tuple(comparison.for_scan() for comparison in comparisons)
    rules = [_rules_of(sample, comparisons, scanned) for sample in samples]
    blocks = {b: _blocks_of(sources, b) for _, b in pairs}
    beyond = [is_too_much(sources, pair) for pair in pairs]
    data, tiles = sources.encodings, list(_tiles(sources, pairs, beyond))

    def scan_tile(tile: _Tile) -> _Found:
        columns, rows = pairs[tile.pair][1], tile.rows
        row, column, distances, marginals = scan_rows(
            data.bits[rows], data.present[rows], sources.counts[rows],
            blocks[columns], rules[tile.pair],
        )  # fmt: skip
        order = np.lexsort((column, row))
        left = row[order] + np.int32(rows.start)
        right = column[order] + np.int32(sources.rows(columns).start)
        distances = distances[order]
        set_bits = sources.counts[left] + sources.counts[right]
        return _Found(
            left, right, levels_of(comparisons, distances, set_bits), distances, marginals
        )

    found = [[_nothing(rule.weights)] for rule in rules]
    for tile, result in zip(tiles, map_tiles(scan_tile, tiles), strict=True):
        found[tile.pair].append(result)
    completeness: list[Completeness | None] = [None] * len(pairs)
    for index in np.flatnonzero(beyond).tolist():
        pair = pairs[index]
        rng = _random_numbers_of(seed, *(sources.names[agency] for agency in pair))
        searched = search(sources, pair, scanned, rules[index], blocks[pair[1]], rng, map_tiles)
        found[index].append(_found_by_search(sources, comparisons, searched))
        completeness[index] = searched.completeness
    return {
        (sources.names[pair[0]], sources.names[pair[1]]): _put_together(
            sources, pair, comparisons, results, sample, measured
        )
        for pair, results, sample, measured in zip(pairs, found, samples, completeness, strict=True)
    }


def bring_together(
    sources: Sources, comparisons: tuple[GroupComparison, ...], scans: Scans
) -> Candidates:
    """Return the candidates of all pairs of agencies; ``scans`` holds each of them."""
    chosen = [(a, b, scans[sources.names[a], sources.names[b]]) for a, b in sources.pairs()]
    left = np.concatenate([scan.left + np.int32(sources.starts[a]) for a, _, scan in chosen])
    right = np.concatenate([scan.right + np.int32(sources.starts[b]) for _, b, scan in chosen])
    closeness = [_share_of_equal_bits(comparisons, scan.distances) for *_, scan in chosen]
    together = Candidates(
        left,
        right,
        np.concatenate([scan.levels for *_, scan in chosen]),
        np.concatenate(closeness),
        np.sum([scan.marginals for *_, scan in chosen], axis=0),
        sum(scan.total_pairs for *_, scan in chosen),
    )
    return together if len(chosen) == 1 else _in_order(together, len(sources))


def _in_order(candidates: Candidates, records: int) -> Candidates:
    order = np.argsort(candidates.left * np.int64(records) + candidates.right, kind="stable")
    return replace(
        candidates,
        left=candidates.left[order],
        right=candidates.right[order],
        levels=candidates.levels[order],
        closeness=candidates.closeness[order],
    )


@dataclass(frozen=True)
class _Sample:
    """The levels of random pairs of rows, int8 (pairs, groups), and the share to be kept."""

    levels: NDArray[np.int8]
    wanted: float


def _sample_of(
    sources: Sources,
    pair: tuple[int, int],
    comparisons: tuple[GroupComparison, ...],
    candidates_per_record: int,
    seed: int,
) -> _Sample:
    a, b = pair
    share = wanted_share(sources.size(a), sources.size(b), candidates_per_record)
    rng = _random_numbers_of(seed, sources.names[a], sources.names[b])
    return _Sample(sample_levels(sources, pair, comparisons, share, rng), share)


def _rules_of(
    sample: _Sample,
    comparisons: tuple[GroupComparison, ...],
    scanned: tuple[GroupComparison, ...],
) -> ScanRules:
    """Choose the floor by the levels that a scan tells apart; the lower ones are one level 0."""
    lower = np.array([_lower_levels(comparison) for comparison in comparisons], np.int8)
    levels = np.where(sample.levels == NULL, np.int8(NULL), np.maximum(sample.levels - lower, 0))
    weights = rough_weights(count_levels(levels, scanned), scanned)
    floor = choose_floor(levels, weights, sample.wanted)
    return ScanRules.of(scanned, weights, floor, sample.wanted)


def _lower_levels(comparison: GroupComparison) -> int:
    """Return how many levels lie below those that a scan tells apart."""
    return len(comparison.levels) - len(comparison.for_scan().levels)


def _all_levels(
    marginals: NDArray[np.int64], sample: _Sample, comparisons: tuple[GroupComparison, ...]
) -> NDArray[np.int64]:
    """Return how many pairs reach each level; of the lower ones the sample knows the shares."""
    sampled = count_levels(sample.levels, comparisons)
    counts = np.zeros_like(sampled)
    for g, comparison in enumerate(comparisons):
        lower = _lower_levels(comparison)
        told_apart = len(comparison.levels) - lower
        counts[g, lower + 1 : lower + 1 + told_apart] = marginals[g, 1 : 1 + told_apart]
        shares = sampled[g, 1 : lower + 1] / max(int(sampled[g, : lower + 1].sum()), 1)
        counts[g, 1 : lower + 1] = np.round(marginals[g, 0] * shares)
        counts[g, 0] = marginals[g, 0] - counts[g, 1 : lower + 1].sum()
    return counts


def _random_numbers_of(seed: int, name_a: str, name_b: str) -> np.random.Generator:
    """Return the pair's own random numbers: other agencies' files can't shift them."""
    names = hashlib.sha256(f"{name_a}\0{name_b}".encode()).digest()
    return np.random.default_rng([seed, int.from_bytes(names, "big")])


def wanted_share(size_a: int, size_b: int, candidates_per_record: int) -> float:
    """Return the share of all pairs of records that makes ``candidates_per_record`` candidates.

    Or as many as `MOST_CANDIDATES` leaves to each.
    """
    total = size_a * size_b
    wanted = min(candidates_per_record * (size_a + size_b) / 2, MOST_CANDIDATES)
    return wanted / total if total else 1.0


def sample_levels(
    sources: Sources,
    pair: tuple[int, int],
    comparisons: tuple[GroupComparison, ...],
    share: float,
    rng: np.random.Generator,
) -> NDArray[np.int8]:
    """Return the levels of random pairs of rows, or of all where there are few.

    The rarer the wanted ``share`` of pairs, the more are looked at.
    """
    rows_a, rows_b = (sources.rows(agency) for agency in pair)
    width = rows_b.stop - rows_b.start
    possible = (rows_a.stop - rows_a.start) * width
    wanted = int(np.clip(SAMPLED_ABOVE_FLOOR / share, LEAST_SAMPLED, MOST_SAMPLED))
    chosen = np.arange(possible) if possible <= wanted else rng.integers(0, possible, wanted)
    left = rows_a.start + chosen // max(width, 1)
    right = rows_b.start + chosen % max(width, 1)
    return levels_of_rows(sources, comparisons, left, right)


def choose_floor(sample: NDArray[np.int8], weights: NDArray[np.float64], wanted: float) -> float:
    """Return a summed weight that about a share ``wanted`` of all pairs reaches.

    Weights have few values, so that many pairs weigh the same. Of the gaps between sums that leave
    from half to half as many again as wanted, the floor lies in the widest, so that chance in the
    sample hardly moves it, and the floors of all pairs of agencies tend to part the same levels.
    Where there is no such gap, it leaves fewer.
    """
    if wanted >= 1 or not len(sample):
        return -np.inf
    columns = np.arange(weights.shape[0])
    padded = np.concatenate([weights, np.zeros((len(weights), 1))], axis=1)  # NULL = -1 is last
    rounded = np.round(padded[columns, sample].sum(axis=1), 6)  # sums depend on their order
    rising, counts = np.unique(rounded, return_counts=True)
    falling, share = rising[::-1], np.cumsum(counts[::-1]) / len(rounded)
    few = np.flatnonzero(share[:-1] <= 1.5 * wanted)
    if not len(few):  # the best pairs of all, already too many, weigh the same
        return float(falling[0]) + 1e-5
    enough = few[share[few] >= 0.5 * wanted] if share[few[-1]] >= 0.5 * wanted else few[-1:]
    gaps = np.round(falling[enough] - falling[enough + 1], 2)
    widest = enough[gaps == gaps.max()][-1]  # the lower one of equal gaps
    return float(falling[widest] + falling[widest + 1]) / 2


def _nothing(weights: NDArray[np.float64]) -> _Found:
    rows, groups = np.empty(0, np.int32), len(weights)
    return _Found(
        rows,
        rows,
        np.empty((0, groups), np.int8),
        np.empty((0, groups), np.uint16),
        np.zeros(weights.shape, np.int64),
    )


def _blocks_of(sources: Sources, source: int) -> Blocks:
    rows, data = sources.rows(source), sources.encodings
    return to_blocks(data.bits[rows], data.present[rows], sources.counts[rows])


def _found_by_search(
    sources: Sources, comparisons: tuple[GroupComparison, ...], searched: Searched
) -> _Found:
    data, left, right = sources.encodings, searched.left, searched.right
    distances = hamming_distances(data.bits, data.present, left, right)
    levels = levels_of(comparisons, distances, sources.counts[left] + sources.counts[right])
    return _Found(left, right, levels, distances, searched.marginals)


def _tiles(sources: Sources, pairs: list[tuple[int, int]], beyond: list[bool]) -> Iterator[_Tile]:
    for index, (a, b) in enumerate(pairs):
        if beyond[index]:
            continue
        rows, columns = sources.rows(a), sources.rows(b)
        wanted = TILE_PAIRS // max(columns.stop - columns.start, 1)
        height = min(max(wanted, LEAST_TILE_ROWS), MOST_TILE_ROWS)
        for start in range(rows.start, rows.stop, height):
            yield _Tile(index, slice(start, min(start + height, rows.stop)))


def _put_together(
    sources: Sources,
    pair: tuple[int, int],
    comparisons: tuple[GroupComparison, ...],
    found: list[_Found],
    sample: _Sample,
    completeness: Completeness | None,
) -> PairScan:
    a, b = pair
    left = sources.record[np.concatenate([tile.left for tile in found])]
    right = sources.record[np.concatenate([tile.right for tile in found])]
    scan = PairScan(
        left - np.int32(sources.starts[a]),
        right - np.int32(sources.starts[b]),
        np.concatenate([tile.levels for tile in found]),
        np.concatenate([tile.distances for tile in found]),
        _all_levels(np.sum([tile.marginals for tile in found], axis=0), sample, comparisons),
        sources.size(a) * sources.size(b),
        completeness,
    )
    # Tiles come in order; only alternates bring a pair of records twice.
    return _best_alternates(scan, comparisons, len(sources)) if sources.has_alternates() else scan


def _best_alternates(
    scan: PairScan, comparisons: tuple[GroupComparison, ...], records: int
) -> PairScan:
    key = scan.left * np.int64(records) + scan.right
    best = best_of_each(key, scan.levels, _share_of_equal_bits(comparisons, scan.distances))
    return replace(
        scan,
        left=scan.left[best],
        right=scan.right[best],
        levels=scan.levels[best],
        distances=scan.distances[best],
    )


def _share_of_equal_bits(
    comparisons: tuple[GroupComparison, ...], distances: NDArray[np.uint16]
) -> NDArray[np.float64]:
    lengths = np.array([comparison.length for comparison in comparisons], np.int32)
    share = np.empty(len(distances))
    for start in range(0, len(distances), _CHUNK):  # widened, distances would fill the memory
        pairs = slice(start, start + _CHUNK)
        present = distances[pairs] != NULL_DISTANCE
        differing = np.where(present, distances[pairs], 0).sum(axis=1)
        share[pairs] = 1 - differing / np.maximum(present @ lengths, 1)
    return share
