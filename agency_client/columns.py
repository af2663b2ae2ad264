"""Which column of an extract holds which field of the agreement."""

from __future__ import annotations

import difflib
import json
import re
import tomllib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field
from typing import Literal, Protocol

from pydantic import TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from agency_client.extract import Extract
from agency_client.faults import rows_sentence
from linkage.errors import InputError
from linkage.protocol.scheme import STRICT


@dataclass(frozen=True, config=STRICT)
class ColumnMap:
    """An agency's own names for the fields, as its TOML file has them.

    ::

        record_id = "URN"
        absent = ["middle_name"]
        repeats = "refuse"

        [fields]
        given_name = "Forename"

    A field that is neither mapped nor absent is a column of the same name, whatever its capitals,
    and with spaces, underscores and hyphens alike. ``repeats`` says what rows with the same record
    id are: a fault, or alternates, which is to say other names or addresses of one person.
    """

    record_id: str = "record_id"
    absent: tuple[str, ...] = ()
    fields: dict[str, str] = field(default_factory=dict)
    repeats: Literal["refuse", "alternates"] = "refuse"


class Headed(Protocol):
    """A table that is an `Extract` or is read piece by piece."""

    @property
    def name(self) -> str:
        """What errors call it."""

    @property
    def header(self) -> tuple[str, ...]:
        """Its headings."""


@dataclass(frozen=True)
class ResolvedColumns:
    """Indices into the extract's columns: the record id's, and each field's, None if absent."""

    record_id: int
    fields: dict[str, int | None]


_COLUMN_MAP = TypeAdapter(ColumnMap)


def parse_column_map(text: str, source: str) -> ColumnMap:
    """Parse a column map; raises `InputError` that names every fault."""
    try:
        table = tomllib.loads(text)
        return _COLUMN_MAP.validate_json(json.dumps(table, default=str))
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{source} is not valid TOML: {error}.") from None
    except ValidationError as error:
        faults = "; ".join(
            f"{'.'.join(map(str, fault['loc']))}: {_sentence(fault['type'], fault['msg'])}"
            for fault in error.errors()
        )
        raise InputError(f"{source} is not a usable column map: {faults}.") from None


def resolve_columns(extract: Headed, fields: Sequence[str], columns: ColumnMap) -> ResolvedColumns:
    """Find the record id and every field of the scheme among the extract's columns.

    Raises `InputError` for a map that doesn't fit the scheme, for a column that is missing, and
    for two columns that could both be meant.
    """
    _refuse_unfitting(columns, fields)
    wanted = {name: columns.fields.get(name, name) for name in fields if name not in columns.absent}
    places = {name: find_column(extract, column) for name, column in wanted.items()}
    record_id = find_column(extract, columns.record_id)
    missing = [wanted[name] for name, place in places.items() if place is None]
    if record_id is None:
        missing.insert(0, columns.record_id)
    if missing or record_id is None:
        raise InputError(_missing_sentence(extract, missing, [record_id, *places.values()]))
    _refuse_shared(extract, places)
    return ResolvedColumns(record_id, {name: places.get(name) for name in fields})


def record_ids(extract: Extract, columns: ResolvedColumns) -> tuple[str, ...]:
    """Return the agency's own ids, one per record; `InputError` for blank or repeated ones."""
    ids = tuple(cell.strip() for cell in extract.columns[columns.record_id])
    name = extract.header[columns.record_id]
    if blank := [row for row, own in zip(extract.row_numbers, ids, strict=True) if not own]:
        raise InputError(
            f"{extract.name} has no record id ({name!r}) in {rows_sentence(blank, len(blank))}; "
            "give every record an id of its own."
        )
    counts = Counter(ids)
    if len(counts) < len(ids):
        repeated = [
            row for row, own in zip(extract.row_numbers, ids, strict=True) if counts[own] > 1
        ]
        raise InputError(
            f"{extract.name} has the same record id ({name!r}) more than once, in "
            f"{rows_sentence(repeated, len(repeated))}; give every record an id of its own, or "
            "keep one row of each."
        )
    return ids


def find_column(extract: Headed, wanted: str) -> int | None:
    """Return where a heading is, None if it isn't there; capitals and separators don't matter.

    Raises `InputError` where two headings could be meant.
    """
    if wanted in extract.header:
        return extract.header.index(wanted)
    alike = [i for i, name in enumerate(extract.header) if _alike(name) == _alike(wanted)]
    if len(alike) > 1:
        names = " and ".join(repr(extract.header[index]) for index in alike)
        raise InputError(
            f"{extract.name} has {names}, either of which could be {wanted!r}; "
            "say which with --columns, or rename one."
        )
    return alike[0] if alike else None


def _alike(name: str) -> str:
    return re.sub(r"[\s_-]+", " ", name).strip().casefold()


def _refuse_unfitting(columns: ColumnMap, fields: Sequence[str]) -> None:
    named = [*columns.fields, *columns.absent]
    if unknown := sorted(set(named) - set(fields)):
        raise InputError(
            f"The column map names {', '.join(map(repr, unknown))}, which the agreement doesn't "
            f"have; its fields are {', '.join(fields)}."
        )
    if both := sorted(set(columns.fields) & set(columns.absent)):
        raise InputError(
            f"The column map both maps {', '.join(map(repr, both))} and calls it absent; "
            "remove one of the two."
        )


def _refuse_shared(extract: Headed, places: Mapping[str, int | None]) -> None:
    for place, count in Counter(places.values()).items():
        if place is not None and count > 1:
            fields = " and ".join(name for name, own in places.items() if own == place)
            raise InputError(
                f"The column {extract.header[place]!r} of {extract.name} is taken for {fields}; "
                "give each field a column of its own."
            )


def _missing_sentence(extract: Headed, missing: Sequence[str], places: Iterable[int | None]) -> str:
    taken = set(places)
    free = {_alike(name): name for i, name in enumerate(extract.header) if i not in taken and name}
    wanted = ", ".join(f"{column!r}{_suggestion(free, column)}" for column in missing)
    found = ", ".join(repr(name) for name in extract.header if name)
    return (
        f"{extract.name} has no column {wanted}; its columns are {found}; map them in a file for "
        "--columns, where a field that you don't hold is listed under 'absent'."
    )


def _suggestion(free: Mapping[str, str], wanted: str) -> str:
    close = difflib.get_close_matches(_alike(wanted), free, n=1, cutoff=0.7)
    return f" (did you mean {free[close[0]]!r}?)" if close else ""


def _sentence(kind: str, message: str) -> str:
    return "not a known setting" if kind == "unexpected_keyword_argument" else message
