"""Agreement levels, and the patterns that a pair's levels make.

The level of a group is the number of thresholds that its similarity reaches: 0 below all of them,
``len(thresholds)`` at the top, `NULL` where either record lacks the group. A pattern is the tuple
of a pair's levels, one per group; pairs with the same pattern carry the same evidence.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

NULL = -1
NULL_DISTANCE = np.uint16(0xFFFF)
Kind = Literal["correlation", "dice"]

# Classic CLKs are often a scheme's only group, so their levels are fine.
DICE_LEVELS = (0.98, 0.95, 0.92, 0.89, 0.86, 0.83, 0.80, 0.76, 0.72, 0.68, 0.64, 0.60)


# Chance agreement has a standard deviation of 1 / √length. A scan of all pairs tells apart what
# lies this many above 0; what lies lower it meets too often.
SCANNED_DEVIATIONS = 3.5


def correlation_levels(length: int) -> tuple[float, ...]:
    """Return the default levels for ``length`` diffused bits.

    The lowest lie 3.5, 2.75 and 2 standard deviations of chance agreement above 0: each says
    little, but several groups together may say enough.
    """
    chance = 1 / math.sqrt(length)
    lowest = SCANNED_DEVIATIONS * chance
    high = (0.97, 0.85, 0.7, 0.55, 0.45, 0.36)
    return (*(level for level in high if level > 1.1 * lowest), lowest, 2.75 * chance, 2 * chance)


@dataclass(frozen=True)
class GroupComparison:
    """How one group of two records is compared.

    ``length`` in bits; ``levels`` are the least similarities of the agreement levels, falling.
    Hamming correlation is 1 − 2·distance/length; Dice is 1 − distance/(set bits of both).
    ``parts`` are what the group joins, by name, each with its diffusion t; none if unknown.
    """

    name: str
    length: int
    kind: Kind
    levels: tuple[float, ...]
    parts: tuple[tuple[str, int], ...] = ()

    @property
    def level_count(self) -> int:
        """The number of levels, the one below all thresholds included."""
        return len(self.levels) + 1

    def for_scan(self) -> GroupComparison:
        """Return the comparison with only the levels that a scan of all pairs tells apart."""
        if self.kind == "dice":
            return self
        least = (SCANNED_DEVIATIONS - 1e-9) / math.sqrt(self.length)
        kept = tuple(level for level in self.levels if level >= least)
        return replace(self, levels=kept or self.levels[:1])


def levels_of(
    comparisons: tuple[GroupComparison, ...],
    distances: NDArray[np.uint16],
    set_bits: NDArray[np.int32],
) -> NDArray[np.int8]:
    """Return the agreement levels, int8 (pairs, groups).

    ``distances`` are Hamming distances, uint16 (pairs, groups), `NULL_DISTANCE` where a group is
    null; ``set_bits`` the sums of both records' set bits, int32 of the same shape.
    """
    levels = np.empty(distances.shape, np.int8)
    for g, comparison in enumerate(comparisons):
        similarity = similarity_of(comparison, distances[:, g], set_bits[:, g])
        reached = (similarity >= level for level in comparison.levels)
        levels[:, g] = sum(reached, start=np.zeros(len(distances), np.int8))
    levels[distances == NULL_DISTANCE] = NULL
    return levels


def similarity_of(
    comparison: GroupComparison, distances: NDArray[np.uint16], set_bits: NDArray[np.int32]
) -> NDArray[np.float64]:
    """Return the similarities that Hamming distances mean; Dice of two empty filters is 0.

    One correctly rounded division, so that a similarity exactly at a threshold reaches it.
    """
    distance = distances.astype(np.float64)
    if comparison.kind == "correlation":
        return (comparison.length - 2 * distance) / comparison.length
    return (set_bits - distance) / np.maximum(set_bits, 1)


@dataclass(frozen=True)
class PatternHistogram:
    """How often each pattern occurs.

    ``patterns`` int8 (k, groups), the distinct patterns among the candidate pairs, in
    lexicographic order; ``counts`` int64 (k,); ``pattern_of`` int64 (pairs,), the pattern of each
    candidate. ``marginals`` int64 (groups, max levels): how many of *all* ``total_pairs`` reach
    each level of a group, candidates or not.
    """

    patterns: NDArray[np.int8]
    counts: NDArray[np.int64]
    pattern_of: NDArray[np.int64]
    marginals: NDArray[np.int64]
    total_pairs: int

    def find(self, levels: NDArray[np.int8]) -> NDArray[np.int64]:
        """Return which pattern each row of levels (n, groups) is, int64 (n,); -1 for none."""
        keys = np.concatenate([_keys(self.patterns), _keys(levels)])
        distinct, inverse = np.unique(keys, return_inverse=True)
        pattern_of_key = np.full(len(distinct), -1, np.int64)
        pattern_of_key[inverse[: len(self.patterns)]] = np.arange(len(self.patterns))
        return pattern_of_key[inverse[len(self.patterns) :]]


def count_patterns(
    levels: NDArray[np.int8], marginals: NDArray[np.int64], total_pairs: int
) -> PatternHistogram:
    """Return the histogram of the candidates' patterns beside the marginals of all pairs."""
    _, first, pattern_of, counts = np.unique(
        _keys(levels), return_index=True, return_inverse=True, return_counts=True
    )
    return PatternHistogram(levels[first], counts, pattern_of, marginals, total_pairs)


def _keys(levels: NDArray[np.int8]) -> NDArray[np.void]:
    # Bytes compare like unsigned numbers; the shift keeps NULL first.
    shifted = np.ascontiguousarray((levels + 1).astype(np.uint8))
    return shifted.view(f"V{levels.shape[1]}").ravel()
