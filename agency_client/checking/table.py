"""The mapped fields of an extract, each with its values as written and as standardised."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agency_client.extract import Extract
from hashing.cell import Cell
from hashing.clkhash_values import clkhash_rule
from hashing.codes import check_number
from hashing.profiles import RULES
from hashing.standardise import distinct
from linkage.protocol.scheme import Damaged, FieldType, Profile, Scheme, SchemeField


@dataclass(frozen=True)
class FieldPlan:
    """The fields that an extract is checked for, under a profile.

    ``numeric`` names those that a numeric comparison takes; ``source`` says in words where the
    fields come from.
    """

    profile: Profile
    fields: Mapping[str, SchemeField]
    numeric: frozenset[str]
    source: str

    def types(self) -> dict[str, FieldType]:
        """Return each field's type."""
        return {name: field.type for name, field in self.fields.items()}


# The fields of the default scheme, which most agreements take.
STANDARD_FIELDS = FieldPlan(
    profile="uk-person/1",
    fields={
        "given_name": SchemeField(type="name"),
        "middle_name": SchemeField(type="name"),
        "surname": SchemeField(type="name"),
        "date_of_birth": SchemeField(type="date", damaged="keep"),
        "sex": SchemeField(type="sex", damaged="missing"),
        "address": SchemeField(type="text"),
        "town": SchemeField(type="text"),
        "postcode": SchemeField(type="postcode", damaged="missing"),
    },
    numeric=frozenset(),
    source="the standard fields (no agreement given)",
)


def plan_of(scheme: Scheme, source: str) -> FieldPlan:
    """Return the fields of an agreement's scheme."""
    numeric = {f.field for f in scheme.features.values() if f.comparison == "numeric"}
    return FieldPlan(scheme.profile, scheme.fields, frozenset(numeric), source)


@dataclass(frozen=True, repr=False)
class CheckedField:
    """A field's column: ``raw[codes[row]]`` is what a row has, ``cells`` the standard of each.

    ``codes`` int64 (rows,); ``raw`` are distinct, ``counts`` int64 says how often each occurs.
    """

    name: str
    kind: FieldType
    damaged: Damaged
    heading: str
    codes: NDArray[np.int64]
    raw: tuple[str, ...]
    cells: tuple[Cell, ...]
    counts: NDArray[np.int64]

    def count(self, which: list[bool]) -> int:
        """Return how many rows have one of the distinct values that are marked."""
        return int(self.counts[np.array(which, np.bool_)].sum())


def checked_fields(
    extract: Extract, plan: FieldPlan, places: Mapping[str, int | None]
) -> tuple[CheckedField, ...]:
    """Standardise every field that has a column."""
    return tuple(
        _checked_field(extract, plan, name, place)
        for name in plan.fields
        if (place := places.get(name)) is not None
    )


def _checked_field(extract: Extract, plan: FieldPlan, name: str, place: int) -> CheckedField:
    field = plan.fields[name]
    codes, raw = distinct(extract.columns[place])
    rule = clkhash_rule(field.clkhash) if field.clkhash else RULES[plan.profile][field.type]
    cells = [rule(value) for value in raw]
    if name in plan.numeric:
        cells = [check_number(cell) for cell in cells]
    counts = np.bincount(codes, minlength=len(raw))
    heading = extract.header[place]
    return CheckedField(
        name, field.type, field.damaged, heading, codes, tuple(raw), tuple(cells), counts
    )
