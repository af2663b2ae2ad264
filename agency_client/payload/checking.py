"""Holding an agency's files against ``[payload]``, row by row, and making them coarse.

What comes out is the payload by the places of the agency's own records: it knows no analyst yet, no
pseudonym and no token of a place.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from agency_client.payload.columns import OTHER, RECORD, Part
from agency_client.payload.faults import FileFaults
from agency_client.payload.reading import HandedTable
from agency_client.payload.records import OwnRecords
from agency_client.payload.rules import (
    attribute_rule,
    first_day_rule,
    name_rule,
    outward_rule,
    postcode_rule,
    term_rule,
)
from hashing.cell import Cell
from hashing.places import place_text
from hashing.profiles import Rule
from hashing.standardise import distinct
from linkage.protocol.agreement import Agreement
from linkage.protocol.sections.payload import AssociationType, DateCoarsening, EventType, Payload

COLUMNS: Mapping[Part, tuple[str, ...]] = {
    "events": ("record", "event", "date", "kind", "district", "place"),
    "associations": ("record", "other", "association", "date", "place"),
}
_TYPES = {"record": pa.int64(), "other": pa.int64(), "date": pa.date32()}


@dataclass(frozen=True)
class Terms:
    """What files are held against: the agreement, its payload, and the day it is."""

    agreement: Agreement
    payload: Payload
    today: date

    def dates(self, coarsening: DateCoarsening) -> Rule:
        """Return the rule of dates that are made so coarse."""
        return first_day_rule(self.agreement.scheme.profile, coarsening, self.today)


@dataclass(frozen=True, repr=False)
class Checked:
    """Rows that may travel: Arrow arrays of equal length; text is null where it is missing.

    ``record`` and ``other``, int64, are places among the own records; ``date`` is date32; ``place``
    is the standard form of a place, which never leaves the agency.
    """

    columns: Mapping[str, Any]

    def __len__(self) -> int:
        return len(self.columns["record"])


@dataclass
class Inspection:
    """One file under inspection, and what was found wrong with it."""

    table: HandedTable
    records: OwnRecords
    terms: Terms
    faults: FileFaults = field(init=False)

    def __post_init__(self) -> None:
        self.faults = FileFaults(self.table.name)

    def attributes(self) -> dict[str, Any]:
        """Return per attribute of the agreement a string array, one value per own record."""
        record = self._known(RECORD)
        profile = self.terms.agreement.scheme.profile
        found = {}
        for name, own in sorted(self.terms.payload.attributes.items()):
            rule = attribute_rule(own, self.terms.payload, profile, self.terms.today)
            values = self._judged(self.table, name, rule) if name in self.table.columns else None
            found[name] = self._per_record(name, record, values)
        return found

    def events(self) -> Checked:
        """Return the events, those of one type together."""
        types = self.terms.payload.events
        parts = [
            {**self._event(rows, types[name]), "event": name}
            for name, rows in self._by_type("event", types, "event types")
        ]
        return _checked(parts, COLUMNS["events"])

    def associations(self) -> Checked:
        """Return the associations, those of one type together."""
        types = self.terms.payload.associations
        other = self._known(OTHER)
        alike = (self._known(RECORD, tell=False) == other) & (other >= 0)
        self._fault(self.table, OTHER, alike, "the record itself")
        parts = [
            {**self._association(rows, types[name]), "association": name}
            for name, rows in self._by_type("association", types, "associations")
        ]
        return _checked(parts, COLUMNS["associations"])

    def _event(self, rows: HandedTable, own: EventType) -> dict[str, Any]:
        vocabularies = self.terms.payload.vocabularies
        kind = None if own.vocabulary is None else term_rule(vocabularies[own.vocabulary])
        return {
            "record": self._places(rows, RECORD),
            "date": self._judged(rows, "date", self.terms.dates(own.date)).cast(pa.date32()),
            "kind": self._judged(rows, "kind", kind),
            "district": self._district(rows, own),
            "place": self._place(rows, tokens=own.place_tokens),
        }

    def _association(self, rows: HandedTable, own: AssociationType) -> dict[str, Any]:
        dates = None if own.date is None else self.terms.dates(own.date)
        if not own.place_tokens:
            self._judged(rows, "postcode", None)
        return {
            "record": self._places(rows, RECORD),
            "other": self._places(rows, OTHER),
            "date": self._judged(rows, "date", dates).cast(pa.date32()),
            "place": self._place(rows, tokens=own.place_tokens),
        }

    def _district(self, rows: HandedTable, own: EventType) -> Any:
        if own.places:
            return self._judged(rows, "postcode", outward_rule)
        # A postcode that doesn't travel may still be part of the token.
        return self._judged(rows, "postcode", _unspoken if own.place_tokens else None)

    def _place(self, rows: HandedTable, *, tokens: bool) -> Any:
        """Return the standard form of each place."""
        if not tokens:
            return self._judged(rows, "place", None)
        rule = postcode_rule(self.terms.agreement.scheme.profile)
        names = rows.columns.get("place")
        codes = rows.columns.get("postcode")
        blank = pa.repeat(pa.scalar(""), len(rows))
        name_of, name_values = distinct(blank if names is None else names)
        code_of, code_values = distinct(blank if codes is None else codes)
        standard = [rule(value).value for value in code_values]
        pairs, place = np.unique(name_of * len(standard) + code_of, return_inverse=True)
        texts = [
            place_text(name_values[int(pair) // len(standard)], standard[int(pair) % len(standard)])
            for pair in pairs
        ]
        return pa.array([text or None for text in texts], pa.string()).take(pa.array(place))

    def _by_type(
        self, column: str, types: Mapping[str, object], what: str
    ) -> Iterator[tuple[str, HandedTable]]:
        """Yield the sound rows of each type, told apart by a column that has it in every row."""
        names = self._judged(self.table, column, name_rule(types, what), required=True)
        self._known(RECORD)
        for name in pc.unique(names.drop_null()).sort().to_pylist():
            yield name, self.table.take(np.flatnonzero(pc.fill_null(pc.equal(names, name), False)))

    def _known(self, column: str, *, tell: bool = True) -> NDArray[np.int64]:
        """Return the own record that each row names; one that isn't there is a fault."""
        found = self._places(self.table, column)
        if tell:
            reason = "no record of the file of encodings and its map"
            self._fault(self.table, column, found < 0, reason)
        return found

    def _places(self, rows: HandedTable, column: str) -> NDArray[np.int64]:
        return self.records.places(rows.columns[column])

    def _judged(
        self, rows: HandedTable, column: str, rule: Rule | None, *, required: bool = False
    ) -> Any:
        """Return a column as its rule has it, null where a cell is missing or at fault.

        Without a rule the column may not travel, and any cell with something in it is at fault.
        """
        if column not in rows.columns:
            return pa.nulls(len(rows), pa.string())
        codes, values = distinct(rows.columns[column])
        cells = [(rule or _may_not_travel)(value) for value in values]
        if required:
            cells = [cell if any(cell) else Cell("", "empty") for cell in cells]
        for reason in sorted({cell.damage for cell in cells if cell.damage}):
            at_fault = np.array([cell.damage == reason for cell in cells])
            self._fault(rows, column, at_fault[codes], reason)
        kept = [None if cell.damage or not cell.value else cell.value for cell in cells]
        return pa.array(kept, pa.string()).take(pa.array(codes))

    def _fault(
        self, rows: HandedTable, column: str, at_fault: NDArray[np.bool_], reason: str
    ) -> None:
        if at_fault.any():
            self.faults.add(rows.rows[at_fault], rows.headings[column], reason)

    def _per_record(self, name: str, record: NDArray[np.int64], values: Any) -> Any:
        """Return one value per own record; rows of one record may not contradict each other."""
        if values is None:
            return pa.nulls(len(self.records), pa.string())
        given = np.flatnonzero(np.asarray(values.is_valid()) & (record >= 0))
        order = given[np.argsort(record[given], kind="stable")]
        whose, (codes, words) = record[order], distinct(values.take(pa.array(order)))
        again = whose[1:] == whose[:-1]
        contradicts = np.zeros(len(self.table), np.bool_)
        contradicts[order[1:][again & (codes[1:] != codes[:-1])]] = True
        self._fault(self.table, name, contradicts, "not what another row says of the same record")
        found = np.full(len(self.records), -1, np.int64)
        found[whose] = codes
        return pa.array([*words, None], pa.string()).take(
            pa.array(np.where(found < 0, len(words), found))
        )


def _may_not_travel(value: str) -> Cell:
    return Cell("", "it may not travel by the agreement") if value.strip() else Cell("")


def _unspoken(_: str) -> Cell:
    return Cell("")


def joined(found: Sequence[Checked], part: Part) -> Checked:
    """Return the rows of several files one after the other."""
    return _checked([own.columns for own in found], COLUMNS[part])


def _checked(parts: Sequence[Mapping[str, Any]], names: Sequence[str]) -> Checked:
    """Return parts one after the other; a column may be one text for all of a part."""
    columns = {}
    for name in names:
        kind = _TYPES.get(name, pa.string())
        arrays = [_array(part[name], kind, len(part["record"])) for part in parts]
        columns[name] = pa.concat_arrays(arrays) if arrays else pa.nulls(0, kind)
    return Checked(columns)


def _array(own: Any, kind: Any, length: int) -> Any:
    return pa.repeat(pa.scalar(own, kind), length) if isinstance(own, str) else pa.array(own, kind)
