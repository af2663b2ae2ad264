"""Whether opened payload says only what the agreement lets travel, and of whom the map tells.

The agency has checked it before it sealed it. Whoever didn't, or has another release, is found out
here, before a table is written.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

import numpy as np
import pyarrow.compute as pc

from linkage.errors import VerificationError
from linkage.protocol.cohort.people_map import PeopleMap
from linkage.protocol.cohort.tables import PayloadTables, ids_of
from linkage.protocol.sections.payload import Attribute, DateCoarsening, Payload

_DISTRICT = r"(?:[A-Z]{1,2}[0-9][A-Z0-9]?|GIR)"
_FORMS = {
    "day": r"[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])",
    "month": r"[0-9]{4}-(?:0[1-9]|1[0-2])",
    "quarter": r"[0-9]{4}Q[1-4]",
    "year": r"[0-9]{4}",
    "outward_postcode": _DISTRICT,
    "tens": r"0|-?[1-9][0-9]*0",
}


def require_same_people(found: PeopleMap, payloads: Mapping[str, PayloadTables]) -> None:
    """Raise `VerificationError` unless map and payload are of the same people, each once.

    An agency without payload has no person in the map.
    """
    agencies = found.records["agency"]
    for agency in pc.unique(agencies).to_pylist():
        rows = found.records.filter(pc.equal(agencies, agency))["person"]
        if agency not in payloads:
            if rows.null_count < len(rows):
                raise _mismatch(agency, "names people of a payload that nobody has sent")
            continue
        people = payloads[agency].people["person"]
        if rows.null_count or len(rows) != len(people):
            raise _mismatch(agency, "has other people than its payload")
        if not np.array_equal(np.sort(ids_of(rows)), np.sort(ids_of(people))):
            raise _mismatch(agency, "has other people than its payload")
    if strange := sorted(set(payloads) - set(pc.unique(agencies).to_pylist())):
        raise _mismatch(strange[0], "has nobody of its payload")


def require_agreed_terms(agency: str, tables: PayloadTables, payload: Payload) -> None:
    """Raise `VerificationError` for any value that the agreement doesn't let travel."""
    for name, own in payload.attributes.items():
        values = pc.unique(tables.people[name].drop_null()).to_pylist()
        if not all(map(_form_of(own, payload).fullmatch, values)):
            raise _forbidden(agency, f"the attribute {name}")
    _require_types(agency, tables.events["event"], payload.events)
    for name, event in payload.events.items():
        rows = tables.events.filter(pc.equal(tables.events["event"], name))
        terms = payload.vocabularies[event.vocabulary].terms if event.vocabulary else ()
        if not (
            _are_starts(rows["date"], event.date)
            and _are_among(rows["kind"], terms)
            and _are_districts(rows["district"], travels=event.places)
            and (event.place_tokens or _is_empty(rows["place"]))
        ):
            raise _forbidden(agency, f"the event {name}")
    _require_types(agency, tables.associations["association"], payload.associations)
    for name, association in payload.associations.items():
        rows = tables.associations.filter(pc.equal(tables.associations["association"], name))
        if not (
            _are_starts(rows["date"], association.date)
            and (association.place_tokens or _is_empty(rows["place"]))
        ):
            raise _forbidden(agency, f"the association {name}")


def _form_of(own: Attribute, payload: Payload) -> re.Pattern[str]:
    if own.vocabulary is not None:
        terms = payload.vocabularies[own.vocabulary].terms
        return re.compile("|".join(map(re.escape, terms)))
    assert own.coarsen is not None
    return re.compile(_FORMS[own.coarsen])


def _require_types(agency: str, names: Any, agreed: Iterable[str]) -> None:
    if not _are_among(names, agreed):
        raise _forbidden(agency, "an event or an association")


def _are_among(values: Any, terms: Iterable[str]) -> bool:
    return set(pc.unique(values.drop_null()).to_pylist()) <= set(terms)


def _are_districts(values: Any, *, travels: bool) -> bool:
    if not travels:
        return _is_empty(values)
    form = re.compile(_DISTRICT)
    return all(map(form.fullmatch, pc.unique(values.drop_null()).to_pylist()))


def _is_empty(values: Any) -> bool:
    return bool(values.null_count == len(values))


def _are_starts(dates: Any, coarsening: DateCoarsening | None) -> bool:
    """Say if every date is the first day of its period; without a coarsening there is none."""
    days: list[date] = pc.unique(dates.drop_null()).to_pylist()
    match coarsening:
        case None:
            return not days
        case "day":
            return True
        case "month":
            return all(day.day == 1 for day in days)
        case "quarter":
            return all(day.day == 1 and day.month % 3 == 1 for day in days)
        case "year":
            return all((day.month, day.day) == (1, 1) for day in days)


def _mismatch(agency: str, what: str) -> VerificationError:
    return VerificationError(
        f"The matcher's map {what}, for {agency!r}; use none of it, and tell the matcher's "
        "operator."
    )


def _forbidden(agency: str, what: str) -> VerificationError:
    return VerificationError(
        f"The payload of {agency!r} has {what} in a form that the agreement doesn't let travel; "
        f"nothing was written. Tell {agency!r} and the data protection officer."
    )
