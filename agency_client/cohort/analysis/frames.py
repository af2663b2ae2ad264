"""A cohort's directory, read and checked: its tables as pandas frames."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from agency_client.cohort.analysis.description import Description, parse_description
from agency_client.cohort.tables import COHORT_FILE, TABLES, schema_of, table_file
from agency_client.textfiles import read_text
from linkage.errors import InputError, VerificationError


@dataclass(frozen=True, repr=False)
class Frames:
    """The tables of a cohort with its description; see `agency_client.cohort.tables`."""

    folder: Path
    description: Description
    people: pd.DataFrame
    memberships: pd.DataFrame
    events: pd.DataFrame
    associations: pd.DataFrame
    coverage: pd.DataFrame
    households: pd.DataFrame

    @property
    def attributes(self) -> list[str]:
        """The names of the attributes that agencies gave of people."""
        own = set(schema_of("people", None).names)
        return [name for name in self.people.columns if name not in own]


def read_frames(folder: Path) -> Frames:
    """Read a cohort as it was pulled.

    Raise `InputError` where something isn't there or isn't a cohort's, `VerificationError` where a
    file isn't the one that was pulled.
    """
    if not (folder / COHORT_FILE).is_file():
        raise InputError(
            f"{folder} has no {COHORT_FILE}, so it is no cohort; name the folder that "
            "'agency-client cohort pull' wrote."
        )
    description = parse_description(read_text(folder / COHORT_FILE))
    tables = {table: _read_table(folder, table, description) for table in TABLES}
    return Frames(folder=folder, description=description, **tables)


def _read_table(folder: Path, table: str, description: Description) -> pd.DataFrame:
    name = table_file(table)
    try:
        content = (folder / name).read_bytes()
    except FileNotFoundError:
        raise InputError(f"The cohort has no {name}; pull it again.") from None
    if hashlib.sha256(content).hexdigest() != description.digests.get(name):
        raise VerificationError(
            f"{name} isn't the file that was pulled: its digest isn't the one in {COHORT_FILE}; "
            "keep what you make outside the cohort's folder, and pull it again."
        )
    found = pq.read_table(pa.BufferReader(content))
    if missing := sorted(set(schema_of(table, None).names) - set(found.column_names)):
        raise InputError(f"{name} has no column {', '.join(missing)}; pull the cohort again.")
    frame: pd.DataFrame = found.to_pandas(date_as_object=False)
    return frame
