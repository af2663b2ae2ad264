"""What was true of the two quarters, as the example has written it down."""

from __future__ import annotations

import pandas as pd

from examples.safeguarding.column_maps import load_column_map
from examples.safeguarding.quarters.periods import SECOND
from examples.safeguarding.quarters.playing import Played
from examples.safeguarding.quarters.stage import AGENCIES
from tests.end_to_end.quarters.folders import rows_of


def truth(played: Played, name: str) -> pd.DataFrame:
    return pd.read_csv(played.stage.files / f"truth_{name}.csv", keep_default_na=False)


def told(played: Played, name: str, quarter: str = SECOND.name) -> pd.DataFrame:
    """The true events, or associations, that somebody told of, in that quarter's files."""
    own = truth(played, name)
    return own[own[f"told_{SECOND.name}"].ne("") & own.quarter.eq(quarter)]


def known(played: Played) -> list[set[str]]:
    people = truth(played, "people")
    people = people[people.quarter.eq(SECOND.name) & people.agencies.ne("")]
    return [set(own.split("+")) for own in people.agencies]


def children_by_name(played: Played) -> dict[tuple[str, str, str], int]:
    """Who is meant by a name at an agency, where it is one child's alone."""
    found: dict[tuple[str, str, str], int] = {}
    twice = set()
    entities = {
        (row["agency"], row["record_id"]): int(row["entity_id"])
        for row in rows_of(played.stage.files / SECOND.name / "truth.csv")
    }
    for agency in AGENCIES:
        columns = load_column_map(agency)
        for row in rows_of(played.stage.files / SECOND.name / f"{agency}.csv"):
            name = (agency, *(row[columns.fields[own]] for own in ("given_name", "surname")))
            twice |= {name} & found.keys()
            found[name] = entities[agency, row[columns.record_id]]
    return {name: entity for name, entity in found.items() if name not in twice}
