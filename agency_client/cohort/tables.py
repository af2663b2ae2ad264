"""The tables of a cohort's directory: names, columns, types, units and what they mean.

``cohort pull`` writes them by these schemas, analysis reads them, ``dictionary.csv`` explains them.
People go by pseudonyms that are keyed for this cohort alone; places by tokens that are keyed for
this analyst and epoch.

=============  =========================================================================
people         one row per person (a cluster of linked records)
memberships    one row per person and agency that knows them
events         one row per event; the same event told by two agencies is two rows
associations   one row per association, as the agency that knows both people told it
coverage       one row per combination of agencies
households     pairs of people who look like one household, and were not taken for one person
=============  =========================================================================
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pyarrow as pa

from linkage.protocol.sections.payload import Attribute, Payload, Vocabulary

FORMAT = "concord-cohort/1"
COHORT_FILE = "cohort.json"
DICTIONARY_FILE = "dictionary.csv"
OVERVIEW_FILE = "overview.html"
PERSON_TYPE = pa.string()
BETWEEN_AGENCIES = "+"


@dataclass(frozen=True)
class Column:
    """A column; ``unit`` says what a value is counted or written in, '' where it is plain text.

    ``vocabulary`` is the name of the agreement's vocabulary that has its terms, if one has.
    """

    name: str
    type: pa.DataType
    unit: str
    meaning: str
    vocabulary: str | None = None


_HEX = "32 hex digits"
_PERSON = Column("person", PERSON_TYPE, _HEX, "Pseudonym of the person, of this cohort alone.")
_OTHER = Column("other", PERSON_TYPE, _HEX, "Pseudonym of the other person.")
_AGENCY = Column("agency", pa.string(), "", "Name of the agency in the agreement.")
_DATE = Column(
    "date",
    pa.date32(),
    "first day of the period",
    "When it happened, as coarse as the agreement says; null where it isn't known or doesn't "
    "travel.",
)
_PLACE = Column(
    "place",
    pa.string(),
    _HEX,
    "Token of the place: equal for one place at all agencies, of this analyst and epoch alone; "
    "null where it isn't known or doesn't travel.",
)

_PEOPLE = (
    _PERSON,
    Column("agencies", pa.int32(), "agencies", "How many agencies know the person."),
    Column("records", pa.int32(), "records", "How many records of all agencies are linked."),
    Column(
        "probability",
        pa.float64(),
        "0 to 1",
        "Estimated probability that the records are one person: the least of its links'; 1 for one "
        "record.",
    ),
)
_MEMBERSHIPS = (
    _PERSON,
    _AGENCY,
    Column(
        "probability",
        pa.float64(),
        "0 to 1",
        "Estimated probability of the link that brought the agency's record in, the least of "
        "several; 1 for a person with one record.",
    ),
    Column("records", pa.int32(), "records", "How many records the agency has of the person."),
)
_EVENTS = (
    _PERSON,
    _AGENCY,
    Column("event", pa.string(), "", "Type of the event in the agreement."),
    Column("kind", pa.string(), "", "Term of the event type's vocabulary, null where none is."),
    _DATE,
    Column(
        "quarter",
        pa.string(),
        "2026Q3",
        "Quarter of the date; null where there is no date or it is coarser than a quarter.",
    ),
    Column(
        "district",
        pa.string(),
        "outward postcode",
        "First half of the place's postcode; null where it isn't known or doesn't travel.",
    ),
    _PLACE,
)
_ASSOCIATIONS = (
    _PERSON,
    _OTHER,
    _AGENCY,
    Column("association", pa.string(), "", "Type of the association in the agreement."),
    _DATE,
    _PLACE,
)
_COVERAGE = (
    Column("agencies", pa.string(), "", "Agencies in alphabetical order, as care+police."),
    Column("people", pa.int64(), "people", "People linked who are known to these and no others."),
    Column(
        "expected", pa.float64(), "people", "Of these, how many are expected to be linked rightly."
    ),
    Column("low", pa.float64(), "people", "Lower end of that number's 95% interval."),
    Column("high", pa.float64(), "people", "Upper end of that number's 95% interval."),
)
_HOUSEHOLDS = (_PERSON, _OTHER)

_BEFORE_ATTRIBUTES: dict[str, tuple[Column, ...]] = {
    "people": _PEOPLE,
    "memberships": _MEMBERSHIPS,
    "events": _EVENTS,
    "associations": _ASSOCIATIONS,
    "coverage": _COVERAGE,
    "households": _HOUSEHOLDS,
}
TABLES = tuple(_BEFORE_ATTRIBUTES)
_FORMS = {
    "day": "2026-09-14",
    "month": "2026-09",
    "quarter": "2026Q3",
    "year": "2026",
    "outward_postcode": "outward postcode",
    "tens": "lowest of ten: 40 is 40 to 49",
}


def table_file(table: str) -> str:
    """Return the name of the file that holds a table."""
    return f"{table}.parquet"


def columns_of(table: str, payload: Payload | None) -> tuple[Column, ...]:
    """Return a table's columns in order; those of the agreement's attributes come last."""
    own = _BEFORE_ATTRIBUTES[table]
    if payload is None or table not in {"people", "memberships"}:
        return own
    who = "all agencies that gave one agree on it" if table == "people" else "the agency gave it"
    attributes = (_attribute(name, one, who) for name, one in sorted(payload.attributes.items()))
    return (*own, *attributes)


def schema_of(table: str, payload: Payload | None) -> pa.Schema:
    """Return the Arrow schema that a table is written by."""
    return pa.schema([(own.name, own.type) for own in columns_of(table, payload)])


def dictionary_rows(payload: Payload | None) -> Iterator[dict[str, str]]:
    """Yield the rows of ``dictionary.csv``: one per column of every table."""
    for table in TABLES:
        for own in columns_of(table, payload):
            yield {
                "table": table,
                "column": own.name,
                "type": str(own.type),
                "unit": own.unit,
                "meaning": own.meaning,
                "vocabulary": _vocabulary(own, payload),
            }


def _attribute(name: str, own: Attribute, who: str) -> Column:
    unit = "" if own.coarsen is None else _FORMS[own.coarsen]
    meaning = f"The attribute {name}, where {who}; else null."
    return Column(name, pa.string(), unit, meaning, own.vocabulary)


def _vocabulary(own: Column, payload: Payload | None) -> str:
    """Return the terms of a column with the version they are of."""
    if payload is None:
        return ""
    if own.vocabulary is not None:
        return _terms(own.vocabulary, payload.vocabularies[own.vocabulary])
    if own.name == "kind":
        used = {one.vocabulary for one in payload.events.values() if one.vocabulary is not None}
        return "; ".join(_terms(name, payload.vocabularies[name]) for name in sorted(used))
    return ""


def _terms(name: str, vocabulary: Vocabulary) -> str:
    terms = ", ".join(f"{term}: {meaning}" for term, meaning in vocabulary.terms.items())
    return f"{name}, version {vocabulary.version} ({terms})"
