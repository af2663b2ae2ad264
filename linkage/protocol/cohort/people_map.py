"""The map of a cohort: whose payload is whose, by pseudonyms of this cohort alone.

Two Arrow streams, framed. ``records`` has a row for every record of the run: ``pseudonym`` (16
bytes), ``agency``, ``person`` (16 bytes; null where the agency has sent this analyst no payload)
and ``probability`` (of the link that brought the record in, by itself or with a group; 1 for a
record alone), in order of pseudonym, agency and person. ``households`` has the hints: pairs of
pseudonyms whose people seem to share surname and address, ``pseudonym`` below ``other``, in order;
never that they are one person.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from linkage.errors import VerificationError
from linkage.protocol.cohort.framing import framed, unframed
from linkage.protocol.cohort.persons import PERSON_BYTES
from linkage.protocol.cohort.streams import read_stream, stream_bytes
from linkage.protocol.cohort.tables import ids_of

FIRST_LINE = "concord-cohort-map/1"
PSEUDONYM_BYTES = 16
RECORDS = pa.schema(
    [
        pa.field("pseudonym", pa.binary(PSEUDONYM_BYTES), nullable=False),
        pa.field("agency", pa.string(), nullable=False),
        pa.field("person", pa.binary(PERSON_BYTES)),
        pa.field("probability", pa.float64(), nullable=False),
    ]
)
HOUSEHOLDS = pa.schema(
    [
        pa.field("pseudonym", pa.binary(PSEUDONYM_BYTES), nullable=False),
        pa.field("other", pa.binary(PSEUDONYM_BYTES), nullable=False),
    ]
)


@dataclass(frozen=True)
class PeopleMap:
    """A map's tables, ``records`` and ``households``, as Arrow tables."""

    records: Any
    households: Any


def map_bytes(found: PeopleMap) -> bytes:
    """Return a map whose rows are in order as it is stored and handed over."""
    return framed(
        FIRST_LINE,
        (stream_bytes(found.records, RECORDS), stream_bytes(found.households, HOUSEHOLDS)),
    )


def parse_map(content: bytes, source: str) -> PeopleMap:
    """Read a map; raises `VerificationError` for what isn't one, or contradicts itself."""
    records, households = unframed(content, source, FIRST_LINE, 2)
    found = PeopleMap(
        read_stream(records, RECORDS, f"The records in {source}"),
        read_stream(households, HOUSEHOLDS, f"The households in {source}"),
    )
    _require_records(found.records, source)
    _require_households(found, source)
    return found


def _require_records(records: Any, source: str) -> None:
    names = ids_of(records["pseudonym"])
    if np.any(names[1:] < names[:-1]):
        raise _unsound(source, "its people are out of order")
    known = pc.is_valid(records["person"])
    people = records.filter(known).select(["agency", "person"])
    if people.group_by(["agency", "person"]).aggregate([]).num_rows != people.num_rows:
        raise _unsound(source, "it has a person of an agency twice")
    without = records.filter(pc.invert(known))["agency"]
    if pc.any(pc.is_in(without, pc.unique(people["agency"]))).as_py():
        raise _unsound(source, "it leaves out people of an agency that has sent payload")
    sure = records["probability"].to_numpy()
    if not np.all((sure >= 0) & (sure <= 1)):
        raise _unsound(source, "a probability isn't between 0 and 1")


def _require_households(found: PeopleMap, source: str) -> None:
    one, other = ids_of(found.households["pseudonym"]), ids_of(found.households["other"])
    names = ids_of(found.records["pseudonym"])
    if np.any(one >= other) or not np.all(np.isin(np.concatenate([one, other]), names)):
        raise _unsound(source, "a household isn't of two of its people")
    later = (one[1:] > one[:-1]) | ((one[1:] == one[:-1]) & (other[1:] > other[:-1]))
    if not np.all(later):
        raise _unsound(source, "its households are out of order")


def _unsound(source: str, why: str) -> VerificationError:
    return VerificationError(
        f"{source} can't be used, since {why}; ask for it again, and tell the matcher's operator."
    )
