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
    """A released table, counted anew, with its number and the cells shown, bool (cells,).

    It counts what the table counts that is compared with it: people or events.
    """

    number: int
    table: Table
    shown: NDArray[np.bool_]


def known_cells(table: Table, earlier: list[Earlier]) -> NDArray[np.bool_]:
    """Return bool (cells,): which count just what an earlier table showed."""
    known = np.zeros(len(table.grid.count), np.bool_)
    for own in earlier:
        common = _common(table, own.table)
        one, other = table.grid.count, own.table.grid.count
        same = (common == one[:, None]) & (common == other[None, :]) & own.shown[None, :]
        known |= same.any(axis=1) & (one > 0)
    return known


def differing_cells(table: Table, earlier: list[Earlier], least: int) -> Iterator[Decision]:
    """Yield the cells that differ from a shown one by fewer than ``least`` people, but by some."""
    for own in earlier:
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


def _near(table: Table, own: Earlier, least: int) -> Iterator[tuple[int, int]]:
    """Yield the cells of both of which one holds the other and fewer than ``least`` people more."""
    common = _common(table, own.table)
    for cell, there in _within(table, own.table, common, least):
        yield cell, there
    for there, cell in _within(own.table, table, common.T, least):
        yield cell, there


def _within(
    small: Table, large: Table, common: NDArray[np.int64], least: int
) -> Iterator[tuple[int, int]]:
    """Yield the cells of one table that lie in a cell of another of fewer than ``least`` more.

    ``common`` int64 (cells, cells) says how many units they share.
    """
    one, other = small.grid.count[:, None], large.grid.count[None, :]
    inside = (common == one) & (other > one) & (one > 0)
    if small.spec.value == "people":
        yield from map(tuple, np.argwhere(inside & (other - one < least)).tolist())
        return
    here, there = small.inside.tocsc(), large.inside.tocsc()
    at = large.keys.get_indexer(small.keys)
    for cell, around in np.argwhere(inside).tolist():
        left = np.zeros(len(large.keys), np.bool_)
        left[_units(there, around)] = True
        left[at[_units(here, cell)]] = False
        if len(np.unique(large.owner[left])) < least:
            yield cell, around


def _common(table: Table, other: Table) -> NDArray[np.int64]:
    """Return how many units each two cells of two tables share, int64 (cells, cells)."""
    rows = table.keys.get_indexer(other.keys)
    here = rows >= 0
    ours, theirs = table.inside[rows[here]], other.inside[np.flatnonzero(here)]
    return np.asarray((ours.T @ theirs).todense(), np.int64)


def _units(inside: sparse.csc_array, cell: int) -> NDArray[np.int64]:
    return np.asarray(inside.indices[inside.indptr[cell] : inside.indptr[cell + 1]], np.int64)
