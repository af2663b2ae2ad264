"""A table's file: CSV with row labels first, then columns and totals; ``[c]`` where withheld.

The shorthand is that of the Government Statistical Service for confidential figures.
"""

from __future__ import annotations

import csv
import io
from pathlib import Path

from agency_client.cohort.release.grid import Grid
from agency_client.cohort.release.spec import TableSpec
from agency_client.textfiles import read_text
from linkage.errors import VerificationError

WITHHELD = "[c]"


def cells_text(spec: TableSpec, grid: Grid, cells: list[str]) -> str:
    """Return the text of a table's file with these cells, in the order of the grid."""
    sink = io.StringIO()
    writer = csv.writer(sink, lineterminator="\n")
    writer.writerow(_heading(spec, grid))
    for start in range(0, len(cells), grid.width):
        writer.writerow([grid.labels[start][0], *cells[start : start + grid.width]])
    return sink.getvalue()


def read_cells(path: Path, spec: TableSpec, grid: Grid) -> list[str]:
    """Return the cells of a table's file, in the order of the grid.

    Raise `VerificationError` where its rows and columns aren't those that its spec says.
    """
    lines = list(csv.reader(io.StringIO(read_text(path))))
    labels = [row for row, _ in grid.labels[:: grid.width]]
    if (
        not lines
        or lines[0] != _heading(spec, grid)
        or [line[:1] for line in lines[1:]] != [[label] for label in labels]
        or any(len(line) != grid.width + 1 for line in lines[1:])
    ):
        raise VerificationError(
            f"{path.name} hasn't the rows and columns that the file beside it says; write the "
            "table anew with Cohort.table(...).write(...)."
        )
    return [cell.strip() for line in lines[1:] for cell in line[1:]]


def _heading(spec: TableSpec, grid: Grid) -> list[str]:
    columns = [column or spec.value for _, column in grid.labels[: grid.width]]
    return [", ".join(spec.rows), *columns]
