"""Pairs of agencies of which neither is clean, and pairs within one: each stands for itself.

There a record may have many partners, and whatever is left over may be one more, so that nothing
can be learnt from competition and decoys. What a score says of a pair is learnt elsewhere: how
often matches and non-matches reach it between agencies of which one is clean, or, where there is
none, what the model says. How common matches are is estimated for every two agencies on their own,
by expectation-maximisation of a mixture whose two densities are known: copies within an agency may
be far rarer than people whom two agencies share.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.isotonic import IsotonicRegression

from linkage.calibration import Calibration, source_pair
from linkage.candidates import Candidates
from linkage.fellegi_sunter import LinkageModel
from linkage.nonmatches import vouched_pairs
from linkage.sources import Sources

_PASSES = 200
_TOLERANCE = 1e-6
_MOST_LOG_RATIO = 30.0
_SURE = 0.99


@dataclass(frozen=True)
class OpenPairs:
    """What is known of open pairs, and of all candidates that aren't.

    ``is_open`` bool (pairs,); ``probability`` float64 (pairs,) of a match; ``rarer`` float64
    (pairs,): the natural log odds by which matches are more common, below 0 rarer, between the
    pair's agencies than between all; 0 for pairs that aren't open.
    """

    is_open: NDArray[np.bool_]
    probability: NDArray[np.float64]
    rarer: NDArray[np.float64]


def judge_open_pairs(
    sources: Sources,
    candidates: Candidates,
    log_odds: NDArray[np.float64],
    calibration: Calibration,
    model: LinkageModel,
) -> OpenPairs:
    """Return the open pairs' probabilities beside the others'; ``log_odds`` (pairs,), natural."""
    probability, rarer = calibration.probability.copy(), np.zeros(len(candidates))
    judged = OpenPairs(~calibration.competing, probability, rarer)
    if not judged.is_open.any():
        return judged
    ratio = _log_ratio(sources, candidates, log_odds, calibration, model)
    between = source_pair(sources, candidates.left, candidates.right)
    agencies = len(sources.names)
    for a, b in sources.pairs():
        own = np.flatnonzero((between == a * agencies + b) & judged.is_open)
        if len(own):
            probability[own], share = _posterior(ratio[own], sources.pairs_between((a, b)))
            rarer[own] = _logit(share) - _logit(model.match_share)
    return judged


def _logit(share: float) -> float:
    return float(np.log(share / (1 - share)))


def _log_ratio(
    sources: Sources,
    candidates: Candidates,
    log_odds: NDArray[np.float64],
    calibration: Calibration,
    model: LinkageModel,
) -> NDArray[np.float64]:
    """Return the log likelihood ratio of match to non-match for every pair, (pairs,)."""
    if not calibration.calibrated:
        return np.asarray(log_odds - _logit(model.match_share), np.float64)
    winners = calibration.kept & calibration.competing
    matches = calibration.probability * winners
    sure = np.flatnonzero(winners & (calibration.probability >= _SURE))
    vouched, all_vouched = vouched_pairs(sources, candidates, sure)
    rows = np.flatnonzero((matches > 0) | (vouched > 0))
    return _ratio_by_score(log_odds, rows, matches[rows], vouched[rows], all_vouched)


def _ratio_by_score(
    log_odds: NDArray[np.float64],
    rows: NDArray[np.int64],
    matches: NDArray[np.float64],
    others: NDArray[np.int64],
    all_others: int,
) -> NDArray[np.float64]:
    regression = IsotonicRegression(y_min=0, y_max=1, out_of_bounds="clip")
    score = np.concatenate([log_odds[rows], log_odds[rows]])
    is_match = np.repeat([1.0, 0.0], len(rows))
    regression.fit(score, is_match, sample_weight=np.concatenate([matches, others]) + 1e-12)
    share = np.asarray(regression.predict(log_odds), np.float64)
    ratio = np.log(np.maximum(share, 1e-12) / np.maximum(1 - share, 1e-12))
    scale = np.log(max(all_others, 1) / max(float(matches.sum()), 1e-12))
    return np.asarray(ratio + scale, np.float64)


def _posterior(log_ratio: NDArray[np.float64], pairs: int) -> tuple[NDArray[np.float64], float]:
    """Return the probability of a match, (k,), and the share of matches that it goes with.

    Of ``pairs`` pairs those whose ``log_ratio`` isn't given are non-matches.
    """
    ratio = np.exp(np.clip(log_ratio, -_MOST_LOG_RATIO, _MOST_LOG_RATIO))
    probability, matches = np.zeros(len(ratio)), 0.1 * len(ratio)
    for _ in range(_PASSES):
        share = float(np.clip(matches / max(pairs, 1), 1e-12, 0.5))
        probability = share * ratio / (share * ratio + 1 - share)
        found = float(probability.sum())
        if abs(found - matches) <= _TOLERANCE * max(found, 1e-9):
            break
        matches = found
    return probability, share
