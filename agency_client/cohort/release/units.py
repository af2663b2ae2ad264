"""What a table counts, row by row of the cohort, before it is counted."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from agency_client.cohort.analysis.choosing import refuse_unknown
from agency_client.cohort.analysis.frames import Frames
from agency_client.cohort.analysis.moves import borough_of
from agency_client.cohort.release.spec import TableSpec
from linkage.errors import InputError, VerificationError

NOT_KNOWN = "not known"
_OF_EVENTS = ("event", "kind", "quarter", "district", "area")
_MOST_CELLS = 2_000


@dataclass(frozen=True, repr=False)
class Units:
    """The rows a table counts: person, agency and place if any, row and column by number.

    ``from_events`` says that they are events, ``rows_add_up`` and ``columns_add_up`` that no person
    is in two rows or columns of the table (or that events are counted, of which each is in one).
    """

    frame: pd.DataFrame
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    from_events: bool
    rows_add_up: bool
    columns_add_up: bool


def read_units(frames: Frames, spec: TableSpec) -> Units:
    """Return what a table counts.

    Raise `VerificationError` for another cohort's table, `InputError` for a column or a value that
    the cohort hasn't, or a table that is too large to be checked.
    """
    if spec.cohort != frames.description.id:
        raise VerificationError(
            "The table was made from another cohort than the one given; name the folder of its own."
        )
    of_people = {*frames.attributes, "agencies"}
    from_events = spec.value == "events" or bool(spec.named & set(_OF_EVENTS))
    base = _base(frames, spec, from_events=from_events)
    refuse_unknown("column", sorted(spec.named), [*of_people, *_OF_EVENTS, "agency"])
    base = base.assign(**{name: _filled(base[name]) for name in sorted(spec.named)})
    labels = {names: _labels(base, spec, names) for names in (spec.rows, spec.columns)}
    if len(labels[spec.rows]) * max(1, len(labels[spec.columns])) > _MOST_CELLS:
        raise InputError(
            f"The table would have more than {_MOST_CELLS:,} cells, too many to check; use fewer "
            "columns, or keep fewer values with 'where'."
        )
    for name, values in spec.where.items():
        refuse_unknown(name, values, base[name].unique())
        base = base[base[name].isin(values)]
    numbered = {
        "row": _numbers(base, spec.rows, labels[spec.rows]),
        "column": _numbers(base, spec.columns, labels[spec.columns]) if spec.columns else 0,
    }
    alone = spec.value == "events"
    return Units(
        base.assign(**numbered)[["person", "agency", "place", "row", "column"]],
        labels[spec.rows],
        labels[spec.columns] if spec.columns else (),
        from_events,
        alone or set(spec.rows) <= of_people,
        alone or set(spec.columns) <= of_people,
    )


def _base(frames: Frames, spec: TableSpec, *, from_events: bool) -> pd.DataFrame:
    """Return the table that has the columns asked for, with what is known of its people."""
    people = frames.people
    asked = [name for name in ("agencies", *frames.attributes) if name in spec.named]
    if from_events:
        found = frames.events
        if "area" in spec.named:
            found = found.assign(area=borough_of(found["district"], spec.boroughs))
    elif "agency" in spec.named:
        found = frames.memberships[["person", "agency"]].assign(place=None)
    else:
        return people[["person", *asked]].assign(agency=None, place=None)
    rows = pd.Index(people["person"]).get_indexer(pd.Index(found["person"]))
    return found.assign(**{name: people[name].to_numpy()[rows] for name in asked})


def _filled(column: pd.Series[Any]) -> NDArray[np.object_]:
    """Return a column as text, (n,), with words where it has nothing."""
    of, values = pd.factorize(column)
    return np.array([*map(str, values), NOT_KNOWN], object)[of]  # of nothing, -1: the last


def _labels(base: pd.DataFrame, spec: TableSpec, names: tuple[str, ...]) -> tuple[str, ...]:
    """Return a label for every combination of values, whether or not anything is counted there.

    The values are those of the whole cohort, so that a missing row or column says nothing.
    """
    values = [sorted(spec.where.get(name) or base[name].unique()) for name in names]
    return tuple(", ".join(own) for own in product(*values))


def _numbers(base: pd.DataFrame, names: tuple[str, ...], labels: tuple[str, ...]) -> pd.Series[int]:
    joined = base[names[0]]
    for name in names[1:]:
        joined = joined + ", " + base[name]
    return joined.map({label: number for number, label in enumerate(labels)}).astype(int)
