"""Rescoring: a logistic model that learns from the decoys what the groups say together.

The Fellegi–Sunter model takes the groups for independent. Groups that share a field aren't, so a
regularised logistic regression on the levels, their pairwise interactions and the model's own
score separates the kept pairs from the weighted decoys; no truth is used.
"""

from __future__ import annotations

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
REGULARISATION = 0.3  # scikit-learn's C
MOST_INTERACTING_GROUPS = 16  # beyond it the pairs of groups outnumber what data can teach
_HOPELESS = -8.0
_COARSE_NONE, _COARSE_PARTIAL, _COARSE_IDENTICAL, _COARSE_NULL = range(4)


def rescore(
    sources: Sources,
    candidates: Candidates,
    histogram: PatternHistogram,
    level_counts: tuple[int, ...],
    log_odds: NDArray[np.float64],
    *,
    repeats_hidden: bool = False,
) -> tuple[NDArray[np.float64], Calibration]:
    """Return the rescored log odds of each pattern, (k,), and their calibration.

    ``log_odds`` are the model's, per pattern. Where there are too few sure pairs to learn from,
    the log odds come back unchanged. ``repeats_hidden`` as `calibrate` has it.
    """
    features = pattern_features(histogram.patterns, level_counts, log_odds)
    score = log_odds
    calibration = calibrate(
        sources, candidates, score[histogram.pattern_of], repeats_hidden=repeats_hidden
    )
    for _ in range(ROUNDS):
        if not calibration.calibrated:
            break
        score = _learn(histogram, features, score, calibration) + 1e-3 * log_odds
        calibration = calibrate(
            sources, candidates, score[histogram.pattern_of], repeats_hidden=repeats_hidden
        )
    return score, calibration


def pattern_features(
    patterns: NDArray[np.int8], level_counts: tuple[int, ...], log_odds: NDArray[np.float64]
) -> sparse.csr_matrix:
    """Return the features of each pattern: levels, coarse interactions, and the model's score."""
    columns = [patterns[:, g] == level for g, n in enumerate(level_counts) for level in range(n)]
    if len(level_counts) <= MOST_INTERACTING_GROUPS:
        columns += _interactions(_coarse(patterns, level_counts))
    matrix = sparse.csr_matrix(np.stack(columns, axis=1).astype(np.float64))
    scaled = sparse.csr_matrix((np.clip(log_odds, -30, 30) / 10)[:, None])
    return sparse.csr_matrix(sparse.hstack([matrix, scaled]))


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


def _learn(
    histogram: PatternHistogram,
    features: sparse.csr_matrix,
    score: NDArray[np.float64],
    calibration: Calibration,
) -> NDArray[np.float64]:
    """Fit kept pairs against decoys and return the log odds of a match for every pattern."""
    pattern_count = len(histogram.patterns)
    kept = np.bincount(histogram.pattern_of[calibration.kept], minlength=pattern_count)
    decoys = np.bincount(
        histogram.pattern_of[calibration.decoys],
        weights=calibration.decoy_weights + 1e-6,
        minlength=pattern_count,
    )
    hopeful = score > _HOPELESS
    rows_kept = np.flatnonzero(hopeful & (kept > 0))
    rows_decoy = np.flatnonzero(hopeful & (decoys > 0))
    if not len(rows_kept) or not len(rows_decoy):
        return score  # all decoys are hopeless: there is nothing to tell matches from
    rows = np.concatenate([rows_kept, rows_decoy])
    is_kept = np.concatenate([np.ones(len(rows_kept)), np.zeros(len(rows_decoy))])
    weights = np.concatenate([kept[rows_kept], decoys[rows_decoy]])
    model: Any = LogisticRegression(C=REGULARISATION, max_iter=1000)
    model.fit(features[rows], is_kept, sample_weight=weights)
    return _matches_among_kept(model.decision_function(features))


def _matches_among_kept(decision: NDArray[np.float64]) -> NDArray[np.float64]:
    """Turn log odds of kept against decoy into log odds of match among the kept."""
    # Kept pairs are matches and false matches, and decoys stand for the false ones:
    # P(match | kept) = 1 - P(decoy) / P(kept).
    matches = np.clip(1 - np.exp(-np.clip(decision, -30, 30)), 1e-6, 1 - 1e-6)
    return np.asarray(np.log(matches / (1 - matches)), np.float64)
