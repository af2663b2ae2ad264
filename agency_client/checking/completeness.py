"""How much of each field there is, and what only fills its place."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from agency_client.checking.table import CheckedField
from hashing.dates import PLACEHOLDER
from hashing.folding import alphanumerics

# A day of the year has about 1 in 365 births; from here on a day is a filler.
_FILLER_SHARE = 0.02
_LEAST_FILLERS = 5


@dataclass(frozen=True)
class Completeness:
    """Counts of a field's cells, which add up to the records.

    ``placeholders`` are cells that stand for nothing, such as 'unknown'; ``distinct`` counts the
    different standardised values.
    """

    field: str
    filled: int
    blank: int
    placeholders: int
    damaged: int
    distinct: int


@dataclass(frozen=True)
class Placeholder:
    """What fills a field's place: ``count`` cells of one kind.

    ``taken_as_missing`` is False for cells that are suspect and that encoding takes as they are.
    """

    field: str
    what: str
    count: int
    taken_as_missing: bool


def completeness(field: CheckedField) -> Completeness:
    """Count a field's cells."""
    written = [bool(raw.strip()) for raw in field.raw]
    damaged = [bool(cell.damage) for cell in field.cells]
    filled = [bool(c.value) and not bad for c, bad in zip(field.cells, damaged, strict=True)]
    other = [w and not f and not d for w, f, d in zip(written, filled, damaged, strict=True)]
    rest = int(field.counts.sum()) - sum(map(field.count, (filled, damaged, other)))
    values = {cell.value for cell, ok in zip(field.cells, filled, strict=True) if ok}
    return Completeness(
        field=field.name,
        filled=field.count(filled),
        blank=rest,
        placeholders=field.count(other),
        damaged=field.count(damaged),
        distinct=len(values),
    )


def placeholders(field: CheckedField) -> tuple[Placeholder, ...]:
    """Return what only fills a field's place, the most frequent first."""
    found: Counter[str] = Counter()
    for raw, cell, count in zip(field.raw, field.cells, field.counts, strict=True):
        if raw.strip() and not cell.value and not cell.damage:
            found[_missing_kind(field, raw)] += int(count)
    missing = [Placeholder(field.name, what, n, True) for what, n in found.most_common()]
    return (*missing, *_suspect_dates(field))


def _missing_kind(field: CheckedField, raw: str) -> str:
    compact = alphanumerics(raw)
    if not compact:
        return "only punctuation"
    if field.kind == "date":
        return _missing_date(raw)
    if field.kind == "postcode" and compact.startswith("zz99"):
        return "ZZ99, the NHS's code for no address"
    if compact.isdecimal():
        return "0 or 9, for not known" if field.kind == "sex" else "one digit repeated"
    return "a word for unknown"


def _missing_date(raw: str) -> str:
    compact = alphanumerics(raw)
    if "1900" in compact:
        return f"1 January {PLACEHOLDER[:4]}"
    return "zeros or marks for unknown" if not compact.isalpha() else "a word for unknown"


def _suspect_dates(field: CheckedField) -> list[Placeholder]:
    if field.kind != "date":
        return []
    sound = [not cell.damage and cell.value.isdecimal() for cell in field.cells]
    total = field.count(sound)
    new_year = field.count(
        [ok and cell.value.endswith("0101") for ok, cell in zip(sound, field.cells, strict=True)]
    )
    suspects = []
    if _too_many(new_year, total):
        what = f"1 January, on {new_year / total:.0%} of whole dates where 0.3% are to be expected"
        suspects.append(Placeholder(field.name, what, new_year, False))
    days: Counter[str] = Counter()
    for ok, cell, count in zip(sound, field.cells, field.counts, strict=True):
        if ok and not cell.value.endswith("0101"):
            days[cell.value] += int(count)
    most = max(days.values(), default=0)
    if len(days) > 50 and _too_many(most, total):
        what = f"one and the same day, on {most / total:.0%} of whole dates"
        suspects.append(Placeholder(field.name, what, most, False))
    return suspects


def _too_many(count: int, total: int) -> bool:
    return count >= _LEAST_FILLERS and count / total >= _FILLER_SHARE
