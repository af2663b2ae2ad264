"""An agency's payload made ready to travel: read and checked whole before anything is sent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from agency_client.payload.checking import Checked, Inspection, Terms, joined
from agency_client.payload.columns import Part, PayloadColumns, parse_payload_columns
from agency_client.payload.faults import refuse_faults
from agency_client.payload.files import PayloadFiles
from agency_client.payload.reading import HandedTable, read_handed
from agency_client.payload.records import OwnRecords
from agency_client.textfiles import read_text
from linkage.errors import InputError, PolicyError
from linkage.protocol.agreement import Agreement
from linkage.protocol.sections.payload import Payload


@dataclass(frozen=True, repr=False)
class PreparedPayload:
    """Payload that may travel, by the agency's own records; ``warnings`` are sentences.

    ``attributes`` are Arrow arrays with one text per record.
    """

    records: OwnRecords
    attributes: Mapping[str, Any]
    events: Checked
    associations: Checked
    warnings: tuple[str, ...]

    def counts(self) -> dict[str, dict[str, int]]:
        """Return how many records have each attribute, and how many rows of each type there are."""
        return {
            "attributes": {
                name: len(own) - own.null_count for name, own in self.attributes.items()
            },
            "events": _counted(self.events.columns["event"]),
            "associations": _counted(self.associations.columns["association"]),
        }


def payload_terms(agreement: Agreement) -> Payload:
    """Return what may travel to analysts; raises `PolicyError` where the agreement has nothing."""
    if agreement.payload is None:
        raise PolicyError(
            f"The agreement {agreement.agreement.id!r} has no [payload], so nothing travels to "
            "analysts."
        )
    return agreement.payload


def prepare(files: PayloadFiles, records: OwnRecords, terms: Terms) -> PreparedPayload:
    """Read, check and coarsen everything; raises `InputError` that tells what is wrong where."""
    columns = _columns(files, terms.payload)
    attributes = _inspections(files.attributes, "attributes", columns, records, terms)
    events = _inspections(files.events, "events", columns, records, terms)
    associations = _inspections(files.associations, "associations", columns, records, terms)
    found = [own.attributes() for own in attributes]
    prepared = PreparedPayload(
        records,
        _one_of_each(found, records, terms.payload),
        joined([own.events() for own in events], "events"),
        joined([own.associations() for own in associations], "associations"),
        tuple(_warnings([own.table for own in (*attributes, *events, *associations)])),
    )
    refuse_faults(own.faults for own in (*attributes, *events, *associations))
    return prepared


def _columns(files: PayloadFiles, payload: Payload) -> PayloadColumns:
    if files.columns is None:
        return PayloadColumns()
    return parse_payload_columns(read_text(files.columns), files.columns.name, payload)


def _inspections(
    paths: Sequence[Path], part: Part, columns: PayloadColumns, records: OwnRecords, terms: Terms
) -> list[Inspection]:
    return [
        Inspection(read_handed(path, part, columns, terms.payload), records, terms)
        for path in paths
    ]


def _one_of_each(
    found: Sequence[Mapping[str, Any]], records: OwnRecords, payload: Payload
) -> dict[str, Any]:
    """Return every attribute from the one file that has it."""
    chosen = {}
    for name in sorted(payload.attributes):
        given = [own[name] for own in found if own[name].null_count < len(records)]
        if len(given) > 1:
            raise InputError(
                f"Two files give the attribute {name!r}; give each attribute in one file."
            )
        chosen[name] = given[0] if given else pa.nulls(len(records), pa.string())
    return chosen


def _warnings(tables: Iterable[HandedTable]) -> Iterable[str]:
    for table in tables:
        yield from table.warnings
        if table.left:
            yield (
                f"{table.name}: nothing is taken from {', '.join(map(repr, table.left))}, which "
                "stays here."
            )


def _counted(names: Any) -> dict[str, int]:
    counted = {row["values"]: row["counts"] for row in pc.value_counts(names).to_pylist()}
    return dict(sorted(counted.items()))
