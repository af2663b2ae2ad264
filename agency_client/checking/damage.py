"""Every damaged cell of an extract, with its place and what is wrong with it."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from agency_client.checking.table import CheckedField
from linkage.protocol.scheme import Damaged

# What encoding does with a damaged cell, by the field's setting.
OUTCOME: dict[Damaged, str] = {
    "refuse": "stops the encoding",
    "missing": "taken as missing",
    "keep": "kept in part",
}
# A spreadsheet runs a cell that begins with one of these as a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True, repr=False)
class DamagedCell:
    """A cell that isn't of its field's type; ``row`` is a spreadsheet's, ``value`` as written."""

    row: int
    field: str
    column: str
    value: str
    reason: str
    outcome: str


def damaged_cells(
    fields: Iterable[CheckedField], row_numbers: Sequence[int]
) -> tuple[DamagedCell, ...]:
    """Return all damaged cells, row by row."""
    cells = [cell for field in fields for cell in _damaged_in(field, row_numbers)]
    return tuple(sorted(cells, key=lambda cell: cell.row))


def damaged_csv(cells: Iterable[DamagedCell]) -> str:
    """Return the list as CSV; a value that a spreadsheet would run has an apostrophe before it."""
    sink = io.StringIO(newline="")
    writer = csv.writer(sink)
    writer.writerow(["row", "column", "field", "value", "reason", "outcome"])
    for cell in cells:
        row = (cell.row, cell.column, cell.field, cell.value, cell.reason, cell.outcome)
        writer.writerow([_harmless(str(part)) for part in row])
    return sink.getvalue()


def _damaged_in(field: CheckedField, row_numbers: Sequence[int]) -> list[DamagedCell]:
    bad = [code for code, cell in enumerate(field.cells) if cell.damage]
    if not bad:
        return []
    outcome = OUTCOME[field.damaged]
    rows = np.flatnonzero(np.isin(field.codes, bad)).tolist()
    codes = field.codes
    return [
        DamagedCell(
            row=row_numbers[row],
            field=field.name,
            column=field.heading,
            value=field.raw[codes[row]],
            reason=field.cells[codes[row]].damage,
            outcome=outcome,
        )
        for row in rows
    ]


def _harmless(cell: str) -> str:
    return f"'{cell}" if cell.startswith(_FORMULA) else cell
