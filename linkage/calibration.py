"""Decoy calibration: how often a pair with this score is a false match.

Overlapping groups depend on each other, so that EM's probabilities are too sure. A record whose
match is beyond doubt offers a control: its best *left-over* candidate in the other agency is a
true non-match that competed just as the others did. These decoys, weighted to the number of
records without a match, against the kept pairs give the local false-match rate at each score;
isotonic regression makes it monotone. The same target–decoy idea is long used in proteomics
(Elias and Gygi 2007).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray
from sklearn.isotonic import IsotonicRegression

from linkage.assignment import assign_one_to_one, best_first
from linkage.candidates import Candidates
from linkage.fellegi_sunter import SURE_SHARE, probability
from linkage.sources import Sources

LEAST_SURE = 50  # fewer sure pairs than this can't calibrate anything
_PASSES = 2
_LEAST_DIFFERING = 0.05


@dataclass(frozen=True)
class Calibration:
    """What the decoys say about a scoring of all candidates.

    ``kept`` bool (pairs,): the winners of a one-to-one assignment, all agencies taken for clean;
    ``probability`` float64 (pairs,) of a match; ``decoys`` int64 (d,) indices of candidates that
    serve as decoys, with ``decoy_weights`` float64 (d,). ``calibrated`` is False where there were
    too few sure pairs and the probabilities are the model's own.
    """

    kept: NDArray[np.bool_]
    probability: NDArray[np.float64]
    decoys: NDArray[np.int64]
    decoy_weights: NDArray[np.float64]
    calibrated: bool

    def mean_decoy_weight(self) -> float | None:
        """Return how many false matches a decoy stands for, where it stands for any."""
        total = float(self.decoy_weights.sum())
        return float((self.decoy_weights**2).sum()) / total if total else None


def calibrate(
    sources: Sources,
    candidates: Candidates,
    log_odds: NDArray[np.float64],
    *,
    held_out: NDArray[np.float64] | None = None,
    repeats_hidden: bool = False,
) -> Calibration:
    """Calibrate natural log odds, (pairs,), into match probabilities.

    ``held_out`` (pairs,) are the log odds that each pair has in a scoring that didn't learn from
    it, where the scoring has learnt: by its own lights it would tell kept pairs from decoys too
    well. ``repeats_hidden`` says that clean agencies hide what several of their records share.
    """
    fair = log_odds if held_out is None else held_out
    order = best_first(log_odds, candidates.closeness)
    left, right = candidates.left, candidates.right
    kept = assign_one_to_one(sources, left, right, order, as_if_clean=True)
    probabilities = probability(log_odds)
    nothing = Calibration(kept, probabilities, np.empty(0, np.int64), np.empty(0), calibrated=False)
    for _ in range(_PASSES):
        sure = _sure_pairs(kept, log_odds, float(probabilities[kept].sum()))
        if sure.sum() < LEAST_SURE:
            return nothing
        decoys, forward = _find_decoys(sources, candidates, order, sure)
        if not len(decoys):
            return nothing
        matches = _matches_by_pair(sources, candidates, kept, probabilities)
        weights = _decoy_weights(sources, candidates, sure, matches, decoys, forward)
        if repeats_hidden:
            hides = sources.clean[_searched(sources, candidates, decoys, forward)]
            weights *= _for_each_hidden(candidates, sure, decoys, hides)
        probabilities = _match_probability(log_odds, fair, kept, decoys, weights)
    return Calibration(kept, probabilities, decoys, weights, calibrated=True)


def _sure_pairs(
    kept: NDArray[np.bool_], log_odds: NDArray[np.float64], matches: float
) -> NDArray[np.bool_]:
    falling = np.sort(log_odds[kept])[::-1]
    if not len(falling):
        return kept
    rank = min(len(falling) - 1, int(SURE_SHARE * matches))
    return np.asarray(kept & (log_odds >= max(falling[rank], 0.0)))


def _find_decoys(
    sources: Sources,
    candidates: Candidates,
    order: NDArray[np.int64],
    sure: NDArray[np.bool_],
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Return the decoys, and of each whether its sure record is the left one."""
    side = _decoy_sides(
        candidates.left, candidates.right, order, sources.source, len(sources.names), sure
    )
    decoys = np.flatnonzero(side)
    forward = side[decoys] == 1
    # In an agency that isn't clean, what is left over may be the same person once more.
    fair = sources.clean[_searched(sources, candidates, decoys, forward)]
    return decoys[fair], forward[fair]


@njit(nogil=True, cache=True)
def _decoy_sides(left: Any, right: Any, order: Any, source: Any, sources: int, sure: Any) -> Any:
    matched = np.zeros((len(source), sources), np.bool_)
    for k in np.flatnonzero(sure):
        matched[left[k], source[right[k]]] = True
        matched[right[k], source[left[k]]] = True
    used = np.zeros((len(source), sources), np.bool_)
    side = np.zeros(len(left), np.int8)
    for k in order:
        a, b = left[k], right[k]
        a_sure, b_sure = matched[a, source[b]], matched[b, source[a]]
        if a_sure and not b_sure and not used[a, source[b]]:
            used[a, source[b]] = True
            side[k] = 1
        elif b_sure and not a_sure and not used[b, source[a]]:
            used[b, source[a]] = True
            side[k] = 2
    return side


def source_pair(
    sources: Sources, left: NDArray[np.int32], right: NDArray[np.int32]
) -> NDArray[np.int64]:
    """Return, per pair of records, its agencies as ``left agency * agencies + right agency``."""
    agencies = np.int64(len(sources.names))
    return sources.source[left] * agencies + sources.source[right]


def _matches_by_pair(
    sources: Sources,
    candidates: Candidates,
    kept: NDArray[np.bool_],
    probabilities: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Return the expected matches per pair of agencies, indexed as by `source_pair`."""
    pair = source_pair(sources, candidates.left[kept], candidates.right[kept])
    matches = np.bincount(pair, weights=probabilities[kept], minlength=len(sources.names) ** 2)
    return np.asarray(matches, np.float64)


def _decoy_weights(
    sources: Sources,
    candidates: Candidates,
    sure: NDArray[np.bool_],
    matches: NDArray[np.float64],
    decoys: NDArray[np.int64],
    forward: NDArray[np.bool_],
) -> NDArray[np.float64]:
    """Weigh each decoy by the records without a match per sure record, both directions halved."""
    agencies = len(sources.names)
    pair = source_pair(sources, candidates.left, candidates.right)
    sure_count = np.maximum(np.bincount(pair[sure], minlength=agencies**2), 1)
    sizes = np.diff(sources.starts)
    chosen = pair[decoys]
    searching = np.where(forward, chosen // agencies, chosen % agencies)
    unmatched = np.maximum(sizes[searching] - matches[chosen], 0)
    return np.asarray(0.5 * unmatched / sure_count[chosen], np.float64)


def _searched(
    sources: Sources,
    candidates: Candidates,
    decoys: NDArray[np.int64],
    forward: NDArray[np.bool_],
) -> NDArray[np.int32]:
    """Return the agency that holds each decoy of a sure record: that of the other record."""
    ends = np.where(forward, candidates.right[decoys], candidates.left[decoys])
    return sources.source[ends]


def _for_each_hidden(
    candidates: Candidates,
    sure: NDArray[np.bool_],
    decoys: NDArray[np.int64],
    hides: NDArray[np.bool_],
) -> NDArray[np.float64]:
    """Return how many decoys each one stands for, float64 (decoys,).

    A decoy that is identical to a sure record in some group, in an agency where that record's
    match is, shows it only if the match differs there; else both are hidden. The unmatched
    records, for which decoys stand, have no such match. So a decoy that does show it stands for
    as many as there are sure pairs to one that differs (inverse probability weighting).
    ``hides`` bool (decoys,) says whose agency hides anything; elsewhere a decoy stands for itself.
    """
    identical = candidates.levels == candidates.levels.max(axis=0)
    differing = np.maximum(1 - identical[sure].mean(axis=0), _LEAST_DIFFERING)
    shown = identical[decoys] & hides[:, None]
    return np.asarray(np.where(shown, 1 / differing, 1).max(axis=1))


def _match_probability(
    log_odds: NDArray[np.float64],
    fair: NDArray[np.float64],
    kept: NDArray[np.bool_],
    decoys: NDArray[np.int64],
    weights: NDArray[np.float64],
) -> NDArray[np.float64]:
    scores = np.concatenate([fair[kept], fair[decoys]])
    is_kept = np.concatenate([np.ones(kept.sum()), np.zeros(len(decoys))])
    sample_weights = np.concatenate([np.ones(kept.sum()), weights])
    regression = IsotonicRegression(y_min=0, y_max=1, out_of_bounds="clip")
    regression.fit(scores, is_kept, sample_weight=sample_weights)
    share = regression.predict(log_odds)  # kept pairs among kept pairs and decoys
    return np.asarray(np.clip(1 - (1 - share) / np.maximum(share, 1e-9), 0, 1), np.float64)
