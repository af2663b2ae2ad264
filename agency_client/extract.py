"""An agency's extract, whole and in memory, as it is: every cell is text, no type is guessed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from agency_client.reading.source import file_source, open_extract


@dataclass(frozen=True, repr=False)
class Extract:
    """The cells of a file, column by column.

    ``columns[i]`` belongs to ``header[i]``; '' is a missing value. ``row_numbers[r]`` is what a
    spreadsheet shows beside record r, the header being row 1. ``warnings`` are sentences about
    the whole file.
    """

    name: str
    header: tuple[str, ...]
    columns: tuple[tuple[str, ...], ...]
    row_numbers: tuple[int, ...]
    warnings: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.row_numbers)


def read_extract(path: Path) -> Extract:
    """Read a CSV file, a workbook or a Parquet file with a header row.

    Blank rows are passed over. Raises `InputError` for anything that is not a whole table of
    text. Encoding, which needs no whole table, reads it piece by piece.
    """
    table = open_extract(file_source(path))
    pieces = list(table.pieces)
    columns = tuple(
        tuple(cell for piece in pieces for cell in piece.columns[i].to_pylist())
        for i in range(len(table.header))
    )
    numbers = tuple(int(number) for piece in pieces for number in piece.row_numbers)
    return Extract(table.name, table.header, columns, numbers, table.warnings)
