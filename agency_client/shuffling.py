"""Encoded rows put into a random order, however many there are.

Every row goes to one of the buckets by its token, which is random, and each bucket is shuffled
when it is read back: together that is a uniformly random order, and rows under one token meet in
one bucket. Few rows are held in memory as a single bucket; of many, the buckets are files without a
name beside the outputs, which the system removes however the process ends.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Self

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from hashing.tokens import random_order
from linkage.encodings import TOKEN_BYTES

BUCKETS = 64
HELD_ROWS = 262_144
_CHUNK_ROWS = 65_536


@dataclass(frozen=True, repr=False)
class Rows:
    """Encoded rows as `linkage.encodings.Encodings` has them, and their record ids.

    ``record_ids`` is an Arrow array of strings.
    """

    tokens: NDArray[np.uint8]
    bits: NDArray[np.uint64]
    present: NDArray[np.bool_]
    record_ids: Any

    def __len__(self) -> int:
        return len(self.tokens)

    def take(self, order: NDArray[np.intp]) -> Rows:
        """Return the rows of these indices."""
        ids = self.record_ids.take(pa.array(order))
        return Rows(self.tokens[order], self.bits[order], self.present[order], ids)


class Shuffler:
    """Takes rows in any order and gives them back in a random one."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._held: list[Rows] = []
        self._files: list[IO[bytes]] = []
        self._writers: list[Any] = []
        self._open = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def add(self, rows: Rows) -> None:
        """Take rows over."""
        self._held.append(rows)
        if self._files or sum(map(len, self._held)) > HELD_ROWS:
            self._spill()

    def shuffled(self) -> Iterator[Rows]:
        """Yield all rows in a random order, once; those under one token come together in a piece.

        A piece is a whole bucket.
        """
        if not self._files:
            if self._held:
                held, self._held = _joined(self._held), []
                yield held.take(random_order(len(held)))
            return
        for writer in self._writers:
            writer.close()
        for file in self._files:
            file.seek(0)
            with pa.ipc.open_stream(file) as reader:
                table = reader.read_all()
            file.close()
            if table.num_rows:
                order = pa.array(random_order(table.num_rows))
                yield _from_arrow(table.combine_chunks().take(order))

    def _spill(self) -> None:
        """Move what is held into the buckets' files."""
        for rows in self._held:
            self._open_files(rows)
            bucket = rows.tokens[:, 0] % BUCKETS
            order = np.argsort(bucket, kind="stable")
            edges = np.searchsorted(bucket[order], np.arange(BUCKETS + 1))
            batch = _to_arrow(rows.take(order))
            for place, writer in enumerate(self._writers):
                start, end = int(edges[place]), int(edges[place + 1])
                if end > start:
                    writer.write_batch(batch.slice(start, end - start))
        self._held = []

    def _open_files(self, rows: Rows) -> None:
        if self._files:
            return
        schema = _schema(rows)
        for _ in range(BUCKETS):
            file = self._open.enter_context(
                tempfile.TemporaryFile(dir=self._folder)  # noqa: SIM115 - the stack closes it
            )
            self._files.append(file)
            self._writers.append(pa.ipc.new_stream(file, schema))


def chunks(rows: Rows) -> Iterator[Rows]:
    """Yield the rows in their order, a bounded number at a time."""
    for start in range(0, len(rows), _CHUNK_ROWS):
        part = slice(start, start + _CHUNK_ROWS)
        ids = rows.record_ids.slice(start, _CHUNK_ROWS)
        yield Rows(rows.tokens[part], rows.bits[part], rows.present[part], ids)


def _joined(parts: list[Rows]) -> Rows:
    return Rows(
        np.concatenate([part.tokens for part in parts]),
        np.concatenate([part.bits for part in parts]),
        np.concatenate([part.present for part in parts]),
        pa.concat_arrays([part.record_ids for part in parts]),
    )


def _schema(rows: Rows) -> Any:
    groups, words = rows.bits.shape[1:]
    metadata = {"groups": str(groups), "words": str(words)}
    return pa.schema(
        [
            ("token", pa.binary(TOKEN_BYTES)),
            ("bits", pa.binary(8 * groups * words)),
            ("present", pa.binary(groups)),
            ("record_id", pa.string()),
        ],
        metadata=metadata,
    )


def _to_arrow(rows: Rows) -> Any:
    schema, count = _schema(rows), len(rows)
    binary = [rows.tokens, rows.bits, rows.present]
    arrays = [
        pa.Array.from_buffers(field.type, count, [None, pa.py_buffer(np.ascontiguousarray(values))])
        for field, values in zip(schema, binary, strict=False)
    ]
    return pa.RecordBatch.from_arrays([*arrays, rows.record_ids], schema=schema)


def _from_arrow(table: Any) -> Rows:
    count = table.num_rows
    groups, words = (int(table.schema.metadata[name]) for name in (b"groups", b"words"))
    token, bits, present, ids = (table.column(i).combine_chunks() for i in range(4))
    return Rows(
        _content(token, np.uint8).reshape(count, TOKEN_BYTES),
        _content(bits, np.uint64).reshape(count, groups, words),
        _content(present, np.bool_).reshape(count, groups),
        ids,
    )


def _content(column: Any, dtype: Any) -> NDArray[Any]:
    width = column.type.byte_width
    octets = np.frombuffer(column.buffers()[1], np.uint8)
    return octets[column.offset * width : (column.offset + len(column)) * width].view(dtype)
