"""What is known of the matches: coarse patterns that are beyond doubt, and those that aren't."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray
from sklearn.isotonic import IsotonicRegression

from linkage.fellegi_sunter import LinkageModel
from linkage.patterns import NULL, GroupComparison

OUTCOMES = 3  # of a group: like strangers, some agreement, much agreement
_MUCH = 0.7
_BEYOND_DOUBT = 0.9


@dataclass(frozen=True)
class Sample:
    """What the fit sees: coarse patterns, and what is known of each.

    ``patterns`` int8 (n, groups) are those that occur and those that nobody would link; ``mask``
    int64 (n,) is which groups they lack, a row of ``masks``; ``matches`` float64 (n,) how many
    matches were seen; ``seen`` bool (n,) whether such a pair is beyond doubt. ``random`` float64
    (masks,) is how often two random records lack these groups; ``total`` the expected matches
    among all winners.
    """

    patterns: NDArray[np.int8]
    mask: NDArray[np.int64]
    masks: NDArray[np.bool_]
    matches: NDArray[np.float64]
    seen: NDArray[np.bool_]
    random: NDArray[np.float64]
    total: float

    def seen_by_mask(self) -> NDArray[np.float64]:
        """Return the matches beyond doubt by the groups they lack, (masks,)."""
        return self.by_mask(self.matches * self.seen)

    def seen_count(self) -> float:
        """Return how many matches are beyond doubt."""
        return float(self.matches[self.seen].sum())

    def by_mask(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Sum values of the patterns, (n,), by the groups they lack, (masks,)."""
        return _sums(self.mask, values, len(self.masks))


@dataclass(frozen=True)
class Cells:
    """The winners by coarse pattern, and which patterns are beyond doubt.

    ``coarse`` int8 (pairs, groups), ``probability`` float64 (pairs,) and ``between`` int64
    (pairs,) are the winners'; ``lacking`` has, per two agencies, how likely two random records
    lack which groups: masks bool (k, groups) and shares float64 (k,). ``weights`` float64
    (groups, outcomes + 1) are match weights, 0 for null; patterns that weigh at least
    ``doubtless`` are beyond doubt.
    """

    coarse: NDArray[np.int8]
    probability: NDArray[np.float64]
    between_agencies: NDArray[np.int64]
    lacking: Mapping[int, tuple[NDArray[np.bool_], NDArray[np.float64]]]
    weights: NDArray[np.float64]
    doubtless: float

    @classmethod
    def of(
        cls,
        levels: NDArray[np.int8],
        probability: NDArray[np.float64],
        between: NDArray[np.int64],
        lacking: Mapping[int, tuple[NDArray[np.bool_], NDArray[np.float64]]],
        model: LinkageModel,
    ) -> Cells:
        """Sort the winners, whose levels are int8 (pairs, groups), into coarse patterns."""
        coarse_of = [_coarse_of(comparison) for comparison in model.comparisons]
        coarse = np.stack([outcome[levels[:, g]] for g, outcome in enumerate(coarse_of)], axis=1)
        weights = np.stack([_coarse_weights(model, g, o) for g, o in enumerate(coarse_of)])
        score = _score(weights, coarse)
        if not len(score):
            return cls(coarse, probability, between, lacking, weights, np.inf)
        regression = IsotonicRegression(y_min=0, y_max=1, out_of_bounds="clip")
        sure = regression.fit_transform(score, probability) >= _BEYOND_DOUBT
        if not sure.any():
            return cls(coarse, probability, between, lacking, weights, np.inf)
        # Patterns that didn't occur, yet weigh more than all doubtful ones, would have been seen.
        doubtless = float(score[~sure].max(initial=-np.inf)) + 1e-9
        return cls(coarse, probability, between, lacking, weights, doubtless)

    def of_everything(self) -> Sample:
        """Return what is known of all agencies together."""
        masks = np.concatenate([masks for masks, _ in self.lacking.values()])
        shares = np.concatenate([shares for _, shares in self.lacking.values()])
        return self._sample(np.ones(len(self.coarse), np.bool_), masks, shares)

    def between(self, key: int) -> Sample:
        """Return what is known of two agencies."""
        return self._sample(self.between_agencies == key, *self.lacking[key])

    def _sample(
        self, chosen: NDArray[np.bool_], masks: NDArray[np.bool_], shares: NDArray[np.float64]
    ) -> Sample:
        lacked = np.concatenate([masks, self.coarse[chosen] == NULL])
        distinct, which = np.unique(lacked, axis=0, return_inverse=True)
        everything = np.concatenate([_patterns_lacking(mask) for mask in distinct])
        unseen = everything[_score(self.weights, everything) < self.doubtless]
        known = np.concatenate([self.coarse[chosen], unseen])
        matches = np.concatenate([self.probability[chosen], np.zeros(len(unseen))])
        patterns, at = np.unique(known, axis=0, return_inverse=True)
        _, mask = np.unique(
            np.concatenate([distinct, patterns == NULL]), axis=0, return_inverse=True
        )
        return Sample(
            patterns,
            mask.ravel()[len(distinct) :],
            distinct,
            _sums(at, matches, len(patterns)),
            _score(self.weights, patterns) >= self.doubtless,
            _sums(which.ravel()[: len(masks)], shares, len(distinct)),
            float(self.probability[chosen].sum()),
        )


def _sums(index: NDArray[np.intp], values: NDArray[np.float64], length: int) -> NDArray[np.float64]:
    return np.asarray(np.bincount(index.ravel(), values, length), np.float64)


def _coarse_of(comparison: GroupComparison) -> NDArray[np.int8]:
    """Return the outcome of each level, NULL = -1 last."""
    low, high = cuts(comparison)
    reached = np.array([-np.inf, *comparison.levels[::-1]])
    coarse = (reached >= low).astype(np.int8) + (reached >= high)
    return np.append(coarse, NULL).astype(np.int8)


def cuts(comparison: GroupComparison) -> tuple[float, float]:
    """Return the least correlations of some and of much agreement, both of them levels."""
    levels = comparison.for_scan().levels
    return levels[-1], min((level for level in levels if level >= _MUCH), default=np.inf)


def _coarse_weights(
    model: LinkageModel, g: int, coarse_of: NDArray[np.int8]
) -> NDArray[np.float64]:
    m, u = (np.bincount(coarse_of[:-1], p[g], minlength=OUTCOMES) for p in (model.m, model.u))
    return np.append(np.log(np.maximum(m, 1e-12) / np.maximum(u, 1e-12)), 0.0)


def _score(weights: NDArray[np.float64], coarse: NDArray[np.int8]) -> NDArray[np.float64]:
    return np.asarray(weights[np.arange(len(weights)), coarse].sum(axis=1), np.float64)


def _patterns_lacking(mask: NDArray[np.bool_]) -> NDArray[np.int8]:
    choices = [(NULL,) if lacking else range(OUTCOMES) for lacking in mask.tolist()]
    return np.array(list(product(*choices)), np.int8)
