"""What standardisation changes: how often, and a few values before and after."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass

from agency_client.checking.table import CheckedField
from hashing.cell import Cell
from hashing.folding import alphanumerics
from linkage.protocol.scheme import FieldType

_SAMPLES_PER_CHANGE = 2

_REWRITTEN: dict[FieldType, str] = {
    "date": "written as year, month, day",
    "sex": "written as m, f or x",
    "phone": "written with its country code",
    "name": "titles and suffixes off",
}


@dataclass(frozen=True)
class Changes:
    """How many of a field's cells are changed in which way, the most frequent way first."""

    field: str
    counts: tuple[tuple[str, int], ...]


@dataclass(frozen=True, repr=False)
class Sample:
    """A value as written and as standardised, for the agency's own screen only."""

    field: str
    change: str
    before: str
    after: str


def changes(field: CheckedField) -> Changes:
    """Count what standardisation does to a field's cells, blank ones aside."""
    counts: Counter[str] = Counter()
    for raw, cell, count in zip(field.raw, field.cells, field.counts, strict=True):
        if raw.strip():
            counts[change(raw, cell, field.kind)] += int(count)
    return Changes(field.name, tuple(counts.most_common()))


def samples(field: CheckedField) -> tuple[Sample, ...]:
    """Return the first values of each kind of change, as they come in the extract."""
    shown: Counter[str] = Counter()
    found = []
    for raw, cell in zip(field.raw, field.cells, strict=True):
        kind = change(raw, cell, field.kind)
        if not raw.strip() or raw == cell.value or shown[kind] == _SAMPLES_PER_CHANGE:
            continue
        shown[kind] += 1
        found.append(Sample(field.name, kind, raw, _after(cell, field)))
    return tuple(found)


def change(raw: str, cell: Cell, kind: FieldType) -> str:
    """Name what standardisation does to a value."""
    if cell.damage:
        return "damaged"
    if not cell.value:
        return "taken as missing"
    small = raw.casefold()
    steps = (
        ("unchanged", raw == cell.value),
        ("small letters", small == cell.value),
        ("spaces and punctuation", _bare(small) == _bare(cell.value)),
        ("accents off", alphanumerics(raw) == _bare(cell.value)),
    )
    return next((name for name, done in steps if done), _REWRITTEN.get(kind, "rewritten"))


def _bare(value: str) -> str:
    return re.sub(r"[\W_]+", "", value)


def _after(cell: Cell, field: CheckedField) -> str:
    if cell.damage and field.damaged != "keep":
        return ""
    return cell.value
