"""Record ids that don't tell records apart, and rows that are the same once standardised."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from agency_client.checking.table import CheckedField
from agency_client.extract import Extract
from hashing.standardise import distinct


@dataclass(frozen=True)
class RecordIds:
    """Rows, as a spreadsheet counts them, whose record id is blank or is another row's as well."""

    blank: tuple[int, ...]
    repeated: tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class SameRows:
    """Groups of rows with the same values in all fields, and rows with no value in any."""

    same: tuple[tuple[int, ...], ...]
    empty: tuple[int, ...]


def check_record_ids(extract: Extract, column: int | None) -> RecordIds:
    """Find the blank and the repeated record ids; without a column there are none to find."""
    if column is None:
        return RecordIds((), ())
    rows: dict[str, list[int]] = defaultdict(list)
    for number, cell in zip(extract.row_numbers, extract.columns[column], strict=True):
        rows[cell.strip()].append(number)
    blank = tuple(rows.pop("", ()))
    return RecordIds(blank, tuple(tuple(own) for own in rows.values() if len(own) > 1))


def same_rows(fields: Sequence[CheckedField], row_numbers: Sequence[int]) -> SameRows:
    """Find the rows that are the same once standardised; damaged cells count as written."""
    if not fields:
        return SameRows((), ())
    keys = np.stack([_standard_codes(field) for field in fields], axis=1)
    groups: dict[bytes, list[int]] = defaultdict(list)
    for number, key in zip(row_numbers, keys, strict=True):
        groups[key.tobytes()].append(number)
    empty = tuple(groups.pop(bytes(keys.itemsize * len(fields)), ()))
    return SameRows(tuple(tuple(own) for own in groups.values() if len(own) > 1), empty)


def _standard_codes(field: CheckedField) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Return per row a number for its standard value, int64 (rows,), 0 where it has none."""
    values = [
        ("damaged", raw) if cell.damage else ("sound", cell.value)
        for raw, cell in zip(field.raw, field.cells, strict=True)
    ]
    places, _ = distinct([("sound", ""), *values])
    return np.ascontiguousarray(places[1:][field.codes])
