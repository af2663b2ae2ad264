"""Columns of an extract in standard form, profile uk-person/1.

Names, towns and dates repeat, so every *distinct* value is standardised once and a column is
kept as its distinct values and, per row, the index of one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hashing.cell import Cell
from hashing.codes import check_number, standardise_code, standardise_raw, standardise_sex
from hashing.dates import standardise_date
from hashing.names import standardise_name, standardise_text
from hashing.postcodes import standardise_postcode
from linkage.protocol.scheme import Damaged, FieldType, Scheme

BY_TYPE: Mapping[FieldType, Callable[[str], Cell]] = {
    "name": standardise_name,
    "text": standardise_text,
    "date": standardise_date,
    "postcode": standardise_postcode,
    "sex": standardise_sex,
    "code": standardise_code,
    "raw": standardise_raw,
}


@dataclass(frozen=True)
class Column:
    """A standardised column: ``values[codes[row]]`` is a row's value, '' where it is missing.

    ``codes`` int64 (rows,). ``reasons`` says, per row whose cell the scheme refuses, what is
    wrong with it; the value of such a row is ''.
    """

    codes: NDArray[np.int64]
    values: tuple[str, ...]
    reasons: Mapping[int, str]

    def __len__(self) -> int:
        return len(self.codes)


@dataclass(frozen=True)
class RefusedCell:
    """A damaged cell: ``row`` counts records from 0."""

    row: int
    field: str
    reason: str


@dataclass(frozen=True)
class StandardRows:
    """The standardised fields of ``count`` records."""

    count: int
    columns: Mapping[str, Column]

    def refused(self) -> list[RefusedCell]:
        """Return every cell that the scheme refuses, row by row."""
        cells = [
            RefusedCell(row, field, reason)
            for field, column in self.columns.items()
            for row, reason in column.reasons.items()
        ]
        return sorted(cells, key=lambda cell: cell.row)

    def keep(self, rows: NDArray[np.bool_]) -> StandardRows:
        """Return the records where ``rows``, bool (count,), is set."""
        places = np.cumsum(rows) - 1
        columns = {
            field: Column(
                column.codes[rows],
                column.values,
                {int(places[row]): why for row, why in column.reasons.items() if rows[row]},
            )
            for field, column in self.columns.items()
        }
        return StandardRows(int(rows.sum()), columns)


def standardise(scheme: Scheme, columns: Mapping[str, Iterable[Any]]) -> StandardRows:
    """Standardise the scheme's fields; ``columns`` has one of equal length for each.

    A cell is a string, or null (None, NaN) where it is missing. Raises `ValueError` where a field
    has no column or lengths differ, and `TypeError` for a cell that is no string: no type is
    guessed, since two agencies might guess differently.
    """
    missing = [field for field in scheme.fields if field not in columns]
    if missing:
        raise ValueError(f"there is no column for {', '.join(missing)}")
    numeric = {f.field for f in scheme.features.values() if f.comparison == "numeric"}
    standard = {}
    for name, field in scheme.fields.items():
        rule = BY_TYPE[field.type]
        column = _standardise_column(columns[name], rule, field.damaged, name in numeric)
        standard[name] = column
    lengths = {len(column) for column in standard.values()}
    if len(lengths) > 1:
        raise ValueError(f"the columns have different lengths: {sorted(lengths)}")
    return StandardRows(lengths.pop() if lengths else 0, standard)


def distinct(values: Iterable[Any]) -> tuple[NDArray[np.int64], list[Any]]:
    """Return per value the index of its distinct value, int64, and the distinct values in order.

    A dictionary tells apart what hash tables over C strings would confuse.
    """
    values = list(values)
    found = list(dict.fromkeys(values))
    place = {value: index for index, value in enumerate(found)}
    return np.fromiter(map(place.__getitem__, values), np.int64, len(values)), found


def _standardise_column(
    cells: Iterable[Any], rule: Callable[[str], Cell], damaged: Damaged, numeric: bool
) -> Column:
    codes, raw = distinct(cells)
    standard = [rule(_text(value)) for value in raw]
    if numeric:
        standard = [check_number(cell) for cell in standard]
    refused = {}
    if damaged == "refuse":
        refused = {i: cell.damage for i, cell in enumerate(standard) if cell.damage}
    kept = [cell.value if damaged == "keep" or not cell.damage else "" for cell in standard]
    merged, values = distinct(kept)
    return Column(merged[codes], tuple(values), _rows_of(refused, codes))


def _rows_of(refused: Mapping[int, str], codes: NDArray[np.int64]) -> dict[int, str]:
    if not refused:
        return {}
    rows = np.flatnonzero(np.isin(codes, list(refused)))
    return {int(row): refused[int(codes[row])] for row in rows}


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if pd.isna(value) is True:
        return ""
    raise TypeError(f"a cell is a string or null, not {type(value).__name__}")
