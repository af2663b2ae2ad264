"""What a sample of random pairs tells before a scan: rough weights, and the floor.

The floor is the summed weight that about the agreed number of candidates reaches.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from linkage.candidates import count_levels, levels_of_rows, rough_weights
from linkage.patterns import NULL, GroupComparison
from linkage.repeats import Repeats
from linkage.similarity import ScanRules
from linkage.sources import Sources

# Two files of over 200,000 records each keep fewer candidates a record, so that
# linking two of a million fits into 4 GiB. Nothing is lost but pairs that are far below a link:
# with a quarter of its candidates a set of known truth links as well.
MOST_CANDIDATES = 8_000_000
# Enough for a few thousand sampled pairs above the floor, within what takes a few seconds.
LEAST_SAMPLED, MOST_SAMPLED = 100_000, 4_000_000
SAMPLED_ABOVE_FLOOR = 2_000
_MOST_TOO_MANY = 4  # times the wanted candidates: what memory still holds


@dataclass(frozen=True)
class Sample:
    """The levels of random pairs of rows, int8 (pairs, groups), and the share to be kept."""

    levels: NDArray[np.int8]
    wanted: float


def sample_of(
    sources: Sources,
    pair: tuple[int, int],
    comparisons: tuple[GroupComparison, ...],
    candidates_per_record: int,
    seed: int,
    repeats: Repeats,
) -> Sample:
    """Draw the sample of two agencies, or of the pairs within one, by its own random numbers."""
    share = wanted_share(sources, pair, candidates_per_record)
    rng = random_numbers_of(seed, *(sources.names[agency] for agency in pair))
    return Sample(sample_levels(sources, pair, comparisons, share, rng, repeats), share)


def rules_of(
    sample: Sample,
    comparisons: tuple[GroupComparison, ...],
    scanned: tuple[GroupComparison, ...],
) -> ScanRules:
    """Choose the floor by the levels that a scan tells apart; the lower ones are one level 0."""
    lower = np.array([lower_levels(comparison) for comparison in comparisons], np.int8)
    levels = np.where(sample.levels == NULL, np.int8(NULL), np.maximum(sample.levels - lower, 0))
    weights = rough_weights(count_levels(levels, scanned), scanned)
    floor = choose_floor(levels, weights, sample.wanted)
    return ScanRules.of(scanned, weights, floor, sample.wanted)


def lower_levels(comparison: GroupComparison) -> int:
    """Return how many levels lie below those that a scan tells apart."""
    return len(comparison.levels) - len(comparison.for_scan().levels)


def all_levels(
    marginals: NDArray[np.int64], sample: Sample, comparisons: tuple[GroupComparison, ...]
) -> NDArray[np.int64]:
    """Return how many pairs reach each level; of the lower ones the sample knows the shares."""
    sampled = count_levels(sample.levels, comparisons)
    counts = np.zeros_like(sampled)
    for g, comparison in enumerate(comparisons):
        lower = lower_levels(comparison)
        told_apart = len(comparison.levels) - lower
        counts[g, lower + 1 : lower + 1 + told_apart] = marginals[g, 1 : 1 + told_apart]
        shares = sampled[g, 1 : lower + 1] / max(int(sampled[g, : lower + 1].sum()), 1)
        counts[g, 1 : lower + 1] = np.round(marginals[g, 0] * shares)
        counts[g, 0] = marginals[g, 0] - counts[g, 1 : lower + 1].sum()
    return counts


def random_numbers_of(seed: int, name_a: str, name_b: str) -> np.random.Generator:
    """Return the pair's own random numbers: other agencies' files can't shift them."""
    names = hashlib.sha256(f"{name_a}\0{name_b}".encode()).digest()
    return np.random.default_rng([seed, int.from_bytes(names, "big")])


def wanted_share(sources: Sources, pair: tuple[int, int], candidates_per_record: int) -> float:
    """Return the share of all pairs of records that makes ``candidates_per_record`` candidates.

    Or as many as `MOST_CANDIDATES` leaves to each.
    """
    total = sources.pairs_between(pair)
    searching = sum(sources.size(agency) for agency in set(pair))
    wanted = min(candidates_per_record * searching / 2, MOST_CANDIDATES)
    return wanted / total if total else 1.0


def sample_levels(
    sources: Sources,
    pair: tuple[int, int],
    comparisons: tuple[GroupComparison, ...],
    share: float,
    rng: np.random.Generator,
    repeats: Repeats,
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
    if pair[0] == pair[1]:  # a record and itself are no pair
        distinct = sources.record[left] != sources.record[right]
        left, right = left[distinct], right[distinct]
    met = ~repeats.among(left, right)
    left, right = left[met], right[met]
    return levels_of_rows(sources, comparisons, left, right)


def choose_floor(sample: NDArray[np.int8], weights: NDArray[np.float64], wanted: float) -> float:
    """Return a summed weight that about a share ``wanted`` of all pairs reaches.

    Weights have few values, so that many pairs weigh the same. Of the gaps between sums that leave
    from half to half as many again as wanted, the floor lies in the widest, so that chance in the
    sample hardly moves it, and the floors of all pairs of agencies tend to part the same levels.
    Where there is no such gap, it leaves fewer; but the best pairs of all stay, unless there are
    far too many of them, or no others.
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
        if len(falling) == 1 or share[0] > _MOST_TOO_MANY * wanted:
            return float(falling[0]) + 1e-5
        few = np.zeros(1, np.int64)
    enough = few[share[few] >= 0.5 * wanted] if share[few[-1]] >= 0.5 * wanted else few[-1:]
    gaps = np.round(falling[enough] - falling[enough + 1], 2)
    widest = enough[gaps == gaps.max()][-1]  # the lower one of equal gaps
    return float(falling[widest] + falling[widest + 1]) / 2
