"""Tables of counts with totals, made from a cohort and written with what they count."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse

from agency_client.cohort.analysis.frames import Frames
from agency_client.cohort.release.files import cells_text
from agency_client.cohort.release.grid import Grid, relations_of
from agency_client.cohort.release.spec import TableSpec, spec_path
from agency_client.cohort.release.units import Units, read_units
from agency_client.outputs import written_together


@dataclass(frozen=True, repr=False)
class Table:
    """A table as it was counted: exact, and not to leave before it is checked.

    ``inside`` is the sparse matrix (units, cells) of what is counted where: of people a row each,
    of events likewise. ``keys`` (units,) tells units apart over all tables of a cohort, ``owner``
    int64 (units,) numbers the person behind each among ``people``.
    """

    spec: TableSpec
    grid: Grid
    units: Units
    inside: sparse.csr_array
    keys: pd.Index[Any]
    owner: NDArray[np.int64]
    people: NDArray[np.str_]

    @property
    def frame(self) -> pd.DataFrame:
        """The counts with their totals, rows by columns."""
        grid = self.grid
        width = grid.width
        columns = [column or self.spec.value for _, column in grid.labels[:width]]
        rows = pd.Index([row for row, _ in grid.labels[::width]], name=", ".join(self.spec.rows))
        return pd.DataFrame(grid.count.reshape(-1, width), index=rows, columns=columns)

    def _repr_html_(self) -> str:
        shown: str = self.frame.to_html(border=0)
        return shown

    def write(self, path: str | Path) -> Path:
        """Write the counts as CSV and what they count beside it, for ``release-check``."""
        place = Path(path)
        exact = [str(count) for count in self.grid.count.tolist()]
        text = cells_text(self.spec, self.grid, exact)
        with written_together(spec_path(place), place) as (beside, sink):
            beside.write(self.spec.to_json().encode())
            sink.write(text.encode())
        return place


def make_table(frames: Frames, spec: TableSpec) -> Table:
    """Count what a spec says; see `agency_client.cohort.release.units.read_units` for errors."""
    units = read_units(frames, spec)
    owner, names = pd.factorize(units.frame["person"], sort=True)
    people = np.asarray(names, np.str_)
    keys: pd.Index[Any]
    if spec.value == "people":
        unit, owners, keys = owner, np.arange(len(people)), pd.Index(people)
    else:
        unit, owners, keys = np.arange(len(owner)), owner, units.frame.index
    inside = inside_cells(units, unit.astype(np.int64), len(owners))
    by_people = inside
    if spec.value == "events":
        by_people = inside_cells(units, owner.astype(np.int64), len(people))
    grid = Grid(
        units.rows,
        units.columns,
        np.asarray(inside.sum(axis=0), np.int64),
        np.asarray(by_people.sum(axis=0), np.int64),
        relations_of(
            len(units.rows),
            len(units.columns),
            rows_add_up=units.rows_add_up,
            columns_add_up=units.columns_add_up,
        ),
    )
    return Table(spec, grid, units, inside, keys, owners.astype(np.int64), people)


def _cells_of(units: Units) -> list[NDArray[np.int64]]:
    """Return the cells that each row counts in: its own, and those of its totals."""
    columns = len(units.columns)
    width, last = (columns + 1 if columns else 1), len(units.rows)
    row, column = (units.frame[name].to_numpy(np.int64) for name in ("row", "column"))
    own = [row * width + column, last * width + column]
    totals = [row * width + columns, np.full(len(row), last * width + columns)] if columns else []
    return [*own, *totals]


def inside_cells(units: Units, unit: NDArray[np.int64], total: int) -> sparse.csr_array:
    """Return the sparse matrix (total, cells) of 0 and 1: which unit is counted in which cells.

    ``unit`` int64 (rows,) is the unit, below ``total``, of each row.
    """
    cells = _cells_of(units)
    shape = (total, (len(units.rows) + 1) * (len(units.columns) + 1 if units.columns else 1))
    rows, columns = np.tile(unit, len(cells)), np.concatenate(cells)
    counted = sparse.coo_array((np.ones(len(rows), np.int64), (rows, columns)), shape).tocsr()
    counted.sum_duplicates()
    counted.data[:] = 1  # a person in a cell by several events is there once
    return counted
