"""Rescoring: a logistic model that learns from the decoys what the groups say together.

The Fellegi–Sunter model takes the groups for independent. Groups that share a field aren't, so a
logistic regression separates the kept pairs from the weighted decoys by the model's own score and
by how every two groups agree; no truth is used. What two groups say is shrunk towards nothing, the
score is not: so the regression corrects the model as far as the decoys insist on it, and otherwise
leaves it as it is. (A regression that learns every level anew fits some secrets well and others
badly.) Probabilities are calibrated on scores that didn't learn from the pair in question.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.linear_model import LogisticRegression

from linkage.calibration import Calibration, calibrate
from linkage.candidates import Candidates
from linkage.patterns import NULL, PatternHistogram
from linkage.sources import Sources

ROUNDS = 2
FOLDS = 2
REGULARISATION = 0.3  # scikit-learn's C
# What the features are multiplied with: small ones are shrunk, large ones aren't.
_INTERACTION_SCALE, _SCORE_SCALE = 0.3, 2.0
MOST_INTERACTING_GROUPS = 16  # beyond it the pairs of groups outnumber what data can teach
_HOPELESS = -8.0
_LEAST, _MOST_LOG_ODDS = 1e-6, 50.0  # no pattern is less likely, or has higher log odds
RULED_OUT = -13.0  # log odds that only the least likely patterns have
_COARSE_NONE, _COARSE_PARTIAL, _COARSE_IDENTICAL, _COARSE_NULL = range(4)


def rescore(
    sources: Sources,
    candidates: Candidates,
    histogram: PatternHistogram,
    level_counts: tuple[int, ...],
    log_odds: NDArray[np.float64],
    *,
    repeats_hidden: bool = False,
) -> tuple[NDArray[np.float64], NDArray[np.float64] | None]:
    """Return the rescored log odds of each pattern, (k,), and what `calibrate` needs of them.

    That are the held-out log odds of each pair, (pairs,). ``log_odds`` are the model's, per
    pattern. Where there are too few sure pairs to learn from, they come back unchanged, and
    nothing is held out. ``repeats_hidden`` as `calibrate` has it.
    """
    hopeful = np.flatnonzero(log_odds > _HOPELESS)  # of millions of patterns, the few that matter
    features = pattern_features(histogram.patterns[hopeful], level_counts, log_odds[hopeful])
    learn = _Learner(histogram.pattern_of, hopeful, features, log_odds)
    score, held_out = log_odds, None
    fold = candidates.left % FOLDS  # records stand in the order of their random tokens
    for _ in range(ROUNDS):
        calibration = calibrate(
            sources,
            candidates,
            score[histogram.pattern_of],
            held_out=held_out,
            repeats_hidden=repeats_hidden,
            learning=True,
        )
        if not calibration.calibrated:
            break
        held_out = np.empty(len(candidates))
        for own in range(FOLDS):
            others = learn(score, calibration, fold != own)
            held_out[fold == own] = others[histogram.pattern_of[fold == own]]
        score = learn(score, calibration, fold >= 0)
    return score, held_out


def pattern_features(
    patterns: NDArray[np.int8], level_counts: tuple[int, ...], log_odds: NDArray[np.float64]
) -> sparse.csr_matrix:
    """Return the features of each pattern: the model's score and how every two groups agree."""
    score = sparse.csr_matrix(_SCORE_SCALE * np.clip(log_odds, -30, 30)[:, None])
    coarse = _coarse(patterns, level_counts)
    if not 2 <= len(level_counts) <= MOST_INTERACTING_GROUPS:
        return score
    interactions = sparse.csr_matrix(np.stack(_interactions(coarse), axis=1), dtype=np.float64)
    return sparse.csr_matrix(sparse.hstack([_INTERACTION_SCALE * interactions, score]))


def _coarse(patterns: NDArray[np.int8], level_counts: tuple[int, ...]) -> NDArray[np.int8]:
    top = np.array(level_counts) - 1
    coarse = np.where(patterns >= 2, _COARSE_PARTIAL, _COARSE_NONE)
    coarse = np.where(patterns == top, _COARSE_IDENTICAL, coarse)
    return np.where(patterns == NULL, _COARSE_NULL, coarse).astype(np.int8)


def _interactions(coarse: NDArray[np.int8]) -> list[NDArray[np.bool_]]:
    return [
        (coarse[:, g] == x) & (coarse[:, h] == y)
        for g, h in combinations(range(coarse.shape[1]), 2)
        for x in range(4)
        for y in range(4)
        if (x, y) != (_COARSE_NONE, _COARSE_NONE)
    ]


@dataclass(frozen=True)
class _Learner:
    """Fits kept pairs against decoys.

    ``hopeful`` int64 (h,) are the patterns that may be matches at all, ``features`` (h, columns)
    theirs; ``log_odds`` float64 (k,), the model's, decide between patterns that come out alike.
    """

    pattern_of: NDArray[np.int64]
    hopeful: NDArray[np.int64]
    features: sparse.csr_matrix
    log_odds: NDArray[np.float64]

    def __call__(
        self,
        score: NDArray[np.float64],
        calibration: Calibration,
        learn_from: NDArray[np.bool_],
    ) -> NDArray[np.float64]:
        """Return the log odds of a match for every pattern, (k,).

        ``learn_from`` bool (pairs,) chooses among the candidates. Where there is nothing to tell
        matches from, since all decoys are hopeless, ``score`` comes back.
        """
        winners = calibration.kept & calibration.competing & learn_from
        kept = self._count(np.flatnonzero(winners), None)
        chosen = learn_from[calibration.decoys]
        weights = calibration.decoy_weights[chosen] + 1e-6
        decoys = self._count(calibration.decoys[chosen], weights)
        rows_kept, rows_decoy = np.flatnonzero(kept > 0), np.flatnonzero(decoys > 0)
        if not len(rows_kept) or not len(rows_decoy):
            return score
        rows = np.concatenate([rows_kept, rows_decoy])
        is_kept = np.concatenate([np.ones(len(rows_kept)), np.zeros(len(rows_decoy))])
        weights = np.concatenate([kept[rows_kept], decoys[rows_decoy]])
        model: Any = LogisticRegression(C=REGULARISATION, max_iter=1000)
        model.fit(self.features[rows], is_kept, sample_weight=weights)
        learnt = np.full(len(self.log_odds), np.log(_LEAST / (1 - _LEAST)))
        learnt[self.hopeful] = _matches_among_kept(model.decision_function(self.features))
        return learnt + 1e-3 * self.log_odds

    def _count(
        self, pairs: NDArray[np.int64], weights: NDArray[np.float64] | None
    ) -> NDArray[np.float64]:
        """Return how many of the pairs have each hopeful pattern, (h,)."""
        counts = np.bincount(self.pattern_of[pairs], weights, len(self.log_odds))
        return np.asarray(counts[self.hopeful], np.float64)


def _matches_among_kept(decision: NDArray[np.float64]) -> NDArray[np.float64]:
    """Turn log odds of kept against decoy into log odds of match among the kept."""
    # Kept pairs are matches and false matches, and decoys stand for the false ones:
    # P(match | kept) = 1 - P(decoy) / P(kept).
    # So the odds are e**decision - 1, whose logarithm nears the decision where it is large.
    odds = np.expm1(np.clip(decision, _LEAST, _MOST_LOG_ODDS))
    return np.asarray(np.log(odds), np.float64)
