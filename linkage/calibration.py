"""Decoy calibration: how often a pair with this score is a false match.

Overlapping groups depend on each other, so that EM's probabilities are too sure. A record whose
match is beyond doubt offers a control: its best *left-over* candidate in the other agency is a
true non-match that competed just as the others did. These decoys, weighted to the number of
records without a match, against the kept pairs give the local false-match rate at each score;
isotonic regression makes it monotone. The same target–decoy idea is long used in proteomics
(Elias and Gygi 2007).

Winners are only set against decoys where decoys were looked for. Two agencies that share few or no
people have no sure pairs, so no decoys: all their winners, none of which any decoy stands for,
would count as matches. They are left out, and every pair of theirs stands for itself, too.

Only a clean agency can be searched for decoys: in another one, what is left over may be the same
person once more. A record of an agency that isn't clean takes its best partner in a clean one
whether or not others have the same, and its decoy is the best of all but that. Between two
agencies of which neither is clean, and within one, every pair stands for itself
(`linkage.open_pairs`).
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
from linkage.patterns import NULL
from linkage.sources import Sources

LEAST_SURE = 50  # fewer sure pairs than this can't calibrate anything
# Of two agencies, how many of the smaller one's records should be sure: where fewer are, a decoy
# stands for more records than it can speak for, and the sure pairs may be mistakes. The lower
# shares are for projects in which no agencies share more.
LEAST_SURE_SHARES = (0.1, 0.02, 0.0)
_PASSES = 8
_LEAST_DIFFERING = 0.05
_SURE_PROBABILITY = 0.9
_LEANING = 5.0  # sure records


@dataclass(frozen=True)
class Calibration:
    """What the decoys say about a scoring of all candidates.

    ``kept`` bool (pairs,): the winners of the assignment; ``competing`` bool (pairs,): those of
    agencies of which at least one is clean and, where anything is calibrated, which share enough
    sure pairs; ``probability`` float64 (pairs,) of a match, for competing pairs;
    ``decoys`` int64 (d,) indices of candidates that serve as decoys, with ``decoy_weights``
    float64 (d,). ``calibrated`` is False where there were too few sure pairs and the
    probabilities are the model's own.
    """

    kept: NDArray[np.bool_]
    competing: NDArray[np.bool_]
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
    rarity: NDArray[np.float64] | None = None,
    repeats_hidden: bool = False,
    learning: bool = False,
) -> Calibration:
    """Calibrate natural log odds, (pairs,), into match probabilities.

    ``held_out`` (pairs,) are the log odds that each pair has in a scoring that didn't learn from
    it, where the scoring has learnt: by its own lights it would tell kept pairs from decoys too
    well. ``rarity`` (pairs,) is added to both; records aren't sure by it, since those of rare names
    have fewer namesakes, and their decoys wouldn't stand for others'. ``repeats_hidden`` says that
    clean agencies hide what several of their records share. ``learning`` is for a scoring that is
    still to learn from the outcome: between clean agencies incomplete records then count together
    with the others, since the few that are sure would teach it more noise than truth.
    """
    unadjusted, more = log_odds, 0.0 if rarity is None else rarity
    log_odds = unadjusted + more
    fair = log_odds if held_out is None else held_out + more
    order = best_first(log_odds, candidates.closeness)
    kept = assign_one_to_one(sources, candidates.left, candidates.right, order)
    competing = ~neither_is_clean(sources, candidates)
    between = source_pair(sources, candidates.left, candidates.right)
    clean = sources.clean[sources.source]
    pooled = clean[candidates.left] & clean[candidates.right] & learning
    none = np.empty(0, np.int64)
    nothing = Calibration(
        kept, competing, probability(log_odds), none, np.empty(0), calibrated=False
    )
    found = nothing
    for _ in range(_PASSES):
        sure = _sure_pairs(candidates, kept & competing, unadjusted, found.probability, pooled)
        competing = competing & _enough_are_sure(sources, between, sure)
        winners, sure = kept & competing, sure & competing
        decoys, forward = _find_decoys(sources, candidates, order, sure)
        if sure.sum() < LEAST_SURE or not len(decoys):
            return nothing
        expected = found.probability * winners
        weights = _decoy_weights(sources, candidates, sure, expected, decoys, forward, pooled)
        if repeats_hidden:
            hides = sources.clean[_searched(sources, candidates, decoys, forward)]
            weights *= _for_each_hidden(candidates, sure, decoys, hides)
        probabilities = _match_probability(log_odds, fair, winners, decoys, weights)
        found = Calibration(kept, competing, probabilities, decoys, weights, calibrated=True)
    return found


def _sure_pairs(
    candidates: Candidates,
    winners: NDArray[np.bool_],
    log_odds: NDArray[np.float64],
    probabilities: NDArray[np.float64],
    pooled: NDArray[np.bool_],
) -> NDArray[np.bool_]:
    """Return the surest winners: of those that lack the same groups, most of the matches.

    Incomplete records are to be among them, since decoys of complete ones don't stand for theirs.
    All those of ``pooled``, bool (pairs,), are taken together.
    """
    chosen = np.flatnonzero(winners)
    lacking = np.packbits(candidates.levels[chosen] == NULL, axis=1).astype(np.int64)
    lacking[pooled[chosen]] = -1
    _, mask = np.unique(lacking, axis=0, return_inverse=True)
    mask = mask.ravel()
    wanted = SURE_SHARE * np.bincount(mask, probabilities[chosen])
    order = np.lexsort((-log_odds[chosen], mask))
    first = np.searchsorted(mask[order], np.arange(len(wanted)))
    rank = np.empty(len(chosen), np.int64)
    rank[order] = np.arange(len(chosen)) - first[mask[order]]
    # Pairs of equal score are all sure or none is: their order says nothing.
    last = np.full(len(wanted), np.inf)
    within = rank <= wanted[mask]
    np.minimum.at(last, mask[within], log_odds[chosen[within]])
    sure = np.zeros(len(winners), np.bool_)
    sure[chosen] = log_odds[chosen] >= np.maximum(last[mask], 0.0)
    return sure & (pooled | (probabilities >= _SURE_PROBABILITY))


def _enough_are_sure(
    sources: Sources, between: NDArray[np.int64], sure: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Say of each pair whether its agencies, numbered by ``between``, share enough sure ones."""
    sizes = np.diff(sources.starts)
    smaller = np.minimum(sizes[:, None], sizes[None, :]).ravel()
    number = np.bincount(between[sure], minlength=len(smaller))
    for least in LEAST_SURE_SHARES:
        enough = number >= np.maximum(least * smaller, 1)
        if number[enough].sum() >= LEAST_SURE:
            break
    return np.asarray(enough[between], np.bool_)


def _find_decoys(
    sources: Sources,
    candidates: Candidates,
    order: NDArray[np.int64],
    sure: NDArray[np.bool_],
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Return the decoys, and of each whether its sure record is the left one."""
    side = _decoy_sides(
        candidates.left, candidates.right, order, sources.source, sources.clean, sure
    )
    decoys = np.flatnonzero(side)
    return decoys, side[decoys] == 1


@njit(nogil=True, cache=True)
def _decoy_sides(left: Any, right: Any, order: Any, source: Any, clean: Any, sure: Any) -> Any:
    matched = np.zeros((len(source), len(clean)), np.bool_)
    for k in np.flatnonzero(sure):
        matched[left[k], source[right[k]]] = True
        matched[right[k], source[left[k]]] = True
    used = np.zeros((len(source), len(clean)), np.bool_)
    side = np.zeros(len(left), np.int8)
    for k in order:
        if sure[k]:
            continue
        a, b = left[k], right[k]
        source_a, source_b = source[a], source[b]
        a_sure, b_sure = matched[a, source_b], matched[b, source_a]
        # A record of a clean agency finds taken what another one surely matches.
        a_searches = clean[source_b] and a_sure and not (clean[source_a] and b_sure)
        b_searches = clean[source_a] and b_sure and not (clean[source_b] and a_sure)
        if a_searches and not used[a, source_b]:
            used[a, source_b] = True
            side[k] = 1
        elif b_searches and not used[b, source_a]:
            used[b, source_a] = True
            side[k] = 2
    return side


def source_pair(
    sources: Sources, left: NDArray[np.int32], right: NDArray[np.int32]
) -> NDArray[np.int64]:
    """Return, per pair of records, its agencies as ``left agency * agencies + right agency``."""
    agencies = np.int64(len(sources.names))
    return sources.source[left] * agencies + sources.source[right]


def neither_is_clean(sources: Sources, candidates: Candidates) -> NDArray[np.bool_]:
    """Say of each pair whether it is of agencies of which neither is clean, or within one."""
    clean = sources.clean[sources.source]
    return np.asarray(~(clean[candidates.left] | clean[candidates.right]))


def _decoy_weights(
    sources: Sources,
    candidates: Candidates,
    sure: NDArray[np.bool_],
    winners: NDArray[np.float64],
    decoys: NDArray[np.int64],
    forward: NDArray[np.bool_],
    pooled: NDArray[np.bool_],
) -> NDArray[np.float64]:
    """Weigh each decoy by the records without a match per sure record, float64 (decoys,).

    Those that lack the same groups are counted: records with much missing are seldom sure, often
    without a match, and find other decoys than complete ones. ``winners`` float64 (pairs,) are the
    probabilities of the assignment's winners, 0 for other pairs. Between two clean agencies both
    directions are searched, and each counts for half. For decoys of ``pooled``, bool (pairs,), all
    records of their agency are counted.
    """
    kinds = _Searchers.of(sources)
    searching = np.where(forward, candidates.left[decoys], candidates.right[decoys])
    searched = _searched(sources, candidates, decoys, forward)
    of_decoy = kinds.number(searching, searched)
    matches, sure_records = kinds.zeros(), kinds.zeros()
    for ends, others in ((candidates.left, candidates.right), (candidates.right, candidates.left)):
        number = kinds.number(ends, sources.source[others])
        matches += np.bincount(number, winners, len(matches))
        sure_records += np.bincount(number[sure], minlength=len(matches))
    unmatched = np.maximum(kinds.records() - matches, 0)
    own, overall = kinds.ratios(unmatched, sure_records)
    ratio = np.where(pooled[decoys], overall[of_decoy], own[of_decoy])
    clean = sources.clean[sources.source]
    directions = clean[candidates.left[decoys]].astype(np.int64) + clean[candidates.right[decoys]]
    return np.asarray(ratio / directions, np.float64)


@dataclass(frozen=True)
class _Searchers:
    """Records by agency and by the groups they lack, and the agencies that they are sought in.

    ``kind`` int64 (records,) numbers the first two together; ``agency`` int64 (kinds,).
    """

    kind: NDArray[np.int64]
    agency: NDArray[np.int64]
    agencies: int

    @classmethod
    def of(cls, sources: Sources) -> _Searchers:
        first = np.searchsorted(sources.record, np.arange(len(sources)))
        present = sources.encodings.present[first]  # of alternates, the first stands for all
        described = np.concatenate([sources.source[:, None], present], axis=1)
        distinct, kind = np.unique(described, axis=0, return_inverse=True)
        return cls(kind.ravel(), distinct[:, 0].astype(np.int64), len(sources.names))

    def number(self, records: NDArray[np.int32], searched: NDArray[np.int32]) -> NDArray[np.int64]:
        """Return the numbers of the searches of these records in these agencies."""
        return self.kind[records] * self.agencies + searched

    def zeros(self) -> NDArray[np.float64]:
        return np.zeros(len(self.agency) * self.agencies)

    def records(self) -> NDArray[np.float64]:
        """Return how many records search, by number."""
        return np.repeat(np.bincount(self.kind, minlength=len(self.agency)), self.agencies)

    def ratios(
        self, unmatched: NDArray[np.float64], sure: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the records without a match per sure one, of each kind and of all its agency's.

        Where few of a kind are sure, it leans on its agency's.
        """
        whole = np.repeat(self.agency, self.agencies) * self.agencies
        whole += np.tile(np.arange(self.agencies), len(self.agency))
        all_unmatched, all_sure = (np.bincount(whole, part)[whole] for part in (unmatched, sure))
        overall = all_unmatched / np.maximum(all_sure, 1)
        return (unmatched + _LEANING * overall) / (sure + _LEANING), overall


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
