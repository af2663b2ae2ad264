"""People of a cohort who are to be proposed, by the pseudonyms that they have in it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from agency_client.cohort.tables import COHORT_FILE, FORMAT, table_file
from agency_client.reading.source import file_source, open_extract
from agency_client.textfiles import read_text
from linkage.errors import InputError, PolicyError
from linkage.protocol.sections.disclosure import Disclosure

_PERSON = "person"


@dataclass(frozen=True)
class Chosen:
    """People of a cohort by their pseudonyms in it, how many agencies know each, and how surely."""

    cohort: str
    people: dict[str, tuple[int, float]]

    def require_proposable(self, terms: Disclosure, rule: str) -> None:
        """Raise `PolicyError` for people whom the agreement doesn't let be proposed by a rule.

        The matcher says so too, of its own pseudonyms: here they are those that the analyst knows.
        """
        least = max([own.least_agencies for own in terms.rule if own.name == rule], default=0)
        for name, (agencies, probability) in self.people.items():
            if agencies < least:
                raise PolicyError(
                    f"{name[:8]} is known to fewer agencies than the {least} of the rule {rule!r}; "
                    "leave them out."
                )
            if probability < terms.least_probability:
                raise PolicyError(
                    f"{name[:8]} is linked with the probability {probability:.2f}, and "
                    f"disclosure.least_probability is {terms.least_probability:g}; leave them out."
                )


def read_chosen_people(cohort: Path, people: Path) -> Chosen:
    """Return the people whom a table with the column ``person`` names.

    Raises `InputError` for what is no cohort's folder, and for people who aren't in it.
    """
    identifier = _identifier(cohort)
    table = open_extract(file_source(people))
    if _PERSON not in table.header:
        raise InputError(f"{people.name} needs a column {_PERSON} with pseudonyms of the cohort.")
    place = table.header.index(_PERSON)
    named = [cell.strip() for piece in table.pieces for cell in piece.columns[place].to_pylist()]
    known = _people(cohort)
    if strange := sum(name not in known for name in named):
        raise InputError(
            f"{strange:,} of {len(named):,} people in {people.name} aren't in the cohort in "
            f"{cohort}; choose them from its {table_file('people')}."
        )
    return Chosen(identifier, {name: known[name] for name in named})


def _identifier(cohort: Path) -> str:
    try:
        found = json.loads(read_text(cohort / COHORT_FILE))
        if found["format"] == FORMAT:
            return str(found["id"])
    except (KeyError, TypeError, ValueError, NotADirectoryError, FileNotFoundError):
        pass
    raise _no_cohort(cohort)


def _people(cohort: Path) -> dict[str, tuple[int, float]]:
    columns = [_PERSON, "agencies", "probability"]
    try:
        table = pq.read_table(cohort / table_file("people"), columns=columns).to_pydict()
    except (OSError, pa.ArrowException, ValueError):
        raise _no_cohort(cohort) from None
    pairs = zip(table["agencies"], table["probability"], strict=True)
    return dict(zip(table[_PERSON], pairs, strict=True))


def _no_cohort(cohort: Path) -> InputError:
    return InputError(
        f"{cohort} is no folder of 'agency-client cohort pull'; give the folder that it has made."
    )
