"""Pairs of agencies of which neither is clean, and pairs within one: each stands for itself.

There a record may have many partners, and whatever is left over may be one more, so that nothing
can be learnt from competition and decoys. Nor can it between agencies that share too few people
for decoys. What a score says of a pair is learnt elsewhere: how often matches and non-matches
reach it between agencies of which one is clean, but never more than the model says; where there
is nothing to learn from, it is what the model says. How common matches are is estimated for every
two agencies on their own, by expectation-maximisation of a mixture whose two densities are known:
copies within an agency may be far rarer than people whom two agencies share.

No sample shows that strangers never reach a score, nor that two agencies share nobody: half a
stranger at the highest score, half a match at the lowest and one match in as many pairs as hold
one elsewhere are added to what was seen.
"""

from __future__ import annotations

from collections.abc import Iterator
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
_PSEUDO = 0.5  # of a stranger and of a match
_NO_WEIGHT = 1e-12


@dataclass(frozen=True)
class OpenPairs:
    """What is known of open pairs, and of all candidates that aren't.

    ``is_open`` bool (pairs,), those that didn't compete; ``probability`` float64 (pairs,) of a
    match; ``rarer`` float64 (pairs,): the natural log odds by which matches are more common, below
    0 rarer, between the pair's agencies than between all; 0 for pairs that aren't open.
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
    for pair, own in _by_agencies(sources, candidates, judged.is_open):
        pairs = sources.pairs_between(pair)
        probability[own], share = _posterior(ratio[own], pairs, model.match_share)
        rarer[own] = _logit(share) - _logit(model.match_share)
    return judged


def _by_agencies(
    sources: Sources, candidates: Candidates, chosen: NDArray[np.bool_]
) -> Iterator[tuple[tuple[int, int], NDArray[np.int64]]]:
    """Yield every two agencies that have chosen pairs, with those pairs, int64 (k,), rising."""
    rows = np.flatnonzero(chosen)
    between = source_pair(sources, candidates.left[rows], candidates.right[rows])
    order = np.argsort(between, kind="stable")
    keys, starts = np.unique(between[order], return_index=True)
    for key, own in zip(keys.tolist(), np.split(rows[order], starts[1:]), strict=True):
        yield divmod(key, len(sources.names)), own


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
    by_model = np.asarray(log_odds - _logit(model.match_share), np.float64)
    if not calibration.calibrated:
        return by_model
    winners = calibration.kept & calibration.competing
    matches = calibration.probability * winners
    sure = np.flatnonzero(winners & (calibration.probability >= _SURE))
    vouched, all_vouched = vouched_pairs(sources, candidates, sure)
    if not all_vouched:
        return by_model
    rows = np.flatnonzero((matches > 0) | (vouched > 0))
    seen = _ratio_by_score(log_odds, rows, matches[rows], vouched[rows], all_vouched)
    return np.minimum(seen, by_model)


def _ratio_by_score(
    log_odds: NDArray[np.float64],
    rows: NDArray[np.int64],
    matches: NDArray[np.float64],
    others: NDArray[np.int64],
    all_others: int,
) -> NDArray[np.float64]:
    """Return the log likelihood ratio of each score, (pairs,), learnt from ``rows``."""
    regression = IsotonicRegression(y_min=0, y_max=1, out_of_bounds="clip")
    learnt = log_odds[rows]
    score = np.concatenate([learnt, learnt, [learnt.max(), learnt.min()]])
    is_match = np.concatenate([np.ones(len(rows)), np.zeros(len(rows)), [0.0, 1.0]])
    weight = np.concatenate([matches, others, [_PSEUDO, _PSEUDO]]) + _NO_WEIGHT
    regression.fit(score, is_match, sample_weight=weight)
    share = np.asarray(regression.predict(log_odds), np.float64)
    ratio = np.log(np.maximum(share, _NO_WEIGHT) / np.maximum(1 - share, _NO_WEIGHT))
    scale = np.log((all_others + _PSEUDO) / (float(matches.sum()) + _PSEUDO))
    return np.asarray(ratio + scale, np.float64)


def _posterior(
    log_ratio: NDArray[np.float64], pairs: int, elsewhere: float
) -> tuple[NDArray[np.float64], float]:
    """Return the probability of a match, (k,), and the share of matches that it goes with.

    Of ``pairs`` pairs those whose ``log_ratio`` isn't given are non-matches. The share of two small
    files leans on that of matches ``elsewhere``, as if one more match had been found in as many
    pairs as hold one there.
    """
    ratio = np.exp(np.clip(log_ratio, -_MOST_LOG_RATIO, _MOST_LOG_RATIO))
    probability, matches = np.zeros(len(ratio)), 0.1 * len(ratio)
    for _ in range(_PASSES):
        share = float(np.clip((matches + 1) / (pairs + 1 / elsewhere), 1e-12, 0.5))
        probability = share * ratio / (share * ratio + 1 - share)
        found = float(probability.sum())
        if abs(found - matches) <= _TOLERANCE * max(found, 1e-9):
            break
        matches = found
    return probability, share
