"""Parquet files, row group by row group."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from agency_client.reading.pieces import (
    PIECE_ROWS,
    OpenExtract,
    Piece,
    clean_header,
    text_of,
    with_records,
)
from linkage.errors import InputError

_UNREADABLE = (pa.ArrowException, OSError)


def open_parquet(path: Path) -> OpenExtract:
    """Open a Parquet file; row 2 is its first record, as if it had been saved as CSV.

    Raises `InputError` for a file that isn't whole or is encrypted, and for a column of lists,
    structures or bytes.
    """
    source = path.open("rb")
    try:
        file = pq.ParquetFile(source)
    except _UNREADABLE:
        source.close()
        raise _not_readable(path.name) from None
    header = clean_header(file.schema_arrow.names, path.name)
    return OpenExtract(path.name, header, with_records(_pieces(file, path.name), path.name))


def _not_readable(name: str) -> InputError:
    return InputError(
        f"{name} is not a Parquet file that can be read (damaged, encrypted, or of another kind); "
        "export it again."
    )


def _pieces(file: Any, name: str) -> Iterator[Piece]:
    start = 2
    with file:
        batches = file.iter_batches(batch_size=PIECE_ROWS)
        while True:
            try:
                batch = next(batches, None)
            except _UNREADABLE:
                raise _not_readable(name) from None
            if batch is None:
                return
            columns = tuple(
                _as_text(batch.column(i), batch.schema.names[i], name)
                for i in range(batch.num_columns)
            )
            yield from _without_blank(columns, start, batch.num_rows)
            start += batch.num_rows


def _without_blank(columns: tuple[Any, ...], start: int, rows: int) -> Iterator[Piece]:
    numbers = np.arange(start, start + rows, dtype=np.int64)
    filled = np.zeros(rows, np.bool_)
    for column in columns:
        filled |= np.asarray(pc.not_equal(column, ""))
    if not filled.all():
        columns = tuple(column.filter(pa.array(filled)) for column in columns)
    yield Piece(columns, numbers[filled])


def _as_text(column: Any, heading: str, name: str) -> Any:
    """Return a column as strings; null becomes ''."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        column = column.dictionary_decode()
        kind = column.type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_integer(kind):
        return pc.fill_null(column.cast(pa.string()), "")
    texts = [text_of(value) for value in column.to_pylist()]
    if None in texts:
        raise InputError(
            f"{name} has a column {heading!r} of the type {kind}, which can't be written as text; "
            "export it without this column."
        )
    return pa.array(texts, pa.string())
