"""The three tables of a payload: people, events and associations of one agency.

Rows stand in an order that their content gives (`sorted_tables`), so that the order of the extract
doesn't travel. There is a row of ``people`` for every record of the agency's upload, so that nobody
learns from it who has events. What values may stand in them is for the agreement's ``[payload]``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from linkage.errors import InputError, VerificationError
from linkage.protocol.cohort.framing import framed, unframed
from linkage.protocol.cohort.persons import PERSON_BYTES
from linkage.protocol.cohort.streams import read_stream, stream_bytes

FIRST_LINE = "concord-payload/1"
MOST_TEXT = 64
"""The most bytes of any text in the tables."""
_ID = pa.binary(PERSON_BYTES)
EVENTS = pa.schema(
    [
        pa.field("person", _ID, nullable=False),
        pa.field("event", pa.string(), nullable=False),
        pa.field("date", pa.date32()),
        pa.field("kind", pa.string()),
        pa.field("district", pa.string()),
        pa.field("place", _ID),
    ]
)
ASSOCIATIONS = pa.schema(
    [
        pa.field("person", _ID, nullable=False),
        pa.field("other", _ID, nullable=False),
        pa.field("association", pa.string(), nullable=False),
        pa.field("date", pa.date32()),
        pa.field("place", _ID),
    ]
)


@dataclass(frozen=True)
class PayloadTables:
    """An agency's payload as Arrow tables.

    ``people``: ``person`` (16 bytes) and a column of text for each attribute, in order of their
    names, null where it isn't known. ``events`` and ``associations`` as in `EVENTS` and
    `ASSOCIATIONS`: dates are the first day of their period, ``district`` an outward postcode,
    ``place`` a keyed token of 16 bytes.
    """

    people: Any
    events: Any
    associations: Any


def people_schema(attributes: Sequence[str]) -> Any:
    """Return the schema of ``people`` under an agreement with these attributes.

    Raises `InputError` for an attribute that is called as the column of ids is.
    """
    if "person" in attributes:
        raise InputError("An attribute can't be called person; name it otherwise in [payload].")
    texts = [pa.field(name, pa.string()) for name in sorted(attributes)]
    return pa.schema([pa.field("person", _ID, nullable=False), *texts])


def sorted_tables(tables: PayloadTables) -> PayloadTables:
    """Return the tables with their rows in the order in which they travel."""
    return PayloadTables(
        _sorted(tables.people, 1), _sorted(tables.events), _sorted(tables.associations)
    )


def tables_bytes(tables: PayloadTables, attributes: Sequence[str], unit: int) -> bytes:
    """Return a payload's tables as they are cut into pieces of ``unit`` bytes.

    Raises `VerificationError` for tables that their reader would refuse.
    """
    own = sorted_tables(tables)
    _require_sound(own, "The payload")
    streams = (
        stream_bytes(own.people, people_schema(attributes)),
        stream_bytes(own.events, EVENTS),
        stream_bytes(own.associations, ASSOCIATIONS),
    )
    return framed(FIRST_LINE, streams, unit)


def parse_tables(
    content: bytes, source: str, attributes: Sequence[str], unit: int
) -> PayloadTables:
    """Read a payload's tables; raises `VerificationError` for what `tables_bytes` doesn't give."""
    people, events, associations = unframed(content, source, FIRST_LINE, 3, unit)
    tables = PayloadTables(
        read_stream(people, people_schema(attributes), f"The people in {source}"),
        read_stream(events, EVENTS, f"The events in {source}"),
        read_stream(associations, ASSOCIATIONS, f"The associations in {source}"),
    )
    _require_sound(tables, source)
    return tables


def ids_of(column: Any) -> NDArray[np.bytes_]:
    """Return a column of ids without nulls as bytes that compare in order, (n,)."""
    own = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    if not len(own):
        return np.empty(0, f"S{PERSON_BYTES}")
    data = np.frombuffer(own.buffers()[1], f"S{PERSON_BYTES}")
    return data[own.offset : own.offset + len(own)]


def _sorted(table: Any, columns: int | None = None) -> Any:
    keys = [(name, "ascending") for name in table.column_names[:columns]]
    return table.take(pc.sort_indices(table, sort_keys=keys))


def _require_sound(tables: PayloadTables, source: str) -> None:
    """Raise unless every person is there once, in order, and events are of people who are there."""
    people = ids_of(tables.people["person"])
    if np.any(people[1:] <= people[:-1]):
        raise _unsound(source, "a person stands there twice, or out of order")
    events, one, other = (
        ids_of(tables.events["person"]),
        ids_of(tables.associations["person"]),
        ids_of(tables.associations["other"]),
    )
    for own in (events, one):
        if np.any(own[1:] < own[:-1]):
            raise _unsound(source, "events or associations are out of order")
    for own in (events, one, other):
        if not _are_among(own, people):
            raise _unsound(source, "there is an event or an association of somebody else")
    if np.any(one == other):
        raise _unsound(source, "somebody is associated with themself")
    for table in (tables.people, tables.events, tables.associations):
        _require_short(table, source)


def _are_among(own: NDArray[np.bytes_], people: NDArray[np.bytes_]) -> bool:
    at = np.searchsorted(people, own)
    return bool(np.all(at < len(people)) and np.all(people[at] == own))


def _require_short(table: Any, source: str) -> None:
    for field, column in zip(table.schema, table.columns, strict=True):
        if field.type == pa.string():
            longest = pc.max(pc.binary_length(column)).as_py() or 0
            if longest > MOST_TEXT:
                raise _unsound(source, f"a text in {field.name} has more than {MOST_TEXT} bytes")


def _unsound(source: str, why: str) -> VerificationError:
    return VerificationError(
        f"{source} can't be used, since {why}; its agency makes it again with this release."
    )
