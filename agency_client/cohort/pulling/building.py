"""The tables of a cohort from the matcher's map and agencies' payload, a column at a time.

Everything that comes in has been verified; see `agency_client.cohort.pulling.checking`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from agency_client.cohort.counting import expected_count
from agency_client.cohort.pulling.arrays import agreed, hex_of, keys_of, whole
from agency_client.cohort.tables import BETWEEN_AGENCIES, schema_of
from linkage.protocol.cohort.people_map import PeopleMap
from linkage.protocol.cohort.tables import PayloadTables
from linkage.protocol.sections.payload import Payload


@dataclass(frozen=True, repr=False)
class Parts:
    """What a cohort is made of: the matcher's map, and payload by agency."""

    people: PeopleMap
    payloads: Mapping[str, PayloadTables]
    payload: Payload


def build_tables(parts: Parts) -> dict[str, Any]:
    """Return the tables of a cohort by name, in the order of their columns and of people."""
    people = _Numbered(parts)
    memberships = people.memberships()
    built = {
        "people": people.people(memberships),
        "memberships": memberships.table(people),
        "events": people.events(),
        "associations": people.associations(),
        "coverage": people.coverage(memberships),
        "households": people.households(),
    }
    return {name: _ordered(name, columns, parts.payload) for name, columns in built.items()}


@dataclass(frozen=True, repr=False)
class _Memberships:
    """One row per person and agency; ``person`` and ``agency`` are numbers, int64 (m,).

    ``of`` int64 (records,) says which row each record of the map belongs to.
    """

    person: NDArray[np.int64]
    agency: NDArray[np.int64]
    of: NDArray[np.int64]
    probability: NDArray[np.float64]
    records: NDArray[np.int64]
    attributes: dict[str, Any]

    def table(self, people: _Numbered) -> dict[str, Any]:
        return {
            "person": people.names.take(pa.array(self.person)),
            "agency": people.agencies.take(pa.array(self.agency)),
            "probability": self.probability,
            "records": self.records,
            **self.attributes,
        }


class _Numbered:
    """The people and agencies of a cohort by numbers: people in the order of their pseudonyms."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._keys, first, self._person_of = np.unique(
            keys_of(parts.people.records["pseudonym"]), return_index=True, return_inverse=True
        )
        self.names = hex_of(parts.people.records["pseudonym"].take(pa.array(first)))
        self.agencies = pc.unique(parts.people.records["agency"]).sort()
        found = pc.index_in(parts.people.records["agency"], self.agencies)
        self._agency_of = np.asarray(found, np.int64)
        self._rows = {name: self._rows_of(name) for name in parts.payloads}

    def _rows_of(self, agency: str) -> NDArray[np.int64]:
        """Return, per row of an agency's people, the row of the map that is about it."""
        here = np.flatnonzero(np.asarray(pc.equal(self._parts.people.records["agency"], agency)))
        mapped = keys_of(self._parts.people.records["person"].take(pa.array(here)))
        given = keys_of(self._parts.payloads[agency].people["person"])
        order = np.argsort(mapped)
        return here[order[np.searchsorted(mapped, given, sorter=order)]]

    def memberships(self) -> _Memberships:
        wide = self._person_of * len(self.agencies) + self._agency_of
        pairs, of = np.unique(wide, return_inverse=True)
        least = np.ones(len(pairs))
        np.minimum.at(least, of, np.asarray(self._parts.people.records["probability"], np.float64))
        return _Memberships(
            pairs // len(self.agencies),
            pairs % len(self.agencies),
            of,
            least,
            np.bincount(of, minlength=len(pairs)),
            {
                name: agreed(self._attribute(name), of, len(pairs))
                for name in sorted(self._parts.payload.attributes)
            },
        )

    def _attribute(self, name: str) -> Any:
        """Return an attribute per record of the map, null where nobody gave one."""
        values: list[Any] = [pa.nulls(1, pa.string())]
        place = np.zeros(len(self._person_of), np.int64)
        start = 1
        for agency, own in self._parts.payloads.items():
            rows = self._rows[agency]
            place[rows] = np.arange(start, start + len(rows))
            values.append(whole(own.people[name]))
            start += len(rows)
        return pa.concat_arrays(values).take(pa.array(place))

    def people(self, memberships: _Memberships) -> dict[str, Any]:
        count, person = len(self._keys), memberships.person
        return {
            "person": self.names,
            "agencies": np.bincount(person, minlength=count),
            "records": np.bincount(person, memberships.records, count).astype(np.int64),
            "probability": self._probability(memberships),
            **{
                name: agreed(values, person, count)
                for name, values in memberships.attributes.items()
            },
        }

    def _probability(self, memberships: _Memberships) -> NDArray[np.float64]:
        least = np.ones(len(self._keys))
        np.minimum.at(least, memberships.person, memberships.probability)
        return least

    def coverage(self, memberships: _Memberships) -> dict[str, Any]:
        names = self.agencies.to_pylist()
        known = np.zeros((len(self._keys), len(names)), np.bool_)
        known[memberships.person, memberships.agency] = True
        sets, of = np.unique(known, axis=0, return_inverse=True)
        probability = self._probability(memberships)
        counts = [expected_count(probability[of.ravel() == at]) for at in range(len(sets))]
        return {
            "agencies": [
                BETWEEN_AGENCIES.join(n for n, own in zip(names, row, strict=True) if own)
                for row in sets
            ],
            "people": np.bincount(of.ravel(), minlength=len(sets)),
            "expected": [count.expected for count in counts],
            "low": [count.low for count in counts],
            "high": [count.high for count in counts],
        }

    def events(self) -> dict[str, Any]:
        found = {agency: self._events(agency) for agency in self._parts.payloads}
        return _in_order(found, ("person", "date", "event", "agency", "kind", "district", "place"))

    def _events(self, agency: str) -> dict[str, Any]:
        own = self._parts.payloads[agency].events
        return {
            "person": self._named(agency, own["person"]),
            "agency": pa.repeat(pa.scalar(agency), len(own)),
            **{name: whole(own[name]) for name in ("event", "kind", "date", "district")},
            "quarter": self._quarters(own),
            "place": hex_of(whole(own["place"])),
        }

    def _quarters(self, events: Any) -> Any:
        """Return the quarter of each date that is no coarser than that."""
        types = self._parts.payload.events
        yearly = pa.array([name for name, own in types.items() if own.date == "year"], pa.string())
        dates = whole(events["date"]).dictionary_encode()
        text = pa.array(
            [f"{day.year}Q{(day.month + 2) // 3}" for day in dates.dictionary.to_pylist()]
        )
        quarters = text.cast(pa.string()).take(dates.indices)
        return pc.if_else(
            pc.is_in(whole(events["event"]), yearly), pa.scalar(None, pa.string()), quarters
        )

    def associations(self) -> dict[str, Any]:
        found = {agency: self._associations(agency) for agency in self._parts.payloads}
        return _in_order(found, ("person", "other", "association", "date", "agency", "place"))

    def _associations(self, agency: str) -> dict[str, Any]:
        own = self._parts.payloads[agency].associations
        return {
            "person": self._named(agency, own["person"]),
            "other": self._named(agency, own["other"]),
            "agency": pa.repeat(pa.scalar(agency), len(own)),
            "association": whole(own["association"]),
            "date": whole(own["date"]),
            "place": hex_of(whole(own["place"])),
        }

    def _named(self, agency: str, persons: Any) -> Any:
        """Return the pseudonyms of people whom an agency's payload names."""
        given = keys_of(self._parts.payloads[agency].people["person"])
        order = np.argsort(given)
        rows = self._rows[agency][order[np.searchsorted(given, keys_of(persons), sorter=order)]]
        return self.names.take(pa.array(self._person_of[rows]))

    def households(self) -> dict[str, Any]:
        table = self._parts.people.households
        return {"person": hex_of(table["pseudonym"]), "other": hex_of(table["other"])}


def _in_order(found: Mapping[str, dict[str, Any]], by: tuple[str, ...]) -> dict[str, Any]:
    """Return the rows of all agencies, in an order that tells nothing of their files'."""
    if not found:
        return {}
    table = pa.concat_tables([pa.table(own) for own in found.values()])
    order = pc.sort_indices(table, sort_keys=[(name, "ascending") for name in by])
    ordered = table.take(order)
    return {name: ordered[name] for name in ordered.column_names}


def _ordered(name: str, columns: Mapping[str, Any], payload: Payload) -> Any:
    schema = schema_of(name, payload)
    empty = {field.name: pa.nulls(0, field.type) for field in schema}
    return pa.table({own: (columns or empty)[own] for own in schema.names}).cast(schema)
