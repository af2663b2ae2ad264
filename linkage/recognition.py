"""Recognising one person among an agency's records, by what a finished run has learnt.

The run's model weighs how the groups agree. Since groups that share a field depend on each other,
its log odds are too sure; the run has corrected that for the pairs that it assigned, and what it
found there is read off here: how often a pair of such log odds is a match. Where few pairs teach
anything, as among low log odds, that may be too much, so the less of the two counts. A pair that
looks like two people of one household, such as twins, is no match, however alike the rest is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray
from sklearn.isotonic import IsotonicRegression

from linkage.encodings import Encodings, comparable
from linkage.fellegi_sunter import LinkageModel, probability
from linkage.households import household_hints
from linkage.patterns import NULL_DISTANCE, levels_of

LEAST_PAIRS = 50
"""Fewer assigned pairs than this teach nothing; then the model's own probabilities count."""


@dataclass(frozen=True)
class Judge:
    """How likely two records are one person, by their levels.

    ``steps`` float64 (k,) are log odds of the model, rising, and ``chances`` float64 (k,) how often
    assigned pairs of such log odds are matches; both empty where there were too few. ``link`` is
    the least probability of a match; ``holds_given_name`` as in `linkage.households`.
    """

    model: LinkageModel
    holds_given_name: tuple[bool, ...]
    link: float
    steps: NDArray[np.float64]
    chances: NDArray[np.float64]

    @classmethod
    def learnt(
        cls,
        model: LinkageModel,
        holds_given_name: tuple[bool, ...],
        link: float,
        levels: NDArray[np.int8],
        probabilities: NDArray[np.float64],
    ) -> Self:
        """Learn from a run's assigned pairs: ``levels`` (pairs, groups), and their probability."""
        if len(levels) < LEAST_PAIRS:
            return cls(model, holds_given_name, link, np.empty(0), np.empty(0))
        regression = IsotonicRegression(y_min=0, y_max=1, out_of_bounds="clip")
        regression.fit(model.log_odds(levels), probabilities)
        steps = np.asarray(regression.X_thresholds_, np.float64)
        return cls(model, holds_given_name, link, steps, np.asarray(regression.y_thresholds_))

    def probability(self, log_odds: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the probabilities of a match of the model's log odds."""
        own = probability(log_odds)
        if not len(self.steps):
            return own
        return np.minimum(own, np.interp(log_odds, self.steps, self.chances))


@dataclass(frozen=True)
class Recognised:
    """Rows that may be the person: their ``tokens`` uint8 (k, 16), and how likely they are.

    ``log_odds`` float64 (k,) are the model's; ``closeness`` float64 (k,), the share of equal bits,
    decides between rows of equal evidence.
    """

    tokens: NDArray[np.uint8]
    log_odds: NDArray[np.float64]
    closeness: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.tokens)


def recognise(
    judge: Judge, bits: NDArray[np.uint64], present: NDArray[np.bool_], rows: Encodings
) -> Recognised:
    """Return the rows that match one person: ``bits`` (groups, words), ``present`` (groups,)."""
    comparisons = judge.model.comparisons
    differing = np.bitwise_count(rows.bits ^ bits)
    distances = np.asarray(differing.sum(axis=2, dtype=np.uint16))
    distances[~(rows.present & present)] = NULL_DISTANCE
    set_bits = rows.counts() + np.asarray(np.bitwise_count(bits).sum(axis=1), np.int32)
    levels = levels_of(comparisons, distances, set_bits)
    odds = judge.model.log_odds(levels)
    likely = np.flatnonzero(judge.probability(odds) >= judge.link)
    apart = household_hints(levels[likely], judge.model, judge.holds_given_name)
    found = likely[~apart]
    lengths = np.array([comparison.length for comparison in comparisons], np.int64)
    return Recognised(rows.tokens[found], odds[found], _closeness(distances[found], lengths))


def likeliest(found: Sequence[Recognised], most: int, *, clean: bool) -> list[bytes]:
    """Return the tokens of the likeliest records, each once, at most so many.

    A clean agency holds a person once, so of it there is one at most.
    """
    if not any(map(len, found)):
        return []
    tokens = comparable(np.concatenate([part.tokens for part in found]))
    odds = np.concatenate([part.log_odds for part in found])
    closeness = np.concatenate([part.closeness for part in found])
    order = np.lexsort((tokens, -closeness, -odds))
    # numpy drops zeros at the end of byte strings; a token has 16 bytes whatever they are.
    in_order = [bytes(tokens[at]).ljust(16, b"\0") for at in order]
    return list(dict.fromkeys(in_order))[: 1 if clean else most]


def _closeness(distances: NDArray[np.uint16], lengths: NDArray[np.int64]) -> NDArray[np.float64]:
    known = distances != NULL_DISTANCE
    differing = np.where(known, distances, 0).sum(axis=1)
    return np.asarray(1 - differing / np.maximum(known @ lengths, 1), np.float64)
