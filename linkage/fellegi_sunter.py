"""The Fellegi–Sunter model, estimated without truth under the one-to-one constraint.

m-probabilities say how often matches reach each level of a group, u-probabilities how often
non-matches do, lambda how common matches are. Expectation–maximisation (Dempster et al. 1977)
counts only the winners of a one-to-one assignment as possible matches: plain EM takes brothers
and sisters, who share a surname and an address, for matches. The u-probabilities come from pairs
that can't be matches, since their records have sure ones (`linkage.nonmatches`), and where those
are too few, from all pairs less the expected matches.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from linkage.assignment import assign_one_to_one, best_first
from linkage.candidates import Candidates, rough_weights
from linkage.nonmatches import non_match_levels
from linkage.patterns import NULL, GroupComparison, PatternHistogram
from linkage.sources import Sources

MAX_ITERATIONS = 25
SURE_SHARE = 0.7
TOLERANCE = 1e-4
_HOPELESS = -6.0  # log odds below which a pair can't matter to the estimates
_M_SMOOTHING, _U_SMOOTHING = 0.3, 0.5  # pseudo-counts, so that no level is impossible
_NO_SHARE = 1e-12  # 40 bits: what hardly any agreement in one or two groups makes up for
_LEAST_AGREEING = 2.0  # groups; seen are 1.3 between strangers, 3 and more between people


@dataclass(frozen=True)
class LinkageModel:
    """The estimated parameters.

    ``m`` and ``u`` are one vector per group, float64 (levels of the group,), each summing to 1;
    ``match_share`` is lambda, the share of all pairs that are matches.
    """

    comparisons: tuple[GroupComparison, ...]
    m: tuple[NDArray[np.float64], ...]
    u: tuple[NDArray[np.float64], ...]
    match_share: float
    iterations: int

    @property
    def tells_matches(self) -> bool:
        """Whether its matches agree in as many groups as one person's records should.

        Groups overlap, so that records of one person agree in several. Where there are no matches,
        EM may take the few pairs that agree by chance in any one group for a class of their own,
        which agrees in little more than one.
        """
        agreeing = sum(1 - float(m[0]) for m in self.m)
        return agreeing >= min(_LEAST_AGREEING, len(self.m) / 2)

    def without_matches(self) -> LinkageModel:
        """Return the model where only a pair that agrees in most groups can be a match."""
        return replace(self, match_share=_NO_SHARE)

    def log_odds(self, patterns: NDArray[np.int8]) -> NDArray[np.float64]:
        """Return the natural log odds of a match for each pattern, prior included, (k,).

        A null group says nothing either way.
        """
        odds = np.full(len(patterns), np.log(self.match_share / (1 - self.match_share)))
        for g, (m, u) in enumerate(zip(self.m, self.u, strict=True)):
            weights = np.append(np.log(m / u), 0.0)  # NULL = -1 picks the last
            odds += weights[patterns[:, g]]
        return odds


def probability(log_odds: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the probabilities of natural log odds."""
    return 1 / (1 + np.exp(-np.clip(log_odds, -40, 40)))


def estimate(
    sources: Sources,
    candidates: Candidates,
    histogram: PatternHistogram,
    comparisons: tuple[GroupComparison, ...],
) -> LinkageModel:
    """Estimate m, u and lambda by EM on the winners of a one-to-one assignment."""
    model = _start(sources, candidates, histogram, comparisons)
    for iteration in range(1, MAX_ITERATIONS + 1):
        expected, sure = _expected_matches(sources, candidates, histogram, model)
        strangers = non_match_levels(sources, candidates, histogram, comparisons, sure)
        updated = _maximise(histogram, comparisons, expected, strangers, iteration)
        change = abs(updated.match_share - model.match_share)
        model = updated
        if change < TOLERANCE * model.match_share:
            break
    return model


def _start(
    sources: Sources,
    candidates: Candidates,
    histogram: PatternHistogram,
    comparisons: tuple[GroupComparison, ...],
) -> LinkageModel:
    """Return the model of a first guess: the likeliest pairs, one for every second record, match.

    Levels that only matches reach would otherwise count as common among non-matches, and EM
    could talk itself out of them.
    """
    weights = rough_weights(histogram.marginals, comparisons)
    weights = np.concatenate([weights, np.zeros((len(weights), 1))], axis=1)  # NULL = -1
    rough = weights[np.arange(len(comparisons)), histogram.patterns].sum(axis=1)
    order = best_first(rough[histogram.pattern_of], candidates.closeness)
    kept = assign_one_to_one(sources, candidates.left, candidates.right, order, as_if_clean=True)
    half = sum(min(sources.size(a), sources.size(b)) for a, b in sources.pairs()) // 2
    likeliest = order[kept[order]][:half]
    guess = np.bincount(histogram.pattern_of[likeliest], minlength=len(histogram.patterns))
    return _maximise(histogram, comparisons, guess.astype(np.float64), None, 0)


def _expected_matches(
    sources: Sources, candidates: Candidates, histogram: PatternHistogram, model: LinkageModel
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return the expected number of matches among the winners, per pattern, (k,).

    And the surest winners, int64 candidates, up to `SURE_SHARE` of the expected matches.
    """
    odds = model.log_odds(histogram.patterns)
    pair_odds = odds[histogram.pattern_of]
    likely = np.flatnonzero(pair_odds > _HOPELESS)
    order = best_first(pair_odds[likely], candidates.closeness[likely])
    left, right = candidates.left[likely], candidates.right[likely]
    kept = assign_one_to_one(sources, left, right, order, as_if_clean=True)
    winners = np.bincount(histogram.pattern_of[likely[kept]], minlength=len(odds))
    expected = np.asarray(winners * probability(odds), np.float64)
    surest = likely[order[kept[order]]][: int(SURE_SHARE * expected.sum())]
    return expected, surest


def _maximise(
    histogram: PatternHistogram,
    comparisons: tuple[GroupComparison, ...],
    expected: NDArray[np.float64],
    strangers: list[NDArray[np.float64]] | None,
    iteration: int,
) -> LinkageModel:
    m, u = [], []
    for g, comparison in enumerate(comparisons):
        known = histogram.patterns[:, g] != NULL
        matches = np.bincount(
            histogram.patterns[known, g], weights=expected[known], minlength=comparison.level_count
        )
        everything = histogram.marginals[g, : comparison.level_count]
        others = np.maximum(everything - matches, 0) if strangers is None else strangers[g]
        m.append(_normalised(matches, _M_SMOOTHING))
        u.append(_normalised(others, _U_SMOOTHING))
    share = _clip_share(float(expected.sum()), histogram.total_pairs)
    return LinkageModel(comparisons, tuple(m), tuple(u), share, iteration)


def _normalised(counts: NDArray[np.floating | np.integer], smoothing: float) -> NDArray[np.float64]:
    smoothed = np.asarray(counts, np.float64) + smoothing
    return np.asarray(smoothed / smoothed.sum(), np.float64)


def _clip_share(matches: float, pairs: int) -> float:
    """Return a share strictly between 0 and 1, whatever the data."""
    return float(np.clip((matches + 1e-3) / max(pairs, 1), 1e-12, 0.5))
