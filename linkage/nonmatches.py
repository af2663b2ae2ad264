"""How often non-matches reach each level: counted on pairs that can't be matches.

A record whose match in a clean agency is beyond doubt has no second one there, so every other pair
of the two is a true non-match, and a fair sample of all: how sure a record's match is says nothing
about how like it strangers are. Counting them gives the u-probabilities of the high levels, which
can't be had from all pairs less the expected matches: whatever matches the model doesn't yet
believe in would count as non-matches there, and it would never come to believe in them.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from linkage.candidates import Candidates
from linkage.patterns import NULL, GroupComparison, PatternHistogram
from linkage.sources import Sources

LEAST_SURE = 50  # fewer sure pairs may all be mistakes
LEAST_VOUCHED = 0.05  # of all pairs; fewer are no sample


def non_match_levels(
    sources: Sources,
    candidates: Candidates,
    histogram: PatternHistogram,
    comparisons: tuple[GroupComparison, ...],
    sure: NDArray[np.int64],
) -> list[NDArray[np.float64]] | None:
    """Return per group the expected number of non-matches at each level, (levels of the group,).

    ``sure`` int64 (k,) are the candidates that are matches beyond doubt. Pairs that are no
    candidates are non-matches, too. None where the sure pairs vouch for too few others.
    """
    vouched, total = vouched_pairs(sources, candidates, sure)
    share = total / max(sources.total_pairs(), 1)
    if len(sure) < LEAST_SURE or share < LEAST_VOUCHED:
        return None
    patterns = len(histogram.patterns)
    expected = np.bincount(histogram.pattern_of, vouched, minlength=patterns) / share
    return [_levels(histogram, g, c.level_count, expected) for g, c in enumerate(comparisons)]


def vouched_pairs(
    sources: Sources, candidates: Candidates, sure: NDArray[np.int64]
) -> tuple[NDArray[np.int64], int]:
    """Return by how many of its records each candidate is vouched for, 0 to 2, and their sum.

    The sum is over all pairs of records, candidates or not.
    """
    matched = _matched(sources, candidates, sure)
    left, right = candidates.left, candidates.right
    vouched = matched[left, sources.source[right]].astype(np.int64)
    vouched += matched[right, sources.source[left]]
    vouched[sure] = 0
    total = sum(
        int(matched[sources.records(a), b].sum()) * sources.size(b)
        + int(matched[sources.records(b), a].sum()) * sources.size(a)
        for a, b in sources.pairs()
        if a != b  # within an agency that isn't clean nothing is vouched for
    )
    return vouched, total


def _matched(
    sources: Sources, candidates: Candidates, sure: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Say which records have a sure match in which clean agencies, (records, agencies)."""
    matched = np.zeros((len(sources), len(sources.names)), np.bool_)
    left, right = candidates.left[sure], candidates.right[sure]
    matched[left, sources.source[right]] = True
    matched[right, sources.source[left]] = True
    return matched & sources.clean


def _levels(
    histogram: PatternHistogram, g: int, level_count: int, expected: NDArray[np.floating]
) -> NDArray[np.float64]:
    known = histogram.patterns[:, g] != NULL
    level = histogram.patterns[known, g]
    among_candidates = np.bincount(level, histogram.counts[known], minlength=level_count)
    others = np.maximum(histogram.marginals[g, :level_count] - among_candidates, 0)
    return np.asarray(others + np.bincount(level, expected[known], minlength=level_count))
