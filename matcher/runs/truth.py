"""Reading the known truth and joining it to tokens: the only place where tokens meet real ids.

For evaluation sets and rehearsals, whose private maps may be pooled; in service nobody holds
the maps of two agencies.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from linkage.errors import InputError
from matcher.runs.tables import read_parquet

TRUTH_COLUMNS = ["agency", "record_id", "entity_id"]
MAP_COLUMNS = ["record_token", "record_id"]
MOST_SUBGROUPS = 50
"""More values than this in an extra column of the truth are ids or dates, not subgroups."""


@dataclass(frozen=True)
class Truth:
    """Who every record really is.

    ``records`` has a row per known record, encoded or not: agency, record_id, entity_id, and the
    columns that ``subgroups`` names. ``tokens`` are the (agency, token) of the encoded records and
    ``rows`` int64 (tokens,) their rows. ``matches`` counts the pairs of records of one person for
    each pair of agencies that was linked, an agency and itself among them; ``matches_as_left``
    int64 (records,) those in which a record is the left one: that of the agency first by name, or
    within one agency the one that the truth names first.
    """

    records: pd.DataFrame
    subgroups: tuple[str, ...]
    tokens: pd.MultiIndex
    rows: NDArray[np.int64]
    matches: dict[tuple[str, str], int]
    matches_as_left: NDArray[np.int64]

    def rows_of(self, agencies: pd.Series[str], tokens: pd.Series[str]) -> NDArray[np.int64]:
        """Return the row of each record; raises `InputError` for one that no map lists."""
        at = self.tokens.get_indexer(pd.MultiIndex.from_arrays([agencies, tokens]))
        if (at < 0).any():
            agency = agencies.to_numpy()[at < 0][0]
            raise InputError(
                f"The run links records of {agency!r} that its map does not list; "
                "give the map that was written with the encodings of this run."
            )
        return self.rows[at]


def read_truth(path: Path, maps: dict[str, Path], linked: list[tuple[str, str]]) -> Truth:
    """Read the truth and join it to the tokens of every agency's map.

    ``linked`` are the pairs of agencies between whose records matches count.
    Raises `InputError` with the file, and where one is to blame the row and the column, for what
    can't be used.
    """
    table = _read_truth_csv(path)
    agencies = sorted(maps)
    for agency in agencies:
        if not (table["agency"] == agency).any():
            raise InputError(f"{path} knows no record of the agency {agency!r}; check its names.")
    table = table[table["agency"].isin(agencies)].reset_index(drop=True)
    ids = pd.MultiIndex.from_frame(table[["agency", "record_id"]])
    mapped = [_rows_of_map(path, ids, agency, maps[agency]) for agency in agencies]
    matches, matches_as_left = _count_matches(table, agencies, linked)
    return Truth(
        table,
        tuple(column for column in table.columns if column not in TRUTH_COLUMNS),
        pd.MultiIndex.from_frame(pd.concat([known for known, _ in mapped])),
        np.concatenate([rows for _, rows in mapped]),
        matches,
        matches_as_left,
    )


def _rows_of_map(
    path: Path, ids: pd.MultiIndex, agency: str, map_file: Path
) -> tuple[pd.DataFrame, NDArray[np.int64]]:
    """Return the agency and token of every record in a map, and its row in the truth."""
    listed = read_parquet(map_file, MAP_COLUMNS)
    repeated = listed["record_token"].duplicated()
    if repeated.any():
        raise InputError(
            f"{map_file}, row {_first(repeated) + 1}: this record_token stands here twice; "
            "give the map as 'agency-client encode' wrote it."
        )
    listed = listed.assign(agency=agency)
    rows = ids.get_indexer(pd.MultiIndex.from_frame(listed[["agency", "record_id"]]))
    unknown = int((rows < 0).sum())
    if unknown:
        raise InputError(
            f"{path} lacks {unknown} of the records that {map_file} lists for "
            f"{agency!r}; give the truth and the map of the same extract."
        )
    return listed[["agency", "record_token"]], np.asarray(rows, np.int64)


def _count_matches(
    table: pd.DataFrame, agencies: list[str], linked: list[tuple[str, str]]
) -> tuple[dict[tuple[str, str], int], NDArray[np.int64]]:
    """Return the matches of each pair of agencies, and of each record as the left one."""
    entity, people = pd.factorize(table["entity_id"])
    agency = np.searchsorted(agencies, table["agency"].to_numpy(str))
    held = np.zeros((len(people), len(agencies)), np.int64)
    np.add.at(held, (entity, agency), 1)
    nth = table.groupby(["entity_id", "agency"]).cumcount().to_numpy()
    as_left = np.zeros(len(table), np.int64)
    matches = {}
    for pair in linked:
        a, b = (agencies.index(name) for name in pair)
        own = agency == a
        later = held[entity[own], b] - (nth[own] + 1 if a == b else 0)
        as_left[own] += later
        matches[pair] = int(later.sum())
    return matches, as_left


def _read_truth_csv(path: Path) -> pd.DataFrame:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            lines = csv.reader(file, strict=True)
            header = _checked_header(path, next(lines, []))
            numbered = list(_whole_rows(path, header, lines))
    except (UnicodeDecodeError, csv.Error):
        raise InputError(
            f"{path} is not a CSV file in UTF-8 with a header; save it as 'CSV UTF-8'."
        ) from None
    rows = pd.Index([number for number, _ in numbered])
    table = pd.DataFrame([cells for _, cells in numbered], rows, header, dtype=str)
    _refuse_faulty_cells(path, table)
    return table


def _checked_header(path: Path, header: list[str]) -> list[str]:
    missing = [column for column in TRUTH_COLUMNS if column not in header]
    if missing:
        raise InputError(
            f"{path} lacks the column {missing[0]!r}; its header must be "
            f"{', '.join(TRUTH_COLUMNS)}, and a column for each kind of subgroup if you wish."
        )
    for position, column in enumerate(header, 1):
        if not column or column in header[: position - 1]:
            fault = f"repeats the name {column!r}" if column else "has no name"
            raise InputError(f"{path}, row 1: column {position} {fault}; rename or remove it.")
    return header


def _whole_rows(
    path: Path, header: list[str], lines: Iterator[list[str]]
) -> Iterator[tuple[int, list[str]]]:
    """Yield each row that isn't blank with its number; the header is row 1."""
    for number, cells in enumerate(lines, 2):
        if cells and len(cells) != len(header):
            raise InputError(
                f"{path}, row {number} has {len(cells)} cells and the header {len(header)}; "
                "look for a missing or surplus comma, or put quotes around a cell that holds one."
            )
        if cells:
            yield number, cells


def _refuse_faulty_cells(path: Path, table: pd.DataFrame) -> None:
    """Raise `InputError` for the first fault; the table's index are the numbers of its rows."""
    for column in TRUTH_COLUMNS:
        empty = table[column].str.strip() == ""
        if empty.any():
            raise InputError(
                f"{path}, row {table.index[_first(empty)]}: the column {column!r} is empty; "
                "fill it in or remove the row."
            )
    repeated = table.duplicated(["agency", "record_id"])
    if repeated.any():
        raise InputError(
            f"{path}, row {table.index[_first(repeated)]}: this agency and record_id stand here "
            "twice; remove one of the rows."
        )
    for column in table.columns.difference(TRUTH_COLUMNS):
        values = table[column].nunique()
        if values > MOST_SUBGROUPS:
            raise InputError(
                f"{path}: the column {column!r} has {values:,} different values and a subgroup "
                f"column may have {MOST_SUBGROUPS}; put its values into bands or remove it."
            )


def _first(faulty: pd.Series[bool]) -> int:
    return int(np.flatnonzero(faulty)[0])
