"""The exhaustive scan: every pair of records of two agencies, keeping the likely ones.

Nothing is blocked. A sample of random pairs fixes rough weights and the floor that leaves about
the agreed number of candidates (`linkage.sampling`); then a single pass looks at every pair, counts
the levels of all of them and keeps those above the floor. An agency that isn't clean is scanned
against itself, too. Work is cut into tiles (`linkage.tiling`), which an engine may map in any
order on any number of threads: the outcome is the same.

What a scan of two agencies finds depends on their two files, the rules and the seed, and on
nothing else. So it may be kept, and need not be repeated when another agency joins.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from linkage.candidates import Candidates, best_of_each
from linkage.patterns import NULL, NULL_DISTANCE, GroupComparison
from linkage.repeats import Repeats
from linkage.sampling import Sample, all_levels, random_numbers_of, rules_of, sample_of
from linkage.searching import Completeness, is_too_much, search
from linkage.similarity import to_blocks
from linkage.sources import Sources
from linkage.tiles import MapTiles
from linkage.tiling import Found, found_by_search, nothing, scan_tile, tiles_of, without_repeats

__all__ = ["MapTiles", "PairScan", "Scans", "bring_together", "scan_pairs"]

_CHUNK = 1_000_000


@dataclass(frozen=True)
class PairScan:
    """What the scan of two agencies found, or that of one agency against itself.

    ``left`` and ``right`` int32 (pairs,) number the records of the first and of the second agency
    by rising token, from 0 in each; pairs rise. Within one agency left < right. ``levels`` int8 and
    ``distances`` uint16, both (pairs, groups), are those of the best pair of alternates,
    `NULL_DISTANCE` where a group is null. ``marginals`` int64 (groups, max levels) counts the
    levels of all pairs of rows; levels that lie near chance are not told apart by the scan, and
    counted by the share of a sample.
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


# Scans by the names of their two agencies, the first name before the second or equal to it.
Scans = Mapping[tuple[str, str], PairScan]


def scan_pairs(
    sources: Sources,
    pairs: list[tuple[int, int]],
    comparisons: tuple[GroupComparison, ...],
    candidates_per_record: int,
    seed: int,
    map_tiles: MapTiles,
) -> dict[tuple[str, str], PairScan]:
    """Compare every record of the two agencies of each pair; a pair may name one agency twice.

    About ``candidates_per_record`` pairs are kept for each record and each other agency.
    """
    repeats = Repeats.of(sources, candidates_per_record)
    samples = [
        sample_of(sources, p, comparisons, candidates_per_record, seed, repeats) for p in pairs
    ]
    scanned = tuple(comparison.for_scan() for comparison in comparisons)
    rules = [rules_of(sample, comparisons, scanned) for sample in samples]
    blocks = {b: to_blocks(*sources.data_of(b)) for b in sorted({b for _, b in pairs})}
    beyond = [is_too_much(sources, pair) for pair in pairs]
    tiles = [
        (index, rows)
        for index, pair in enumerate(pairs)
        if not beyond[index]
        for rows in tiles_of(sources, pair)
    ]

    def scan(tile: tuple[int, slice]) -> Found:
        index, rows = tile
        pair = pairs[index]
        columns = blocks[pair[1]]
        tile_found = scan_tile(sources, pair, rows, columns, comparisons, scanned, rules[index])
        return without_repeats(sources, scanned, tile_found, repeats)

    found = [[nothing(rule.weights)] for rule in rules]
    for (index, _), result in zip(tiles, map_tiles(scan, tiles), strict=True):
        found[index].append(result)
    completeness: list[Completeness | None] = [None] * len(pairs)
    for index in np.flatnonzero(beyond).tolist():
        pair = pairs[index]
        rng = random_numbers_of(seed, *(sources.names[agency] for agency in pair))
        searched = search(sources, pair, scanned, rules[index], blocks[pair[1]], rng, map_tiles)
        proposed = found_by_search(sources, comparisons, searched)
        found[index].append(without_repeats(sources, scanned, proposed, repeats))
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
    """Return the candidates of all pairs of agencies; ``scans`` holds each of them.

    Pairs that have no group in common are none: nothing is known of them. Small files, of which
    every pair is kept, have some.
    """
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
    together = _without_unknown(together)
    return together if len(chosen) == 1 else _in_order(together, len(sources))


def _without_unknown(candidates: Candidates) -> Candidates:
    known = (candidates.levels != NULL).any(axis=1)
    return candidates if known.all() else _take(candidates, np.flatnonzero(known))


def _in_order(candidates: Candidates, records: int) -> Candidates:
    keys = candidates.left * np.int64(records) + candidates.right
    return _take(candidates, np.argsort(keys, kind="stable"))


def _take(candidates: Candidates, order: NDArray[np.int64]) -> Candidates:
    return replace(
        candidates,
        left=candidates.left[order],
        right=candidates.right[order],
        levels=candidates.levels[order],
        closeness=candidates.closeness[order],
    )


def _put_together(
    sources: Sources,
    pair: tuple[int, int],
    comparisons: tuple[GroupComparison, ...],
    found: list[Found],
    sample: Sample,
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
        all_levels(np.sum([tile.marginals for tile in found], axis=0), sample, comparisons),
        sources.pairs_between(pair),
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
