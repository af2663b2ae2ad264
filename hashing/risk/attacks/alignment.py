"""Matching a list of plain records with as many encodings: profiles, assignment, refinement."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from hashing.risk.view import GroupView, Matrix, Sight

_IMPOSSIBLE = np.float32(-1e6)
_LEAST_RELIABILITY = 0.2
_CHOICES, _FEW = 12, 64
_NOISE = 0.02  # keeps one profile that happens to be exact from outweighing all others


def assign(score: Matrix) -> NDArray[np.intp]:
    """Return the one-to-one alignment with the greatest sum; ``[i]`` is record i's encoding."""
    _, columns = linear_sum_assignment(score, maximize=True)
    return np.asarray(columns, np.intp)


def assign_quickly(score: Matrix) -> NDArray[np.intp]:
    """Return a one-to-one alignment that is nearly the best: who prefer each other, are paired.

    Those left over choose again among themselves; the last few are aligned as `assign` does.
    """
    columns = np.empty(len(score), np.intp)
    rows_left = cols_left = np.arange(len(score))
    for _ in range(_CHOICES):
        if len(rows_left) <= _FEW:
            break
        preferred = score.argmax(axis=1)
        mutual = score.argmax(axis=0)[preferred] == np.arange(len(score))
        columns[rows_left[mutual]] = cols_left[preferred[mutual]]
        stay = np.ones(len(score), np.bool_)
        stay[preferred[mutual]] = False
        score = score[np.ix_(~mutual, stay)]
        rows_left, cols_left = rows_left[~mutual], cols_left[stay]
    columns[rows_left] = cols_left[assign(score)]
    return columns


def forbidden(sight: Sight, groups: Sequence[int]) -> Matrix:
    """Return (n, n) what to add to scores, so that null groups of record and encoding agree."""
    listed, seen = sight.listed[:, groups], sight.seen[:, groups]
    apart = (listed[:, None, :] != seen[None, :, :]).any(axis=2)
    return np.where(apart, _IMPOSSIBLE, np.float32(0)).astype(np.float32)


def match_profiles(
    listed: NDArray[np.float64], simulated: NDArray[np.float64], observed: NDArray[np.float64]
) -> Matrix:
    """Score records against encodings by profiles, each float64 (n, properties).

    ``listed`` and ``simulated`` are the attacker's own, of the same records; how well they
    agree tells him how far to trust each property.
    """
    listed, simulated, observed = map(_standardised, (listed, simulated, observed))
    trust = np.clip((listed * simulated).mean(axis=0), 0, 1)
    used = trust > _LEAST_RELIABILITY
    squared = trust[used] ** 2
    weight = np.sqrt(squared / (1 - squared + _NOISE))
    a = np.asarray(listed[:, used] * weight, np.float32)
    b = np.asarray(observed[:, used] * weight, np.float32)
    return np.asarray(2 * a @ b.T - (a**2).sum(1)[:, None] - (b**2).sum(1), np.float32)


def refine(
    views: Sequence[GroupView],
    alignment: NDArray[np.intp],
    penalty: Matrix,
    rounds: int,
    fixed: NDArray[np.intp] | None = None,
) -> NDArray[np.intp]:
    """Improve an alignment: each record takes the encoding that its neighbours' encodings expect.

    One round is a step of projected power iteration on the log-likelihood of the alignment
    (Onaran and Villar, 2017), over all groups at once. Records in ``fixed`` keep theirs. Returns
    the most likely alignment met.
    """
    best, most = alignment, -np.inf
    for _ in range(rounds):
        cast = votes(views, alignment)
        # What every record's neighbours say of the encoding that it has: its share in the whole.
        reached = 64 * float(cast[np.arange(len(cast)), alignment].sum(dtype=np.float64))
        if reached > most:
            best, most = alignment, reached
        score = np.add(cast, penalty, out=cast)
        if fixed is not None:
            score[fixed, alignment[fixed]] -= _IMPOSSIBLE
        following = assign_quickly(score)
        if np.array_equal(following, alignment):
            return best
        alignment = following
    return alignment if likelihood(views, alignment) > most else best


def votes(views: Sequence[GroupView], alignment: NDArray[np.intp]) -> Matrix:
    """Return (n, n) how well record i's agreement with all others fits encoding u's."""
    total = np.zeros_like(views[0].weight)
    for view in views:
        total += (view.length / 64) * (view.weight @ view.observed[alignment])
    return total


def likelihood(views: Sequence[GroupView], alignment: NDArray[np.intp]) -> float:
    """Return the log-likelihood of an alignment, up to scale and a constant."""
    return sum(
        view.length * float((view.weight * view.observed[np.ix_(alignment, alignment)]).sum())
        for view in views
    )


def _standardised(profile: NDArray[np.float64]) -> NDArray[np.float64]:
    spread = profile.std(axis=0)
    return np.asarray((profile - profile.mean(axis=0)) / np.where(spread > 0, spread, 1))
