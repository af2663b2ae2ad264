"""People of a cohort who are to be proposed, by the pseudonyms that they have in it."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from agency_client.cohort.tables import COHORT_FILE, FORMAT, table_file
from agency_client.reading.source import file_source, open_extract
from agency_client.textfiles import read_text
from linkage.errors import InputError

_PERSON = "person"


def read_chosen_people(cohort: Path, people: Path) -> tuple[str, list[str]]:
    """Return the cohort's id, and the people whom a table with the column ``person`` names.

    Raises `InputError` for what is no cohort's folder, and for people who aren't in it.
    """
    identifier = _identifier(cohort)
    table = open_extract(file_source(people))
    if _PERSON not in table.header:
        raise InputError(f"{people.name} needs a column {_PERSON} with pseudonyms of the cohort.")
    place = table.header.index(_PERSON)
    named = [cell.strip() for piece in table.pieces for cell in piece.columns[place].to_pylist()]
    known = set(_people(cohort))
    if strange := sum(name not in known for name in named):
        raise InputError(
            f"{strange:,} of {len(named):,} people in {people.name} aren't in the cohort in "
            f"{cohort}; choose them from its {table_file('people')}."
        )
    return identifier, named


def _identifier(cohort: Path) -> str:
    try:
        found = json.loads(read_text(cohort / COHORT_FILE))
        if found["format"] == FORMAT:
            return str(found["id"])
    except (KeyError, TypeError, ValueError, NotADirectoryError, FileNotFoundError):
        pass
    raise _no_cohort(cohort)


def _people(cohort: Path) -> list[str]:
    try:
        table = pq.read_table(cohort / table_file("people"), columns=[_PERSON])
    except (OSError, pa.ArrowException, ValueError):
        raise _no_cohort(cohort) from None
    names: list[str] = table[_PERSON].to_pylist()
    return names


def _no_cohort(cohort: Path) -> InputError:
    return InputError(
        f"{cohort} is no folder of 'agency-client cohort pull'; give the folder that it has made."
    )
