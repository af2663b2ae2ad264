"""Files of payload as they are: the columns that are asked for, every cell as text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from agency_client.columns import Headed, find_column
from agency_client.payload.columns import REQUIRED, Part, PayloadColumns, optional_columns
from agency_client.reading.source import file_source, open_extract
from linkage.errors import InputError
from linkage.protocol.sections.payload import Payload


@dataclass(frozen=True, repr=False)
class HandedTable:
    """The rows of one file: ``columns`` are Arrow arrays of strings, '' where a cell is empty.

    ``headings`` are the file's own, by the names that columns have here; ``rows`` int64 (n,) what a
    spreadsheet shows beside each row; ``left`` the headings that nothing is taken from.
    """

    name: str
    columns: Mapping[str, Any]
    headings: Mapping[str, str]
    rows: NDArray[np.int64]
    left: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.rows)

    def take(self, places: NDArray[np.int64]) -> HandedTable:
        """Return the rows at some places."""
        columns = {name: own.take(pa.array(places)) for name, own in self.columns.items()}
        return replace(self, columns=columns, rows=self.rows[places])


def read_handed(path: Path, part: Part, columns: PayloadColumns, payload: Payload) -> HandedTable:
    """Read a file of one kind whole.

    Raises `InputError` for anything that isn't a table of text, and for a column that it must have
    and hasn't.
    """
    table = open_extract(file_source(path))
    found = _found(table, part, columns.of(part), payload)
    pieces = list(table.pieces)
    cells = {
        name: pa.concat_arrays([pc.fill_null(piece.columns[place], "") for piece in pieces])
        for name, place in found.items()
    }
    taken = set(found.values())
    left = tuple(own for place, own in enumerate(table.header) if own and place not in taken)
    rows = np.concatenate([piece.row_numbers for piece in pieces])
    headings = {name: table.header[place] for name, place in found.items()}
    return HandedTable(table.name, cells, headings, rows, left, table.warnings)


def _found(table: Headed, part: Part, own: Mapping[str, str], payload: Payload) -> dict[str, int]:
    """Return where each column is; columns that need not be there may be missing."""
    names = (*REQUIRED[part], *optional_columns(part, payload))
    places = {name: find_column(table, own.get(name, name)) for name in names}
    missing = [
        own.get(name, name)
        for name, place in places.items()
        if place is None and (name in REQUIRED[part] or name in own)
    ]
    if missing:
        raise InputError(
            f"{table.name} has no column {', '.join(map(repr, missing))}; its columns are "
            f"{', '.join(repr(name) for name in table.header if name)}. Say which is which in a "
            f"file for --payload-columns, under [{part}]."
        )
    return {name: place for name, place in places.items() if place is not None}
