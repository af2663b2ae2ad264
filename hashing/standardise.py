"""Columns of an extract in standard form, by the rules of the scheme's profile.

Names, towns and dates repeat, so every *distinct* value is standardised once and a column is
kept as its distinct values and, per row, the index of one. Of an Arrow array, the cells that need
no thought are standardised by compiled rules, to the same values.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from hashing.cell import Cell
from hashing.clkhash_values import clkhash_rule
from hashing.codes import check_number
from hashing.compiled.arrow import string_array, string_buffers
from hashing.compiled.cells import (
    CompiledRule,
    date_cells,
    one_word_cells,
    postcode_cells,
    text_cells,
)
from hashing.dates import standardise_date
from hashing.names import NO_NAME, standardise_name, standardise_text
from hashing.postcodes import standardise_postcode
from hashing.profiles import RULES
from linkage.protocol.scheme import Damaged, Scheme

_COMPILED: Mapping[Callable[[str], Cell], CompiledRule] = {
    standardise_name: one_word_cells,
    standardise_text: text_cells,
    standardise_postcode: postcode_cells,
    standardise_date: date_cells,
}
# What a compiled rule takes for a value and the plain one doesn't.
_PLACEHOLDERS = {standardise_name: pa.array(sorted(NO_NAME))}


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

    A cell is a string, or null (None, NaN) where it is missing; a column may be an Arrow array of
    strings. Raises `ValueError` where a field
    has no column or lengths differ, and `TypeError` for a cell that is no string: no type is
    guessed, since two agencies might guess differently.
    """
    missing = [field for field in scheme.fields if field not in columns]
    if missing:
        raise ValueError(f"there is no column for {', '.join(missing)}")
    numeric = {f.field for f in scheme.features.values() if f.comparison == "numeric"}
    standard = {}
    for name, field in scheme.fields.items():
        rule = clkhash_rule(field.clkhash) if field.clkhash else RULES[scheme.profile][field.type]
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
    if isinstance(values, pa.Array):
        codes, strings = _distinct_strings(values)
        return codes, strings.to_pylist()
    values = list(values)
    found = list(dict.fromkeys(values))
    place = {value: index for index, value in enumerate(found)}
    return np.fromiter(map(place.__getitem__, values), np.int64, len(values)), found


def _standardise_column(
    cells: Iterable[Any], rule: Callable[[str], Cell], damaged: Damaged, numeric: bool
) -> Column:
    if isinstance(cells, pa.Array) and rule in _COMPILED and not numeric:
        return _compiled_column(cells, rule, damaged)
    codes, raw = distinct(cells)
    standard = [rule(_text(value)) for value in raw]
    if numeric:
        standard = [check_number(cell) for cell in standard]
    kept, refused = _judged(standard, damaged)
    merged, values = distinct(kept)
    return Column(merged[codes], tuple(values), _rows_of(refused, codes))


def _compiled_column(cells: Any, rule: Callable[[str], Cell], damaged: Damaged) -> Column:
    """Standardise by the compiled rule, and the cells of which it isn't sure by the plain one."""
    codes, raw = _distinct_strings(cells)
    data, offsets, sure = _COMPILED[rule](*string_buffers(raw))
    values = string_array(data, offsets)
    if rule in _PLACEHOLDERS:
        sure &= ~np.asarray(pc.is_in(values, _PLACEHOLDERS[rule]))
    refused: dict[int, str] = {}
    if not sure.all():
        others = np.flatnonzero(~sure)
        standard = [rule(value) for value in raw.take(pa.array(others)).to_pylist()]
        kept, faults = _judged(standard, damaged)
        values = pc.replace_with_mask(values, pa.array(~sure), pa.array(kept, pa.string()))
        refused = {int(others[place]): why for place, why in faults.items()}
    merged, values = _distinct_strings(values)
    return Column(merged[codes], tuple(values.to_pylist()), _rows_of(refused, codes))


def _judged(standard: list[Cell], damaged: Damaged) -> tuple[list[str], dict[int, str]]:
    """Return the values to keep, and why some cells are refused, by their place."""
    refused = {}
    if damaged == "refuse":
        refused = {i: cell.damage for i, cell in enumerate(standard) if cell.damage}
    kept = [cell.value if damaged == "keep" or not cell.damage else "" for cell in standard]
    return kept, refused


def _distinct_strings(values: Any) -> tuple[NDArray[np.int64], Any]:
    """Return what `distinct` returns, of and as an Arrow array; null is ''."""
    encoded = pc.fill_null(values, "").dictionary_encode()
    return encoded.indices.to_numpy().astype(np.int64), encoded.dictionary


def _rows_of(refused: Mapping[int, str], codes: NDArray[np.int64]) -> dict[int, str]:
    if not refused:
        return {}
    rows = np.flatnonzero(np.isin(codes, list(refused)))
    return {int(row): refused[int(codes[row])] for row in rows}


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if value is None or _is_null(value):
        return ""
    raise TypeError(f"a cell is a string or null, not {type(value).__name__}")


def _is_null(value: Any) -> bool:
    import pandas as pd  # noqa: PLC0415 - its nulls are never met where there is no pandas

    return pd.isna(value) is True
