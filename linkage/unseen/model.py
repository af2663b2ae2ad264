"""The model of how records of one person differ, fitted to those that can be seen."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from linkage.patterns import NULL, GroupComparison
from linkage.unseen.sample import Sample, cuts

# What two records' parts of one match may correlate by. More values change nothing that can be
# measured: patterns don't tell them apart.
CLOSENESS = np.array([1.0, 0.9, 0.75, 0.5, 0.0])
_LEAST_SHARE = 0.05  # of the matches that lack the same groups; if fewer are seen, others stand in
_PRIOR_PAIRS = 10.0  # how many pairs the overall estimate counts for in that of two agencies


@dataclass(frozen=True)
class Fitted:
    """The model's parameters, and what is fixed.

    ``frequency`` float64 (parts, values of `CLOSENESS`), each row summing to 1; ``hidden``
    float64 (groups,). ``states`` int64 (states, parts) are all combinations of values;
    ``visible`` and ``chance``, per group (outcomes, states) and (outcomes,), the probability of
    each outcome where the group isn't hidden and where it is.
    """

    frequency: NDArray[np.float64]
    hidden: NDArray[np.float64]
    states: NDArray[np.int64]
    visible: tuple[NDArray[np.float64], ...]
    chance: tuple[NDArray[np.float64], ...]

    @classmethod
    def at_first(cls, comparisons: tuple[GroupComparison, ...]) -> Fitted:
        """Return where the fit begins: most parts agree, a tenth of the groups is hidden."""
        names = sorted({name for c in comparisons for name, _ in c.parts})
        states = np.array(list(product(range(len(CLOSENESS)), repeat=len(names))), np.int64)
        visible = tuple(_outcomes(c, _correlation(c, names, states)) for c in comparisons)
        chance = tuple(_outcomes(c, np.zeros(1))[:, 0] for c in comparisons)
        middle = np.full(len(CLOSENESS) - 2, 0.2 / (len(CLOSENESS) - 2))
        frequency = np.tile(np.concatenate([[0.6], middle, [0.2]]), (len(names), 1))
        return cls(frequency, np.full(len(comparisons), 0.1), states, visible, chance)

    def prior(self) -> NDArray[np.float64]:
        """Return the probability of each state, (states,)."""
        parts = np.arange(self.states.shape[1])
        return np.asarray(self.frequency[parts, self.states].prod(axis=1), np.float64)

    def outcomes(self, g: int) -> NDArray[np.float64]:
        """Return the probability of each outcome in each state; NULL = -1 picks the last, 1."""
        shown = (1 - self.hidden[g]) * self.visible[g]
        both = shown + self.hidden[g] * self.chance[g][:, None]
        return np.concatenate([both, np.ones((1, both.shape[1]))])


def _correlation(
    comparison: GroupComparison, names: list[str], states: NDArray[np.int64]
) -> NDArray[np.float64]:
    correlation = np.ones(len(states))
    for name, diffusion in comparison.parts:
        correlation *= CLOSENESS[states[:, names.index(name)]] ** diffusion
    return correlation


def _outcomes(comparison: GroupComparison, correlation: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return how likely a group of that expected correlation is measured at each outcome."""
    deviation = np.sqrt(np.maximum(1 - correlation**2, 1e-4) / comparison.length)
    below = [norm.cdf((cut - correlation) / deviation) for cut in cuts(comparison)]
    ends = [np.zeros_like(correlation), *below, np.ones_like(correlation)]
    return np.diff(np.stack(ends), axis=0)


@dataclass(frozen=True)
class Expected:
    """Expectations given each pattern of a sample.

    ``pattern`` float64 (n,), its probability among the matches that lack the same groups;
    ``state`` (n, states), ``hidden`` (n, groups), given the pattern. ``shown`` (masks,) is the
    probability of a pattern beyond doubt.
    """

    pattern: NDArray[np.float64]
    state: NDArray[np.float64]
    hidden: NDArray[np.float64]
    shown: NDArray[np.float64]


def expect(fitted: Fitted, sample: Sample) -> Expected:
    """Return what each pattern says of states and hidden groups (the E-step)."""
    state = np.tile(fitted.prior(), (len(sample.patterns), 1))
    outcomes = [fitted.outcomes(g) for g in range(len(fitted.hidden))]
    for g, of_state in enumerate(outcomes):
        state *= of_state[sample.patterns[:, g]]
    pattern = state.sum(axis=1)
    state /= np.maximum(pattern, 1e-300)[:, None]
    hidden = np.empty(sample.patterns.shape)
    for g, of_state in enumerate(outcomes):
        # By Bayes' rule in each state; a null group says nothing of what would be hidden.
        by_chance = np.append(fitted.hidden[g] * fitted.chance[g], fitted.hidden[g])
        in_state = by_chance[:, None] / np.maximum(of_state, 1e-300)
        hidden[:, g] = (state * in_state[sample.patterns[:, g]]).sum(axis=1)
    unseen = sample.by_mask(pattern * ~sample.seen)
    return Expected(pattern, state, hidden, np.clip(1 - unseen, 1e-6, 1))


def matches_by_mask(sample: Sample, shown: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return how many matches lack each set of groups, seen or not.

    Where hardly any are seen, as where all groups are null, others stand for them: two records
    of one person lack the same groups as often as two random ones.
    """
    enough = shown >= _LEAST_SHARE
    matches = sample.seen_by_mask() / shown
    per_random = matches[enough].sum() / max(sample.random[enough].sum(), 1e-12)
    return np.asarray(np.where(enough, matches, per_random * sample.random))


def fit(fitted: Fitted, sample: Sample, prior: Fitted | None, passes: int) -> Fitted:
    """Fit by ``passes`` of EM, from ``fitted`` on; ``prior`` counts as a few pairs, if given."""
    for _ in range(passes):
        expected = expect(fitted, sample)
        matches = matches_by_mask(sample, expected.shown)[sample.mask]
        count = np.where(sample.seen, sample.matches, matches * expected.pattern)
        fitted = _maximise(fitted, sample, expected, count, prior)
    return fitted


def _maximise(
    fitted: Fitted,
    sample: Sample,
    expected: Expected,
    count: NDArray[np.float64],
    prior: Fitted | None,
) -> Fitted:
    by_state = count @ expected.state
    frequency = np.stack(
        [
            np.bincount(fitted.states[:, part], by_state, minlength=len(CLOSENESS))
            for part in range(fitted.states.shape[1])
        ]
    )
    pseudo_pairs = 0.5 if prior is None else _PRIOR_PAIRS * prior.frequency
    frequency = np.asarray(frequency + pseudo_pairs, np.float64)
    compared = (sample.patterns != NULL) * count[:, None]
    hidden = (compared * expected.hidden).sum(axis=0)
    pseudo = 0.1 if prior is None else prior.hidden
    hidden = (hidden + pseudo * _PRIOR_PAIRS) / (compared.sum(axis=0) + _PRIOR_PAIRS)
    return Fitted(
        frequency / frequency.sum(axis=1, keepdims=True),
        hidden,
        fitted.states,
        fitted.visible,
        fitted.chance,
    )


def log_error(
    fitted: Fitted, sample: Sample, expected: Expected, matches: NDArray[np.float64]
) -> float:
    """Return the standard error of the logarithm of all matches, by the observed information.

    Parameters are taken by their logits, in which the gradient of a pattern's log-probability is
    what it tells of states and hidden groups beyond what all seen patterns do.
    """
    parts = fitted.states.shape[1]
    told = np.concatenate(
        [
            *(
                expected.state @ (fitted.states[:, part, None] == np.arange(len(CLOSENESS)))
                for part in range(parts)
            ),
            expected.hidden,
        ],
        axis=1,
    )
    average = np.concatenate([fitted.frequency.ravel(), fitted.hidden])
    unseen = np.zeros((len(sample.masks), told.shape[1]))
    np.add.at(unseen, sample.mask, told * (expected.pattern * ~sample.seen)[:, None])
    among_seen = (average - unseen) / expected.shown[:, None]
    gradient = (told - among_seen[sample.mask])[sample.seen]
    information = gradient.T @ (gradient * sample.matches[sample.seen, None])
    information += 0.5 * np.eye(len(information))
    known = matches > 0
    share = matches[known] / max(matches.sum(), 1e-9)
    slope = share @ (among_seen[known] - average)
    of_model = float(slope @ np.linalg.solve(information, slope))
    of_draw = float((share * (1 - expected.shown[known])).sum() / max(sample.seen_count(), 1))
    return float(np.sqrt(of_model + of_draw))
