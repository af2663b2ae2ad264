"""Which columns of an agency's files of payload hold what, by the agency's own headings."""

from __future__ import annotations

import json
import tomllib
from dataclasses import field
from typing import Literal

from pydantic import TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from linkage.errors import InputError
from linkage.protocol.scheme import STRICT
from linkage.protocol.sections.payload import Payload

Part = Literal["attributes", "events", "associations"]
RECORD, OTHER = "record_id", "other_record_id"
REQUIRED: dict[Part, tuple[str, ...]] = {
    "attributes": (RECORD,),
    "events": (RECORD, "event", "date"),
    "associations": (RECORD, OTHER, "association"),
}
OPTIONAL: dict[Part, tuple[str, ...]] = {
    "attributes": (),
    "events": ("kind", "place", "postcode"),
    "associations": ("date", "place", "postcode"),
}


@dataclass(frozen=True, config=STRICT)
class PayloadColumns:
    """An agency's own headings, by the names that the columns have here, as its TOML file has them.

    ::

        [attributes]
        record_id = "URN"
        concern = "Risk level"

        [events]
        record_id = "URN"
        date = "Missing from"

    What isn't named is a column of the same name, whatever its capitals, and with spaces,
    underscores and hyphens alike.
    """

    attributes: dict[str, str] = field(default_factory=dict)
    events: dict[str, str] = field(default_factory=dict)
    associations: dict[str, str] = field(default_factory=dict)

    def of(self, part: Part) -> dict[str, str]:
        """Return the headings of one kind of file."""
        found: dict[str, str] = getattr(self, part)
        return found


def optional_columns(part: Part, payload: Payload) -> tuple[str, ...]:
    """Return the columns that a kind of file may have beside those it must have."""
    return tuple(payload.attributes) if part == "attributes" else OPTIONAL[part]


_COLUMNS = TypeAdapter(PayloadColumns)


def parse_payload_columns(text: str, source: str, payload: Payload) -> PayloadColumns:
    """Parse the headings of payload; raises `InputError` that names every fault."""
    try:
        found = _COLUMNS.validate_json(json.dumps(tomllib.loads(text), default=str))
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{source} is not valid TOML: {error}.") from None
    except ValidationError as error:
        places = ", ".join(sorted({".".join(map(str, one["loc"])) for one in error.errors()}))
        raise InputError(
            f"{source} may have the tables [attributes], [events] and [associations], each with "
            f"headings as text, and {places} isn't so."
        ) from None
    for part, required in REQUIRED.items():
        known = {*required, *optional_columns(part, payload)}
        if unknown := sorted(set(found.of(part)) - known):
            raise InputError(
                f"{source} names {', '.join(map(repr, unknown))} under [{part}], which isn't one "
                f"of {', '.join(sorted(known))}."
            )
    return found
