"""How likely two records are the same person, estimated without truth.

A pair is one of four kinds: a *match*; two people of one *household*, who share a surname and a
place; *neighbours*, who share a place; two people *unrelated*. Each kind has its own probability
for every level of every field (Fellegi and Sunter 1969, with more classes), estimated by
expectation-maximisation (Dempster et al. 1977). With only matches and non-matches, brothers and
sisters pass for matches.

What tells the kinds apart: in a household one name agrees only by chance, and the dates only by
chance or because of twins; between neighbours all names and dates agree only by chance. Which of
the two main names it is that differs in a household the data say: both are tried, and kept is the
estimate whose matches agree better in names and dates. (The likelier one won't do: it may be the
one that describes neighbours best.) How often
the last two kinds agree is taken from random pairs of all records.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from agency_client.dedupe.candidates import main_names
from agency_client.dedupe.chance import Chance, Class, Floats, normalised, observe, value_counts
from agency_client.dedupe.comparison import Field, Levels, Rows

MAX_ITERATIONS = 100
TOLERANCE = 1e-4
# Of two children of a household this share are twins: about 1.5% of births are multiple.
TWINS = 0.03
_EQUAL_AT_FIRST = 0.9
_PERSONAL = frozenset({"sex", "code"})
# Pseudo-counts, so that a small extract doesn't talk the estimate out of what is plausible.
_PRIOR_PAIRS, _SMOOTHING = 5.0, 0.5
_MOST_ODDS = 40.0
_MOST_LEVELS = 16


@dataclass(frozen=True)
class Kind:
    """One kind of pair: its share of all pairs, and how often each level of each field is reached.

    ``levels`` is one vector per field, float64 (levels of the field,), each summing to 1;
    ``by_chance`` the fields in which pairs of this kind agree only by chance.
    """

    share: float
    levels: Class
    by_chance: frozenset[int]

    def log_likelihood(self, levels: Levels) -> Floats:
        """Return the log of share times likelihood, (pairs,); a missing field adds nothing."""
        total = np.full(len(levels), np.log(self.share))
        for g, chances in enumerate(self.levels):
            total += np.append(np.log(chances), 0.0)[levels[:, g]]  # MISSING = -1 picks the last
        return total


@dataclass(frozen=True)
class DuplicateModel:
    """The estimated kinds: match, household, neighbours, unrelated.

    ``rarity`` holds per field the natural log of how much more an agreement on each value says
    than one on a typical value.
    """

    fields: tuple[Field, ...]
    kinds: tuple[Kind, ...]
    rarity: tuple[Floats, ...]
    iterations: int

    def log_odds(self, levels: Levels, left: Rows) -> Floats:
        """Return the natural log odds of a match for each pair, (pairs,).

        ``levels`` as `compare` gives them; ``left`` one row of each pair, whose values tell how
        rare is what they agree on. A missing field says nothing either way.
        """
        rarities = self._rarities(levels, left)
        match, *others = (
            kind.log_likelihood(levels) - rarities[:, list(kind.by_chance)].sum(axis=1)
            for kind in self.kinds
        )
        odds = match - np.logaddexp.reduce(others, axis=0)
        return np.asarray(np.clip(odds, -_MOST_ODDS, _MOST_ODDS), np.float64)

    def _rarities(self, levels: Levels, left: Rows) -> Floats:
        rarities = np.zeros(levels.shape)
        for g, field in enumerate(self.fields):
            equal = levels[:, g] == field.equal
            rarities[equal, g] = self.rarity[g][field.column.codes[left[equal]]]
        return rarities


def probability(log_odds: Floats) -> Floats:
    """Return the probabilities of natural log odds."""
    return np.asarray(1 / (1 + np.exp(-log_odds)), np.float64)


def estimate(fields: tuple[Field, ...], levels: Levels, seed: int) -> DuplicateModel:
    """Estimate the model from the ``levels`` of the candidate pairs, and from random pairs.

    Matches and households are counted among the candidates, what agrees by chance among all
    pairs. ``seed`` picks the random pairs.
    """
    evidence = _Evidence(fields, *_patterns(levels), observe(fields, seed))
    tried = [_fitted(evidence, personal) for personal in _personal_names(fields)]
    return max(tried, key=_agreement)


def _patterns(levels: Levels) -> tuple[Levels, NDArray[np.int64]]:
    """Return the distinct rows of levels and how many there are of each."""
    code = np.zeros(len(levels), np.int64)
    for column in levels.T:
        code = pd.factorize(code * _MOST_LEVELS + column + 1)[0]
    _, first, counts = np.unique(code, return_index=True, return_counts=True)
    return levels[first], counts


def _agreement(model: DuplicateModel) -> float:
    """Return how many of the names and dates of a match agree, on average, at least in part."""
    matches = model.kinds[0].levels
    telling = (g for g, field in enumerate(model.fields) if field.type in {"name", "date"})
    return sum(1 - float(matches[g][0]) for g in telling)


@dataclass(frozen=True)
class _Evidence:
    """What the estimate rests on: the candidates, and what agrees by chance.

    ``patterns`` int8 (k, fields), the distinct levels of the candidates; ``counts`` int64 (k,).
    """

    fields: tuple[Field, ...]
    patterns: Levels
    counts: NDArray[np.int64]
    chance: Chance

    def levels_reached(self, weights: Floats) -> Class:
        """Return per field the summed weights of the patterns at each level."""
        reached = []
        for g, field in enumerate(self.fields):
            known = self.patterns[:, g] >= 0
            levels = self.patterns[known, g]
            reached.append(
                np.asarray(np.bincount(levels, weights[known], len(field.words)), np.float64)
            )
        return tuple(reached)


def _personal_names(fields: tuple[Field, ...]) -> list[frozenset[int]]:
    """Return the fields that may be what tells people of a household apart by name."""
    main = {field.name for field in main_names(fields)}
    found = [frozenset([g]) for g, field in enumerate(fields) if field.name in main]
    return found or [frozenset()]


def _rarity(field: Field) -> Floats:
    if field.type == "sex":
        return np.zeros(len(field.column.values))
    shares = np.maximum(value_counts(field), 1) / max(value_counts(field).sum(), 1)
    typical = float((shares**2).sum() / shares.sum())
    return np.asarray(np.log(typical / shares), np.float64)


def _fitted(evidence: _Evidence, personal: frozenset[int]) -> DuplicateModel:
    model = _start(evidence, personal)
    for iteration in range(1, MAX_ITERATIONS + 1):
        updated = _step(evidence, model, iteration)
        change = abs(updated.kinds[0].share / model.kinds[0].share - 1)
        model = updated
        if change < TOLERANCE:
            break
    return model


def _start(evidence: _Evidence, personal: frozenset[int]) -> DuplicateModel:
    fields, chance = evidence.fields, evidence.chance
    match = _mostly_equal(fields)
    unrelated = tuple(normalised(counts, _SMOOTHING) for counts in chance.marginals)
    shared = tuple((m + u) / 2 for m, u in zip(match, unrelated, strict=True))
    share = 0.25 * min(chance.rows / chance.total, 1.0)
    apart = frozenset(g for g, field in enumerate(fields) if field.type in _PERSONAL)
    household = apart | personal
    kinds = (
        Kind(share, match, frozenset()),
        Kind(share, _but(fields, shared, unrelated, household), household),
        *_by_chance(evidence, unrelated, 1 - 2 * share),
    )
    return DuplicateModel(fields, kinds, tuple(map(_rarity, fields)), 0)


def _by_chance(evidence: _Evidence, unrelated: Class, share: float) -> tuple[Kind, Kind]:
    """Return the neighbours and the unrelated, who differ in how their places agree."""
    chance = evidence.chance
    near, apart = (
        tuple(u if p is None else p for u, p in zip(unrelated, places, strict=True))
        for places in (chance.near, chance.apart)
    )
    everywhere = frozenset(range(len(unrelated)))
    elsewhere = frozenset(g for g, place in enumerate(chance.near) if place is None)
    return (
        Kind(share * chance.near_share, near, elsewhere),
        Kind(share * (1 - chance.near_share), apart, everywhere),
    )


def _mostly_equal(fields: tuple[Field, ...]) -> Class:
    first = []
    for field in fields:
        others = (1 - _EQUAL_AT_FIRST) / (len(field.words) - 1)
        levels = np.full(len(field.words), others)
        levels[field.equal] = _EQUAL_AT_FIRST
        first.append(levels)
    return tuple(first)


def _but(
    fields: tuple[Field, ...], shared: Class, unrelated: Class, by_chance: frozenset[int]
) -> Class:
    """Return ``shared``, but what agrees by chance as among the unrelated; dates may be twins'."""
    levels = []
    for g, field in enumerate(fields):
        if g in by_chance:
            levels.append(unrelated[g])
        elif field.type == "date":
            twins = (1 - TWINS) * unrelated[g]
            twins[field.equal] += TWINS
            levels.append(twins)
        else:
            levels.append(shared[g])
    return tuple(levels)


def _step(evidence: _Evidence, model: DuplicateModel, iteration: int) -> DuplicateModel:
    """Return the model after one expectation and one maximisation."""
    fields, chance = evidence.fields, evidence.chance
    expected = _expected(evidence, model)
    matches, near = (evidence.levels_reached(weights) for weights in expected)
    rest = zip(chance.marginals, matches, near, strict=True)
    unrelated = tuple(normalised(np.maximum(a - m - h, 0), _SMOOTHING) for a, m, h in rest)
    prior = zip(matches, _mostly_equal(fields), strict=True)
    match = tuple(normalised(counts, _PRIOR_PAIRS * p) for counts, p in prior)
    shared = tuple(normalised(counts, _SMOOTHING) for counts in near)
    by_chance = model.kinds[1].by_chance
    shares = np.clip((expected.sum(axis=1) + 1e-3) / chance.total, 1e-12, 0.3)
    kinds = (
        Kind(float(shares[0]), match, frozenset()),
        Kind(float(shares[1]), _but(fields, shared, unrelated, by_chance), by_chance),
        *_by_chance(evidence, unrelated, float(1 - shares.sum())),
    )
    return DuplicateModel(fields, kinds, model.rarity, iteration)


def _expected(evidence: _Evidence, model: DuplicateModel) -> Floats:
    """Return the expected matches and pairs of a household per pattern, (2, k)."""
    likelihoods = [kind.log_likelihood(evidence.patterns) for kind in model.kinds]
    total = np.logaddexp.reduce(likelihoods, axis=0)
    return np.stack([np.exp(kind - total) * evidence.counts for kind in likelihoods[:2]])
