"""Secondary suppression: the fewest further cells to withhold so that none can be worked out.

The cell suppression problem, as a mixed-integer programme (Fischetti and Salazar 2001,
doi:10.1287/mnsc.47.7.1008.9805). For every cell to protect, and for each direction, another table
must be possible that everybody would take for this one: equal in all shown cells, with the same
relations, and with that cell as far away as it must seem possible. What is withheld is chosen so
that all these tables exist; totals cost more than the cells inside.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.optimize import Bounds, LinearConstraint, milp

from agency_client.cohort.release.audit import Protection, Rules, rules_of, unprotected
from agency_client.cohort.release.grid import TOTAL, Grid

_JOINTLY = 6_000  # variables up to which all cells are protected in one programme
_SECONDS = 20.0
_TOTAL_COSTS, _GRAND_TOTAL_COSTS = 4.0, 16.0


def suppress(
    grid: Grid, wanted: list[Protection], known: NDArray[np.bool_]
) -> NDArray[np.bool_] | None:
    """Return which cells are withheld, bool (cells,), those to protect among them.

    Cells in ``known``, bool (cells,), can't be withheld any more: they were released before. None
    is returned where nothing that is left to withhold protects every cell.
    """
    withheld = np.zeros(len(grid.count), np.bool_)
    withheld[[one.cell for one in wanted]] = True
    if (withheld & known).any():
        return None
    rules = rules_of(grid)
    together = 2 * len(wanted) * len(grid.count) <= _JOINTLY
    batches = [wanted] if together else [[one] for one in wanted]
    for batch in batches:
        if open_ones := unprotected(grid, withheld, batch):
            chosen = _chosen(grid, rules, open_ones, withheld, known)
            if chosen is None:
                return None
            withheld = chosen
    return withheld


def _chosen(
    grid: Grid,
    rules: Rules,
    wanted: list[Protection],
    withheld: NDArray[np.bool_],
    known: NDArray[np.bool_],
) -> NDArray[np.bool_] | None:
    """Return what is withheld at the least cost, what is withheld already being free."""
    size = len(grid.count)
    tables = [
        (one.cell, sign, float(far))
        for one in wanted
        for sign, far in ((-1.0, one.below), (1.0, one.above))
        if far > 0
    ]
    constraints = [
        row
        for number, _ in enumerate(tables)
        for row in _possible(grid, rules, number, len(tables), tables)
    ]
    lower, upper = _bounds(size, tables, withheld, known)
    found = milp(
        np.concatenate([_costs(grid), np.zeros(size * len(tables))]),
        integrality=np.concatenate([np.ones(size), np.zeros(size * len(tables))]),
        bounds=Bounds(lower, upper),
        constraints=constraints,
        options={"time_limit": _SECONDS, "mip_rel_gap": 0.01, "presolve": False},
    )
    if found.x is None:
        return None
    return np.asarray(found.x[:size] > 0.5, np.bool_)


def _possible(
    grid: Grid, rules: Rules, number: int, of: int, tables: list[tuple[int, float, float]]
) -> list[LinearConstraint]:
    """Return what makes one table possible: its rules, and deviations in withheld cells alone."""
    size = len(grid.count)
    far = 2 * max(reach for _, _, reach in tables)
    place = sparse.csr_array(([1.0], ([0], [number])), (1, of))
    deviations = sparse.kron(place, sparse.eye_array(size))  # (cells, tables * cells)
    nothing = sparse.csr_array((size, size))
    rows = []
    if rules.equal.shape[0]:
        equal = sparse.hstack([rules.equal @ nothing, rules.equal @ deviations])
        rows.append(LinearConstraint(equal, 0, 0))
    if rules.most.shape[0]:
        most = sparse.hstack([rules.most @ nothing, rules.most @ deviations])
        rows.append(LinearConstraint(most, -np.inf, rules.limit))
    low = sparse.diags_array(np.minimum(grid.count, far).astype(float))
    high = sparse.diags_array(np.full(size, float(far)))
    rows.append(LinearConstraint(sparse.hstack([low, deviations]), 0, np.inf))
    rows.append(LinearConstraint(sparse.hstack([high, -deviations]), 0, np.inf))
    return rows


def _bounds(
    size: int,
    tables: list[tuple[int, float, float]],
    withheld: NDArray[np.bool_],
    known: NDArray[np.bool_],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    lower = np.concatenate([withheld.astype(float), np.full(size * len(tables), -np.inf)])
    upper = np.concatenate([(~known).astype(float), np.full(size * len(tables), np.inf)])
    for number, (cell, sign, reach) in enumerate(tables, start=1):
        limits = lower if sign > 0 else upper
        limits[size * number + cell] = sign * reach
    return lower, upper


def _costs(grid: Grid) -> NDArray[np.float64]:
    """Return what withholding each cell costs: about one, a little more for larger counts."""
    worth = np.array(
        [
            1.0 if TOTAL not in label else _GRAND_TOTAL_COSTS if row == column else _TOTAL_COSTS
            for label in grid.labels
            for row, column in [label]
        ]
    )
    return np.asarray(worth * (1 + grid.count / (1 + grid.count.max(initial=0))), np.float64)
