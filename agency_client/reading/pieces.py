"""What every reader gives: a header, and the records piece by piece, every cell as text."""

from __future__ import annotations

import datetime as dt
import decimal
import math
import uuid
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from linkage.errors import InputError

PIECE_ROWS = 65_536
# Whole numbers above it can't be told from their neighbours in floating point.
_LARGEST_WHOLE = 2.0**53


@dataclass(frozen=True, repr=False)
class Piece:
    """Some records: ``columns[i]``, an Arrow array of strings without nulls, is of ``header[i]``.

    ``row_numbers`` int64 (rows,): what a spreadsheet shows beside each record, the header being
    row 1.
    """

    columns: tuple[Any, ...]
    row_numbers: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.row_numbers)


@dataclass(frozen=True, repr=False)
class OpenExtract:
    """A table whose ``pieces`` can be taken once; ``warnings`` are sentences about all of it.

    Taking a piece raises `InputError` for anything that isn't a whole table of text, with its
    place; so does a table without a record.
    """

    name: str
    header: tuple[str, ...]
    pieces: Iterator[Piece]
    warnings: tuple[str, ...] = ()


def clean_header(cells: Iterable[str], name: str) -> tuple[str, ...]:
    """Return the headings without spaces around them; raise `InputError` where two are alike."""
    header = tuple(cell.strip() for cell in cells)
    repeated = sorted({column for column in header if column and header.count(column) > 1})
    if repeated:
        raise InputError(
            f"{name} has more than one column named {', '.join(map(repr, repeated))}; "
            "rename or remove all but one of each."
        )
    return header


def with_records(pieces: Iterator[Piece], name: str) -> Iterator[Piece]:
    """Yield the pieces that have records; raise `InputError` at the end if none had."""
    some = False
    for piece in pieces:
        if len(piece):
            some = True
            yield piece
    if not some:
        raise InputError(f"{name} has a header and no records; export it again.")


def piece_of_rows(rows: Sequence[Sequence[str]], numbers: Sequence[int]) -> Piece:
    """Return rows of equal length as a piece."""
    columns = tuple(pa.array(column, pa.string()) for column in zip(*rows, strict=True))
    return Piece(columns, np.array(numbers, np.int64))


def pieces_of_rows(rows: Iterable[tuple[int, Sequence[str]]]) -> Iterator[Piece]:
    """Gather numbered rows into pieces; rows with nothing in them are passed over."""
    numbers: list[int] = []
    cells: list[Sequence[str]] = []
    for number, row in rows:
        if not any(row):
            continue
        numbers.append(number)
        cells.append(row)
        if len(numbers) == PIECE_ROWS:
            yield piece_of_rows(cells, numbers)
            numbers, cells = [], []
    if numbers:
        yield piece_of_rows(cells, numbers)


def text_of(value: Any) -> str | None:  # noqa: PLR0911 - one per type
    """Return a value of a workbook or a database as people would write it in a CSV file.

    Dates and times are in ISO form, midnight is left off, whole numbers have no '.0'. None for
    what has no such form, such as bytes.
    """
    match value:
        case None:
            return ""
        case str():
            return value
        case bool():
            return "TRUE" if value else "FALSE"
        case int() | uuid.UUID():
            return str(value)
        case float():
            return _number(value)
        case decimal.Decimal():
            return _decimal(value)
        case dt.datetime():
            return value.isoformat(sep=" ").removesuffix(" 00:00:00")
        case dt.date() | dt.time():
            return value.isoformat()
        case dt.timedelta():
            return str(value)
        case _:
            return None


def _number(value: float) -> str:
    if math.isnan(value):
        return ""
    return str(int(value)) if value.is_integer() and abs(value) < _LARGEST_WHOLE else repr(value)


def _decimal(value: decimal.Decimal) -> str:
    if value.is_nan():
        return ""
    return str(int(value)) if value == value.to_integral_value() else format(value, "f")
