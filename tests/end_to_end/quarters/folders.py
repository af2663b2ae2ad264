"""What lies in the folders of those who played two quarters, by what it gives away of children."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from examples.safeguarding.column_maps import load_column_map
from examples.safeguarding.quarters.hotspots import hotspots
from examples.safeguarding.quarters.periods import FIRST, SECOND
from examples.safeguarding.quarters.playing import Played
from examples.safeguarding.quarters.stage import AGENCIES

Needles = dict[str, set[bytes]]
_BITS = 26


def rows_of(path: Path) -> list[dict[str, str]]:
    """Return the rows of a CSV file, with or without a byte order mark."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def needles_of(played: Played, agency: str) -> Needles:
    """Return what is an agency's own: the ids of its records, their tokens, and full postcodes."""
    ids, tokens, postcodes = set(), set(), set()
    columns = load_column_map(agency)
    for quarter in (FIRST, SECOND):
        for row in rows_of(played.stage.files / quarter.name / f"{agency}.csv"):
            ids.add(row[columns.record_id].encode())
            postcodes.add(row[columns.fields["postcode"]].encode())
        mapped = pq.read_table(played.stage.place(agency, quarter) / f"{agency}.map.parquet")
        for token in mapped["record_token"].to_pylist():
            tokens |= {token.encode(), bytes.fromhex(token)}
    return {
        "record ids": ids,
        "record tokens": tokens,
        "postcodes": {own for own in postcodes if len(own) > 5},
        "places": {own.name.encode() for kind in hotspots().values() for own in kind},
    }


def identities_of(played: Played, agency: str) -> tuple[set[str], set[str]]:
    """Return names of seven letters and more, and addresses, of an agency's children, lower case.

    A shorter name may well be a word of a page.
    """
    fields = load_column_map(agency).fields
    names, homes = set(), set()
    for row in rows_of(played.stage.files / SECOND.name / f"{agency}.csv"):
        names |= {row[fields[own]].lower() for own in ("given_name", "surname")}
        homes.add(row[fields["address"]].lower())
    return {own for own in names if len(own) >= 7}, {own for own in homes if len(own) >= 7}


def found_in(folder: Path, needles: Needles) -> set[str]:
    """Return which kinds of needles lie anywhere in a folder, whatever their case."""
    contents = b"\n".join(_contents(folder)).lower()
    beginnings = _beginnings(contents)
    return {
        kind
        for kind, own in needles.items()
        if any(needle in contents for needle in _begun(own, beginnings))
    }


def _beginnings(contents: bytes) -> NDArray[np.bool_]:
    """Return where in a table the four bytes fall with which something in there may begin."""
    table = np.zeros(2**_BITS, np.bool_)
    for shift in range(4):
        count = (len(contents) - shift) // 4
        if count > 0:
            table[_fall(np.frombuffer(contents, "<u4", count, shift))] = True
    return table


def _begun(needles: set[bytes], beginnings: NDArray[np.bool_]) -> Iterator[bytes]:
    """Yield the needles, in lower case, that may be there: to look for all of them takes long."""
    for needle in map(bytes.lower, needles):
        if beginnings[_fall(np.array([int.from_bytes(needle[:4], "little")], "<u4"))].all():
            yield needle


def _fall(four: NDArray[np.uint32]) -> NDArray[np.uint32]:
    return (four * np.uint32(2_654_435_761)) >> np.uint32(32 - _BITS)


def _contents(folder: Path) -> Iterator[bytes]:
    """Yield what files hold; of tables, which may be compressed, the text as well."""
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            yield path.read_bytes()
        if path.suffix == ".parquet":
            yield _text_of(pq.read_table(path)).encode()


def _text_of(table: pa.Table) -> str:
    return "\n".join(
        value.hex() if isinstance(value, bytes) else str(value)
        for column in table.columns
        for value in column.to_pylist()
    )


def agencies_but(name: str) -> list[str]:
    """Return the names of all agencies but one."""
    return [agency for agency in AGENCIES if agency != name]
