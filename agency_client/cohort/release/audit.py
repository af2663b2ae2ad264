"""How closely a withheld count can be worked out from what a table shows.

Whoever reads a table knows that counts aren't negative and how totals relate to their parts.
Everything else is a linear programme: the least and the most that a withheld cell can be, given all
shown cells exactly (which is more than rounded ones tell). It is protected where the answer to both
leaves it open whether there are none or as many as could be shown.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.optimize import Bounds, LinearConstraint, milp

from agency_client.cohort.release.grid import Grid, Relation

_TOLERANCE = 1e-6


@dataclass(frozen=True)
class Protection:
    """How far below and above its count a withheld cell must seem possible."""

    cell: int
    below: int
    above: int


@dataclass(frozen=True, repr=False)
class Rules:
    """The relations of a table in terms of deviations d from its counts.

    ``equal`` @ d = 0, and ``most`` @ d <= ``limit``; sparse (relations, cells).
    """

    equal: sparse.csr_array
    most: sparse.csr_array
    limit: NDArray[np.float64]


def protection(grid: Grid, cell: int, least: int) -> Protection:
    """Return what a cell needs that mustn't be known.

    A small count must seem possible from none to ``least``; any other by ``least`` less or more.
    """
    count = int(grid.count[cell])
    return Protection(cell, min(count, least), least - count if count < least else least)


def rules_of(grid: Grid) -> Rules:
    """Return what everybody knows of a table's counts."""
    equal = [_row(grid, own, -1.0) for own in grid.relations if own.adds_up]
    most, limit = [], []
    for own in grid.relations:
        if not own.adds_up:
            for row in (_row(grid, own, -1.0) * -1, *_parts_below(grid, own)):
                most.append(row)
                limit.append(-float(row @ grid.count))
    size = len(grid.count)
    return Rules(
        sparse.csr_array(np.array(equal).reshape(-1, size)),
        sparse.csr_array(np.array(most).reshape(-1, size)),
        np.array(limit, np.float64),
    )


def unprotected(
    grid: Grid, withheld: NDArray[np.bool_], wanted: list[Protection]
) -> list[Protection]:
    """Return those of the cells whose counts the shown ones give away.

    ``withheld`` is bool (cells,).
    """
    rules = rules_of(grid)
    return [one for one in wanted if not _is_open(grid, rules, withheld, one)]


def reach(grid: Grid, rules: Rules, withheld: NDArray[np.bool_], cell: int) -> tuple[float, float]:
    """Return the least and the most deviation from its count that seems possible of a cell."""
    least, most = (_extreme(grid, rules, withheld, cell, sign) for sign in (1.0, -1.0))
    return least, most


def _is_open(grid: Grid, rules: Rules, withheld: NDArray[np.bool_], wanted: Protection) -> bool:
    if not withheld[wanted.cell]:
        return False
    least, most = reach(grid, rules, withheld, wanted.cell)
    return least <= -wanted.below + _TOLERANCE and most >= wanted.above - _TOLERANCE


def _extreme(
    grid: Grid, rules: Rules, withheld: NDArray[np.bool_], cell: int, sign: float
) -> float:
    aim = np.zeros(len(grid.count))
    aim[cell] = sign
    low = np.where(withheld, -grid.count, 0.0)
    high = np.where(withheld, np.inf, 0.0)
    constraints = [LinearConstraint(rules.equal, 0, 0)] if rules.equal.shape[0] else []
    if rules.most.shape[0]:
        constraints.append(LinearConstraint(rules.most, -np.inf, rules.limit))
    found = milp(aim, bounds=Bounds(low, high), constraints=constraints)
    if found.x is None:  # without limit, since no deviation at all is always possible
        return -sign * float("inf")
    return float(found.x[cell])


def _row(grid: Grid, own: Relation, of_total: float) -> NDArray[np.float64]:
    row = np.zeros(len(grid.count))
    row[list(own.parts)] = 1.0
    row[own.total] = of_total
    return row


def _parts_below(grid: Grid, own: Relation) -> list[NDArray[np.float64]]:
    """Return, for each part, that it is no more than its total."""
    rows = []
    for part in own.parts:
        row = np.zeros(len(grid.count))
        row[[part, own.total]] = 1.0, -1.0
        rows.append(row)
    return rows
