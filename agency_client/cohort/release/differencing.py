"""What a table gives away together with those released before, or within itself.

Where all whom one shown count is about are among those of another, and fewer than ``least_cell``
people are left over, the difference of the two counts tells of these few.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from agency_client.cohort.release.primary import Decision
from agency_client.cohort.release.table import Table


@dataclass(frozen=True, repr=False)
class Earlier:
    """A released table, counted anew, with its number and the cells shown, bool (cells,)."""

    number: int
    table: Table
    shown: NDArray[np.bool_]


def known_cells(table: Table, earlier: list[Earlier]) -> NDArray[np.bool_]:
    """Return bool (cells,): which count just what an earlier table showed."""
    known = np.zeros(len(table.grid.count), np.bool_)
    for own in _alike(table, earlier):
        common, one, other = _common(table, own)
        same = (common == one[:, None]) & (common == other[None, :]) & own.shown[None, :]
        known |= same.any(axis=1) & (one > 0)
    return known


def differing_cells(table: Table, earlier: list[Earlier], least: int) -> Iterator[Decision]:
    """Yield the cells that differ from a shown one by fewer than ``least`` people, but by some."""
    for own in _alike(table, earlier):
        shown = own.shown
        for cell, other in _near(table, own, least):
            if shown[other]:
                yield Decision(cell, "differencing", own.number)


def differing_within(table: Table, least: int) -> Iterator[Decision]:
    """Yield the smaller of two cells of one table that are as near, where totals don't add up.

    Where they add up, what is left over is other cells of the table and is protected with them.
    """
    if all(own.adds_up for own in table.grid.relations):
        return
    itself = Earlier(0, table, np.ones(len(table.grid.count), np.bool_))
    for cell, other in _near(table, itself, least):
        if table.grid.count[cell] < table.grid.count[other]:
            yield Decision(cell, "differencing", 0)


def _alike(table: Table, earlier: list[Earlier]) -> list[Earlier]:
    return [own for own in earlier if own.table.spec.value == table.spec.value]


def _near(table: Table, own: Earlier, least: int) -> Iterator[tuple[int, int]]:
    """Yield the cells of both of which one holds the other and fewer than ``least`` people more."""
    common, one, other = _common(table, own)
    inside = (common == one[:, None]) & (other[None, :] > one[:, None]) & (one[:, None] > 0)
    around = (common == other[None, :]) & (one[:, None] > other[None, :]) & (other[None, :] > 0)
    for cell, there in np.argwhere(inside).tolist():
        if _people_beyond(own.table, there, table, cell) < least:
            yield cell, there
    for cell, there in np.argwhere(around).tolist():
        if _people_beyond(table, cell, own.table, there) < least:
            yield cell, there


def _common(
    table: Table, own: Earlier
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Return how many units each two cells share, (cells, cells), and how many each has."""
    rows = table.keys.get_indexer(own.table.keys)
    here = rows >= 0
    ours, theirs = table.inside[rows[here]], own.table.inside[np.flatnonzero(here)]
    common = np.asarray((ours.T @ theirs).todense(), np.int64)
    return common, table.grid.count, own.table.grid.count


def _people_beyond(large: Table, cell: int, small: Table, within: int) -> int:
    """Return how many people have units in a cell that aren't in a cell of another table."""
    units = _units(large.inside, cell)
    others = small.keys[_units(small.inside, within)]
    left = units[~large.keys[units].isin(others)]
    return len(np.unique(large.owner[left]))


def _units(inside: sparse.csr_array, cell: int) -> NDArray[np.int64]:
    return np.asarray(inside[:, [cell]].nonzero()[0], np.int64)
