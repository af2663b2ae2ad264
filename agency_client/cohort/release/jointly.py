"""What all released tables give away together, beyond what any two cells do.

People (or events) who are in just the same shown cells can't be told apart by them: they are one
*group*. Each shown count is a sum of groups, so that a linear programme says how closely the size
of a group can be worked out. A group of few people must seem possible from none to ``least_cell``,
as a withheld cell must.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse
from scipy.optimize import Bounds, LinearConstraint, milp

from agency_client.cohort.release.differencing import Earlier
from agency_client.cohort.release.table import Table

MOST_GROUPS = 300  # groups of few people, beyond which only pairs of cells are compared
_TOLERANCE = 1e-6


@dataclass(frozen=True, repr=False)
class Groups:
    """Groups of what no shown cell tells apart.

    ``inside`` is sparse (cells, groups); the first ``own`` cells are the new table's, those shown
    before follow. ``size`` int64 (groups,) counts units, ``people`` int64 (groups,) people.
    """

    inside: sparse.csr_array
    own: int
    size: NDArray[np.int64]
    people: NDArray[np.int64]

    def few(self, least: int) -> list[int]:
        """Return the numbers of the groups of fewer than ``least`` people."""
        return np.flatnonzero(self.people < least).tolist()


def read_groups(table: Table, shown: NDArray[np.bool_], earlier: list[Earlier]) -> Groups:
    """Return the groups that the shown cells of a table make with those shown before."""
    tables = [(table, shown), *((own.table, own.shown) for own in earlier)]
    keys = pd.Index(np.unique(np.concatenate([own.keys.to_numpy() for own, _ in tables])))
    parts = [_spread(own, cells, keys) for own, cells in tables]
    inside = sparse.hstack(parts).tocsr()
    inside.sort_indices()
    rows = [
        inside.indices[a:b].tobytes()
        for a, b in zip(inside.indptr, inside.indptr[1:], strict=False)
    ]
    group, names = pd.factorize(np.array(rows, dtype=object))
    _, first = np.unique(group, return_index=True)
    owners = pd.Series(_owners(tables, keys)).groupby(group).nunique()
    return Groups(
        inside[first].T.tocsr(),
        int(shown.sum()),
        np.bincount(group, minlength=len(names)).astype(np.int64),
        np.asarray(owners, np.int64),
    )


def given_away(groups: Groups, cells: NDArray[np.bool_], among: list[int], least: int) -> list[int]:
    """Return which of the groups ``among`` can be worked out from the cells, bool (cells,)."""
    return [own for own in among if not _is_open(groups, cells, own, least)]


def culprits(
    table: Table,
    shown: NDArray[np.bool_],
    known: NDArray[np.bool_],
    earlier: list[Earlier],
    least: int,
) -> list[int] | None:
    """Return cells of a table to withhold besides, so that no group of few can be worked out.

    One cell a group, the smallest that will do, or all that aren't known if no single one does.
    None is returned where there are too many groups to look at. What the earlier tables gave away
    by themselves can't be mended.
    """
    if not earlier or not shown.any():
        return []
    groups = read_groups(table, shown, earlier)
    few = groups.few(least)
    if len(few) > MOST_GROUPS:
        return None
    every = np.ones(groups.inside.shape[0], np.bool_)
    before = every & (np.arange(len(every)) >= groups.own)
    mended = set(few) - set(given_away(groups, before, few, least))
    numbers = np.flatnonzero(shown)
    free = [n for n in range(groups.own) if not known[numbers[n]]]
    free.sort(key=lambda n: int(table.grid.count[numbers[n]]))
    found: set[int] = set()
    for group in given_away(groups, every, sorted(mended), least):
        found |= _enough(groups, group, free, least)
    return [int(numbers[n]) for n in sorted(found)]


def _enough(groups: Groups, group: int, free: list[int], least: int) -> set[int]:
    for cell in free:
        without = np.ones(groups.inside.shape[0], np.bool_)
        without[cell] = False
        if _is_open(groups, without, group, least):
            return {cell}
    return set(free)


def _is_open(groups: Groups, cells: NDArray[np.bool_], group: int, least: int) -> bool:
    inside = groups.inside[np.flatnonzero(cells)]
    if not inside[:, [group]].nnz:
        return True  # nothing is said of it
    counts = inside @ groups.size
    ends = []
    for sign in (1.0, -1.0):
        aim = np.zeros(len(groups.size))
        aim[group] = sign
        sums = LinearConstraint(inside, counts, counts)
        found = milp(aim, bounds=Bounds(0, np.inf), constraints=sums)
        ends.append(-sign * np.inf if found.x is None else float(found.x[group]))
    return ends[0] <= _TOLERANCE and ends[1] >= least - _TOLERANCE


def _spread(table: Table, cells: NDArray[np.bool_], keys: pd.Index[str]) -> sparse.csr_array:
    """Return which of all units are in which of a table's chosen cells."""
    chosen = table.inside[:, np.flatnonzero(cells)].tocoo()
    rows = keys.get_indexer(table.keys)[chosen.row]
    return sparse.csr_array((chosen.data, (rows, chosen.col)), (len(keys), int(cells.sum())))


def _owners(
    tables: list[tuple[Table, NDArray[np.bool_]]], keys: pd.Index[str]
) -> NDArray[np.object_]:
    """Return the person behind each of all units."""
    owners = np.empty(len(keys), object)
    for own, _ in tables:
        owners[keys.get_indexer(own.keys)] = own.people[own.owner]
    return owners
