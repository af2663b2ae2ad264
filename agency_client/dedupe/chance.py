"""How often the fields of two unrelated people agree, from random pairs of records.

Fields of a place agree together: neighbours who share a postcode share a town. So pairs are drawn
in two strata, those that share a place and all others, and the places of the unrelated are
described as a mixture of two kinds, people near each other and people apart.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agency_client.dedupe.comparison import Field, Levels, Rows, compare

SAMPLED_PAIRS = 100_000
_PLACES = ("postcode", "text")
_ITERATIONS = 30
_SMOOTHING = 0.5
_NEAR_AT_FIRST = 0.9

Floats = NDArray[np.float64]
Class = tuple[Floats, ...]


@dataclass(frozen=True)
class Chance:
    """What is known of all pairs of ``rows`` records.

    ``marginals`` counts per field how many of all pairs reach each level. ``near_share`` is the
    share of pairs of people near each other; ``near`` and ``apart`` hold, for the fields of a
    place, how often each level is reached by those and by the others, and None for other fields.
    """

    rows: int
    marginals: Class
    near_share: float
    near: tuple[Floats | None, ...]
    apart: tuple[Floats | None, ...]

    @property
    def total(self) -> float:
        """The number of pairs, at least 1."""
        return max(self.rows * (self.rows - 1) / 2, 1.0)


def observe(fields: tuple[Field, ...], seed: int) -> Chance:
    """Count and sample what agrees by chance; ``seed`` picks the pairs."""
    rng = np.random.default_rng(seed)
    left, right, weights = _strata(fields, rng)
    levels = compare(fields, left, right)
    marginals = tuple(_marginal(field, levels[:, g], weights) for g, field in enumerate(fields))
    share, near, apart = _near_and_apart(fields, levels, weights)
    return Chance(len(fields[0].column), marginals, share, near, apart)


def value_counts(field: Field) -> Floats:
    """Return how many records hold each value of a field, 0 for the missing one, (values,)."""
    counts = np.bincount(field.column.codes, minlength=len(field.column.values)).astype(np.float64)
    counts[[value == "" for value in field.column.values]] = 0
    return counts


def normalised(counts: Floats, smoothing: float | Floats) -> Floats:
    """Return counts as shares after adding ``smoothing`` to each."""
    smoothed = counts + smoothing
    return np.asarray(smoothed / smoothed.sum(), np.float64)


def _equal_pairs(field: Field) -> float:
    counts = value_counts(field)
    return float((counts * (counts - 1) / 2).sum())


def _strata(fields: tuple[Field, ...], rng: np.random.Generator) -> tuple[Rows, Rows, Floats]:
    """Return random pairs and how many pairs each stands for, (pairs,) each."""
    rows = len(fields[0].column)
    left, right = rng.integers(0, rows, (2, SAMPLED_PAIRS))
    anchor = _anchor(fields)
    kept = left != right
    if anchor is None or not (shared := _equal_pairs(anchor)):
        weights = np.full(int(kept.sum()), rows * (rows - 1) / 2 / max(int(kept.sum()), 1))
        return left[kept], right[kept], weights
    codes = anchor.column.codes
    known = value_counts(anchor)[codes] > 0
    kept &= (codes[left] != codes[right]) | ~known[left]
    others = (rows * (rows - 1) / 2 - shared) / max(int(kept.sum()), 1)
    one, other = _sharing(anchor, rng)
    return (
        np.append(left[kept], one),
        np.append(right[kept], other),
        np.append(np.full(int(kept.sum()), others), np.full(len(one), shared / len(one))),
    )


def _anchor(fields: tuple[Field, ...]) -> Field | None:
    """Return the field that says best where somebody lives, None if there is none."""
    for kind in _PLACES:
        if found := [field for field in fields if field.type == kind]:
            return max(found, key=lambda field: len(field.column.values))
    return None


def _sharing(field: Field, rng: np.random.Generator) -> tuple[Rows, Rows]:
    """Return random pairs among all that hold the same value, each as likely as another."""
    counts = value_counts(field).astype(np.int64)
    order = np.argsort(field.column.codes, kind="stable")
    codes = field.column.codes[order]
    start = np.searchsorted(codes, codes)
    partners = np.maximum(counts[codes] - 1, 0)
    drawn = rng.choice(len(order), SAMPLED_PAIRS, p=partners / partners.sum())
    step = rng.integers(1, partners[drawn] + 1)
    partner = start[drawn] + (drawn - start[drawn] + step) % counts[codes[drawn]]
    return np.asarray(order[drawn], np.int64), np.asarray(order[partner], np.int64)


def _marginal(field: Field, levels: NDArray[np.int8], weights: Floats) -> Floats:
    """Return how many of all pairs reach each level; those of equality are counted exactly."""
    known = levels >= 0
    counts = np.bincount(levels[known], weights[known], len(field.words))
    counts[field.equal] = _equal_pairs(field)
    return np.asarray(counts, np.float64)


def _near_and_apart(
    fields: tuple[Field, ...], levels: Levels, weights: Floats
) -> tuple[float, tuple[Floats | None, ...], tuple[Floats | None, ...]]:
    """Split the places of the sample into two kinds by expectation-maximisation."""
    places = [g for g, field in enumerate(fields) if field.type in _PLACES]
    equal = np.stack([levels[:, g] == fields[g].equal for g in places] or [levels[:, 0] < -1])
    near = np.where(equal.any(axis=0), _NEAR_AT_FIRST, 1e-3)
    for _ in range(_ITERATIONS):
        share = float(np.clip((near * weights).sum() / max(weights.sum(), 1), 1e-9, 0.5))
        kinds = [
            {g: _spread(fields[g], levels[:, g], weights * part) for g in places}
            for part in (near, 1 - near)
        ]
        odds = np.full(len(levels), np.log(share / (1 - share)))
        for g in places:
            odds += np.append(np.log(kinds[0][g] / kinds[1][g]), 0.0)[levels[:, g]]
        near = 1 / (1 + np.exp(-np.clip(odds, -40, 40)))
    described = [tuple(kind.get(g) for g in range(len(fields))) for kind in kinds]
    return share, described[0], described[1]


def _spread(field: Field, levels: NDArray[np.int8], weights: Floats) -> Floats:
    known = levels >= 0
    counts = np.bincount(levels[known], weights[known], len(field.words))
    return normalised(np.asarray(counts, np.float64), _SMOOTHING)
