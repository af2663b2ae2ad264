"""What a table counts, in the JSON that stands beside it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from linkage.errors import InputError
from linkage.protocol.scheme import STRICT

Value = Literal["people", "events"]
_Name = Annotated[str, Field(min_length=1, max_length=200)]


@dataclass(frozen=True, config=STRICT)
class TableSpec:
    """A table of one cohort: how many people, or events, by ``rows`` and ``columns``.

    Both name columns of the cohort's tables, or ``area``, the borough of an event's district by
    ``boroughs`` (else its postcode area). ``where`` keeps what has one of the values of a column.
    """

    cohort: _Name
    value: Value
    rows: Annotated[tuple[_Name, ...], Field(min_length=1, max_length=3)]
    columns: Annotated[tuple[_Name, ...], Field(max_length=3)] = ()
    where: Mapping[str, tuple[str, ...]] = Field(default_factory=dict)
    boroughs: Mapping[str, str] | None = None
    format: Literal["concord-table/1"] = "concord-table/1"

    @property
    def named(self) -> set[str]:
        """All columns that the table rests on."""
        return {*self.rows, *self.columns, *self.where}

    def to_json(self) -> str:
        """Return the text of the file beside the table."""
        return json.dumps(asdict(self), indent=2, sort_keys=True) + "\n"


def spec_path(table: Path) -> Path:
    """Return where the spec of a table's file stands."""
    return table.with_name(table.name + ".json")


def parse_spec(text: str, name: str) -> TableSpec:
    """Return the spec in the text of the file ``name``; raise `InputError` where it is none."""
    try:
        return TypeAdapter(TableSpec).validate_json(text)
    except ValidationError as error:
        where = ".".join(map(str, error.errors()[0]["loc"])) or "its form"
        raise InputError(
            f"{name} doesn't say what its table counts ({where} is wrong); make the table with "
            "Cohort.table(...).write(...)."
        ) from None


def dimension_names(names: str | tuple[str, ...]) -> tuple[str, ...]:
    """Return one name or several as several."""
    return (names,) if isinstance(names, str) else tuple(names)
