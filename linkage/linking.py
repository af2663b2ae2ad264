"""The whole of linking, from encodings to links and clusters, as one function without I/O."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from linkage.assignment import best_first
from linkage.calibration import Calibration, calibrate, source_pair
from linkage.candidates import Candidates, MapTiles, pair_levels, scan
from linkage.clustering import Clusters, cluster
from linkage.evaluation import Quality, expected_quality
from linkage.fellegi_sunter import LinkageModel, estimate
from linkage.patterns import GroupComparison, PatternHistogram, count_patterns
from linkage.rescoring import rescore
from linkage.sources import Sources

_BITS = 1 / np.log(2)  # natural logarithms to bits


@dataclass(frozen=True)
class LinkingRules:
    """What the agreement says of matching; see `linkage.protocol.agreement.Matching`."""

    comparisons: tuple[GroupComparison, ...]
    link: float
    review: float
    candidates_per_record: int
    seed: int


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
class Linkage:
    """The outcome of linking.

    ``pattern_weight`` in bits and ``pattern_probability``, float64 (k,) each, are what a pair of
    each pattern of the histogram counts on its own evidence, before other records speak for it.
    ``estimate`` is the expected quality at the link threshold, ``estimates`` the same by pair of
    agencies; ``rescored`` says whether the logistic model was kept, ``calibrated`` whether there
    were enough sure pairs to learn from decoys.
    """

    links: Links
    clusters: Clusters
    model: LinkageModel
    histogram: PatternHistogram
    pattern_weight: NDArray[np.float64]
    pattern_probability: NDArray[np.float64]
    estimate: Quality
    estimates: dict[tuple[str, str], Quality]
    rescored: bool
    calibrated: bool


def link(sources: Sources, rules: LinkingRules, map_tiles: MapTiles) -> Linkage:
    """Link the records of all agencies; ``map_tiles`` runs the scan's tiles, `map` will do."""
    candidates = scan(
        sources, rules.comparisons, rules.candidates_per_record, rules.seed, map_tiles
    )
    histogram = count_patterns(candidates.levels, candidates.marginals, candidates.total_pairs)
    model = estimate(sources, candidates, histogram, rules.comparisons)
    odds = model.log_odds(histogram.patterns)
    score, calibration, rescored = _best_scoring(sources, candidates, histogram, rules, odds)
    pair_score = score[histogram.pattern_of]
    assigned = _assigned(candidates, pair_score, calibration)
    sure = assigned.probability >= rules.link
    clusters = cluster(
        sources, assigned.left[sure], assigned.right[sure], assigned.probability[sure]
    )
    pairs = _with_cluster_pairs(sources, rules, assigned, clusters)
    return Linkage(
        pairs.at_least(rules.review),
        clusters,
        model,
        histogram,
        score * _BITS,
        _by_pattern(histogram, calibration),
        expected_quality(pairs.probability, rules.link),
        _estimates_by_pair(sources, pairs, rules.link),
        rescored,
        calibration.calibrated,
    )


def _best_scoring(
    sources: Sources,
    candidates: Candidates,
    histogram: PatternHistogram,
    rules: LinkingRules,
    odds: NDArray[np.float64],
) -> tuple[NDArray[np.float64], Calibration, bool]:
    """Rescore, and keep the rescoring only where it raises the expected F1."""
    plain = calibrate(sources, candidates, odds[histogram.pattern_of])
    level_counts = tuple(comparison.level_count for comparison in rules.comparisons)
    score, better = rescore(sources, candidates, histogram, level_counts, odds)

    def expected_f1(calibration: Calibration) -> float:
        return expected_quality(calibration.probability[calibration.kept], rules.link).f1

    if expected_f1(better) > expected_f1(plain):
        return score, better, True
    return odds, plain, False


def _by_pattern(histogram: PatternHistogram, calibration: Calibration) -> NDArray[np.float64]:
    """Return the calibrated probability of each pattern; pairs of one pattern share theirs."""
    probability = np.empty(len(histogram.patterns))
    probability[histogram.pattern_of] = calibration.probability
    return probability


def _assigned(
    candidates: Candidates, pair_score: NDArray[np.float64], calibration: Calibration
) -> Links:
    """Return the winners of the assignment, whatever their probability."""
    kept = np.flatnonzero(calibration.kept)
    kept = kept[best_first(pair_score[kept], candidates.closeness[kept])]
    return Links(
        candidates.left[kept],
        candidates.right[kept],
        pair_score[kept] * _BITS,
        calibration.probability[kept],
        candidates.levels[kept],
    )


def _with_cluster_pairs(
    sources: Sources, rules: LinkingRules, assigned: Links, clusters: Clusters
) -> Links:
    """Add the pairs that clusters imply; a pair that is both counts with its better probability."""
    records = len(sources)
    key = assigned.left * np.int64(records) + assigned.right
    implied_key = clusters.left * np.int64(records) + clusters.right
    probability = assigned.probability.copy()
    _, here, there = np.intersect1d(key, implied_key, return_indices=True)
    probability[here] = np.maximum(probability[here], clusters.together[there])
    new = np.setdiff1d(np.arange(len(implied_key)), there)
    left, right, together = clusters.left[new], clusters.right[new], clusters.together[new]
    odds = np.clip(together, 1e-6, 1 - 1e-6)
    pairs = Links(
        np.concatenate([assigned.left, left]),
        np.concatenate([assigned.right, right]),
        np.concatenate([assigned.weight, np.log2(odds / (1 - odds))]),
        np.concatenate([probability, together]),
        np.concatenate([assigned.levels, pair_levels(sources, rules.comparisons, left, right)]),
    )
    return pairs.take(np.lexsort((pairs.right, pairs.left, -pairs.weight, -pairs.probability)))


def _estimates_by_pair(
    sources: Sources, pairs: Links, threshold: float
) -> dict[tuple[str, str], Quality]:
    between = source_pair(sources, pairs.left, pairs.right)
    agencies = len(sources.names)
    return {
        (sources.names[a], sources.names[b]): expected_quality(
            pairs.probability[between == a * agencies + b], threshold
        )
        for a, b in sources.pairs()
    }
