"""The one person who is looked up: read from a file or a pipe, encoded, and forgotten."""

from __future__ import annotations

import csv
import io
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import numpy as np
import pyarrow as pa

from agency_client.columns import ColumnMap, resolve_columns
from agency_client.keystore.vault import StoredSecret
from agency_client.reading.pieces import OpenExtract, Piece, pieces_of_rows, with_records
from agency_client.reading.source import file_source, open_extract
from hashing.encoder import EncodedRows, Encoder
from linkage.errors import InputError
from linkage.protocol.lookups.record import SALT_BYTES, EncodedPerson, person_bytes
from linkage.protocol.scheme import Scheme

_MOST_TYPED = 1 << 20


def open_person(path: Path) -> OpenExtract:
    """Open the table that holds the person; raises `InputError`."""
    return open_extract(file_source(path))


def typed_person(stream: IO[bytes]) -> OpenExtract:
    """Read the table from a pipe: CSV in UTF-8, a line of headings and one of values."""
    name = "standard input"
    content = stream.read(_MOST_TYPED)
    try:
        lines = list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline="")))
    except (UnicodeDecodeError, csv.Error):
        raise InputError(f"{name} isn't CSV in UTF-8; give the person in a file.") from None
    if not lines or any(len(line) not in (0, len(lines[0])) for line in lines):
        raise InputError(f"{name} isn't a line of headings and one of as many values.")
    rows = [(number, line) for number, line in enumerate(lines[1:], start=2) if line]
    return OpenExtract(name, tuple(lines[0]), with_records(pieces_of_rows(rows), name))


def encode_person(
    table: OpenExtract, columns: ColumnMap, scheme: Scheme, secret: StoredSecret
) -> bytes:
    """Return the encoding of the one person in a table, under a salt of its own.

    Raises `InputError` unless there is exactly one, with columns for the scheme's fields and
    values that can be encoded.
    """
    numbered = _with_ids(table, columns)
    places = resolve_columns(numbered, list(scheme.fields), columns)
    pieces = list(numbered.pieces)
    if sum(map(len, pieces)) != 1:
        raise InputError(
            f"{table.name} has {sum(map(len, pieces)):,} records; a lookup is about one person: "
            "leave one row."
        )
    cells = {
        field: pa.array([""]) if at is None else pieces[0].columns[at]
        for field, at in places.fields.items()
    }
    with secret.lent() as lent, Encoder(scheme, lent) as encoder:
        encoded = _encoded(encoder, cells, table.name)
    return person_bytes(scheme, _person(encoded, scheme), secrets.token_bytes(SALT_BYTES))


def _encoded(encoder: Encoder, cells: dict[str, Any], name: str) -> EncodedRows:
    rows = encoder.standardise(cells)
    if refused := rows.refused():
        faults = ", ".join(f"{cell.field} is {cell.reason}" for cell in refused)
        raise InputError(f"In {name} {faults}; mend it, or leave it empty.")
    encoded = encoder.encode_piece(rows)
    if not encoded.present.any():
        raise InputError(
            f"{name} says too little of the person: no two parts that are compared together are "
            "there; add the date of birth, the name or the address."
        )
    return encoded


def _person(encoded: EncodedRows, scheme: Scheme) -> EncodedPerson:
    words = np.ascontiguousarray(encoded.bits[0]).astype("<u8")
    groups = tuple(
        words[at].tobytes()[: group.length // 8] for at, group in enumerate(scheme.group)
    )
    return EncodedPerson(tuple(bool(own) for own in encoded.present[0]), groups)


def _with_ids(table: OpenExtract, columns: ColumnMap) -> OpenExtract:
    """Return the table with a column of record ids, which one person needn't have."""
    if columns.record_id in table.header:
        return table
    pieces = (_numbered(piece) for piece in table.pieces)
    return OpenExtract(table.name, (*table.header, columns.record_id), pieces, table.warnings)


def _numbered(piece: Piece) -> Piece:
    ids = pa.array([str(number) for number in piece.row_numbers], pa.string())
    return Piece((*piece.columns, ids), piece.row_numbers)


def fields_of_records(
    table: OpenExtract, columns: ColumnMap, scheme: Scheme, fields: tuple[str, ...], ids: set[str]
) -> dict[str, list[dict[str, str]]]:
    """Return, by record id, the fields as they stand in an extract: one table for each row.

    Raises `InputError` where a record isn't in the extract.
    """
    places = resolve_columns(table, list(scheme.fields), columns)
    found: dict[str, list[dict[str, str]]] = {}
    for own, row in _rows(table, places.record_id):
        if own in ids:
            values = {name: at for name in fields if (at := places.fields.get(name)) is not None}
            found.setdefault(own, []).append({name: row[at] for name, at in values.items()})
    if len(found) < len(ids):
        raise InputError(
            f"{table.name} lacks {len(ids) - len(found)} of the {len(ids)} records that match; "
            "give the extract that was encoded."
        )
    return found


def _rows(table: OpenExtract, record_id: int) -> Iterator[tuple[str, list[str]]]:
    for piece in table.pieces:
        cells = [column.to_pylist() for column in piece.columns]
        for row in zip(*cells, strict=True):
            yield row[record_id].strip(), list(row)
