"""The cells of a table with its totals, and what must add up.

A table of R rows and C columns is a list of its cells, row by row: the C cells of a row with its
total behind them, and a last row of totals. A table without columns has one cell a row and one
total.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

TOTAL = "Total"


@dataclass(frozen=True)
class Relation:
    """A total and its parts, by the numbers of their cells.

    ``adds_up`` is False where a person may be in several parts: then the total is no more than
    their sum, and no less than any of them.
    """

    total: int
    parts: tuple[int, ...]
    adds_up: bool


@dataclass(frozen=True, repr=False)
class Grid:
    """Labels, counts and relations of a table's cells.

    ``count`` int64 (cells,) is what the table counts, ``people`` int64 (cells,) how many people are
    behind it. ``labels`` are (row, column), '' being the column of a table without columns.
    """

    rows: tuple[str, ...]
    columns: tuple[str, ...]
    count: NDArray[np.int64]
    people: NDArray[np.int64]
    relations: tuple[Relation, ...]

    @property
    def labels(self) -> list[tuple[str, str]]:
        """Row and column of each cell, in order."""
        across = (*self.columns, TOTAL) if self.columns else ("",)
        return [(row, column) for row in (*self.rows, TOTAL) for column in across]

    @property
    def width(self) -> int:
        """Cells in a row, the total among them."""
        return len(self.columns) + 1 if self.columns else 1


def relations_of(
    rows: int, columns: int, *, rows_add_up: bool, columns_add_up: bool
) -> tuple[Relation, ...]:
    """Return the relations of a table; ``columns`` is 0 where it has none.

    ``rows_add_up`` says that nobody is in two rows, ``columns_add_up`` in two columns.
    """
    width = columns + 1 if columns else 1
    down = [
        Relation(rows * width + j, tuple(i * width + j for i in range(rows)), rows_add_up)
        for j in range(width)
    ]
    across = [
        Relation(i * width + columns, tuple(i * width + j for j in range(columns)), columns_add_up)
        for i in range(rows + 1)
        if columns
    ]
    return (*down, *across)
