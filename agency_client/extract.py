"""An agency's extract, read from a CSV file as it is: every cell is text, no type is guessed."""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from linkage.errors import InputError

DELIMITERS = (",", ";", "\t", "|")
_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_MEND = "save it from the spreadsheet as 'CSV UTF-8'"


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
    """Read a CSV file with a header row, in UTF-8 or, with a warning, in Windows-1252.

    The delimiter is whichever of comma, semicolon, tab and bar the header has most of. Blank
    lines are passed over. Raises `InputError` for anything that is not a whole table of text.
    """
    text, warnings = _decode(path.read_bytes(), path.name)
    rows = _rows(text, path.name)
    header = _header(next(rows, (1, []))[1], path.name)
    numbers, cells = [], []
    for number, row in rows:
        if len(row) != len(header):
            raise InputError(
                f"{path.name}, row {number}, has {len(row)} cells and the header has "
                f"{len(header)}; look for a missing quotation mark or a stray delimiter there."
            )
        numbers.append(number)
        cells.append(row)
    if not cells:
        raise InputError(f"{path.name} has a header and no records; export it again.")
    columns = tuple(zip(*cells, strict=True))
    return Extract(path.name, header, columns, tuple(numbers), warnings)


def _decode(data: bytes, name: str) -> tuple[str, tuple[str, ...]]:
    if not data.strip():
        raise InputError(f"{name} is empty; export it again.")
    if data.startswith(_UTF16):
        raise InputError(f"{name} is in UTF-16, which isn't read; {_MEND}.")
    if b"\0" in data:
        raise InputError(
            f"{name} has NUL bytes on line {_line(data, data.index(0))}, so it is not a CSV file "
            f"(perhaps a workbook, or damaged); {_MEND}."
        )
    try:
        return data.decode("utf-8-sig"), ()
    except UnicodeDecodeError as error:
        line = _line(data, error.start)
    try:
        text = data.decode("cp1252")
    except UnicodeDecodeError as error:
        raise InputError(
            f"{name}, line {_line(data, error.start)}, has bytes that are neither UTF-8 nor "
            f"Windows-1252; {_MEND}."
        ) from None
    warning = (
        f"{name} is not in UTF-8 (see line {line}) and was read as Windows-1252; "
        f"if names look wrong, {_MEND}."
    )
    return text, (warning,)


def _line(data: bytes, offset: int) -> int:
    return data.count(b"\n", 0, offset) + 1


def _rows(text: str, name: str) -> Iterator[tuple[int, list[str]]]:
    """Yield every row that isn't blank with its number in a spreadsheet."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text), strict=True)
    try:
        for number, row in enumerate(reader, 1):
            if any(row):
                yield number, row
    except csv.Error as error:
        raise InputError(
            f"{name}, line {reader.line_num}, is not readable as CSV ({error}); "
            "look for a quotation mark that is never closed, there or above."
        ) from None


def _delimiter(text: str) -> str:
    lines = (line for line in io.StringIO(text, newline=None) if line.strip())
    unquoted = "".join(next(lines, "").split('"')[::2])
    return max(DELIMITERS, key=unquoted.count)


def _header(row: list[str], name: str) -> tuple[str, ...]:
    header = tuple(cell.strip() for cell in row)
    repeated = sorted({column for column in header if column and header.count(column) > 1})
    if repeated:
        raise InputError(
            f"{name} has more than one column named {', '.join(map(repr, repeated))}; "
            "rename or remove all but one of each."
        )
    return header
