"""From assigned pairs to links and clusters, and how good they should be.

What is here needs no encodings, so that it can be drawn again from what a run has kept.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from linkage.calibration import source_pair
from linkage.clustering import Clusters, cluster
from linkage.estimates import EstimateBasis, estimate_quality
from linkage.evaluation import Estimate
from linkage.sources import Sources

# Returns the levels, int8 (pairs, groups), of pairs of records, left and right int32 (pairs,).
LevelsOf = Callable[[NDArray[np.int32], NDArray[np.int32]], NDArray[np.int8]]


@dataclass(frozen=True)
class Links:
    """The pairs at or above the review probability, the most certain first.

    A pair is here because it was assigned, or because others join its records into one cluster;
    then its levels may show little agreement of their own.

    ``left`` and ``right`` int32 (k,) rows of the sources; ``weight`` float64 (k,) the match
    weight in bits (log2 of the odds); ``probability`` float64 (k,); ``levels`` int8 (k, groups).
    """

    left: NDArray[np.int32]
    right: NDArray[np.int32]
    weight: NDArray[np.float64]
    probability: NDArray[np.float64]
    levels: NDArray[np.int8]

    def __len__(self) -> int:
        return len(self.left)

    def take(self, index: NDArray[np.int64]) -> Links:
        """Return the pairs at the given positions, in that order."""
        return Links(
            self.left[index],
            self.right[index],
            self.weight[index],
            self.probability[index],
            self.levels[index],
        )

    def at_least(self, probability: float) -> Links:
        """Return the pairs of at least that probability."""
        return self.take(np.flatnonzero(self.probability >= probability))


@dataclass(frozen=True)
class Thresholds:
    """The least probability of a link, and that of a pair worth a look."""

    link: float
    review: float


@dataclass(frozen=True)
class Evidence:
    """All that links and clusters are drawn from.

    ``assigned`` are the winners of the one-to-one assignment, whatever their probability, the
    surest first, and ``hints`` bool (assigned pairs,) which of them look like two people of one
    household; ``implied`` the other pairs that stand in one cluster, by left and right.
    """

    assigned: Links
    hints: NDArray[np.bool_]
    implied: Links


@dataclass(frozen=True)
class Outcome:
    """Links and clusters, what they rest on, and their expected quality at the link threshold."""

    links: Links
    clusters: Clusters
    evidence: Evidence
    estimate: Estimate
    estimates: dict[tuple[str, str], Estimate]


def conclude(
    sources: Sources,
    assigned: Links,
    hints: NDArray[np.bool_],
    may_join: NDArray[np.bool_],
    thresholds: Thresholds,
    basis: EstimateBasis,
    levels_of: LevelsOf,
) -> Outcome:
    """Draw links and clusters from the assigned pairs, the surest first.

    Those of ``may_join``, bool (assigned pairs,), that are sure enough join clusters; one of
    ``hints``, bool (assigned pairs,), doesn't join two clusters by itself. ``basis`` is what the
    estimates of quality rest on.
    """
    chosen = np.flatnonzero(may_join & (assigned.probability >= thresholds.link))
    joining = assigned.take(chosen)
    clusters = cluster(
        sources,
        joining.left,
        joining.right,
        joining.probability,
        thresholds.link,
        hints[chosen],
    )
    better, implied = _through_clusters(sources, assigned, clusters, levels_of)
    pairs = _in_order(better, implied)
    return Outcome(
        pairs.at_least(thresholds.review),
        clusters,
        Evidence(assigned, hints, implied),
        *_estimates(sources, assigned, pairs.at_least(thresholds.link), basis),
    )


def _through_clusters(
    sources: Sources, assigned: Links, clusters: Clusters, levels_of: LevelsOf
) -> tuple[Links, Links]:
    """Return the assigned pairs at their better probability, and the pairs only clusters imply."""
    records = len(sources)
    key = assigned.left * np.int64(records) + assigned.right
    implied_key = clusters.left * np.int64(records) + clusters.right
    probability = assigned.probability.copy()
    _, here, there = np.intersect1d(key, implied_key, return_indices=True)
    probability[here] = np.maximum(probability[here], clusters.together[there])
    new = np.setdiff1d(np.arange(len(implied_key)), there)
    left, right, together = clusters.left[new], clusters.right[new], clusters.together[new]
    odds = np.clip(together, 1e-6, 1 - 1e-6)
    weight = np.log2(odds / (1 - odds))
    implied = Links(left, right, weight, together, levels_of(left, right))
    return replace(assigned, probability=probability), implied


def _in_order(one: Links, other: Links) -> Links:
    """Return the pairs of both, the surest first."""
    pairs = Links(
        np.concatenate([one.left, other.left]),
        np.concatenate([one.right, other.right]),
        np.concatenate([one.weight, other.weight]),
        np.concatenate([one.probability, other.probability]),
        np.concatenate([one.levels, other.levels]),
    )
    return pairs.take(np.lexsort((pairs.right, pairs.left, -pairs.weight, -pairs.probability)))


def _estimates(
    sources: Sources, assigned: Links, linked: Links, basis: EstimateBasis
) -> tuple[Estimate, dict[tuple[str, str], Estimate]]:
    agency_pairs = len(sources.names) ** 2
    between = source_pair(sources, linked.left, linked.right)
    return estimate_quality(
        sources,
        _sums(source_pair(sources, assigned.left, assigned.right), assigned, agency_pairs),
        np.bincount(between, minlength=agency_pairs),
        _sums(between, linked, agency_pairs),
        basis,
    )


def _sums(between: NDArray[np.int64], pairs: Links, agency_pairs: int) -> NDArray[np.float64]:
    return np.asarray(np.bincount(between, pairs.probability, agency_pairs), np.float64)
