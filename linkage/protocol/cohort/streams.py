"""Arrow IPC streams of one exact schema, written plainly and read strictly.

A reader of Arrow trusts the lengths that a stream says, and a compressed buffer may claim any size.
So the head of every message is read first, and whatever these streams never have is refused:
compression, dictionaries, lengths beyond the stream, bytes after its end.

The format is Arrow's columnar format, section "IPC Streaming Format"
(https://arrow.apache.org/docs/format/Columnar.html).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any

import pyarrow as pa

from linkage.errors import VerificationError
from linkage.flatbuffer import Table, read_number, root_table

BATCH_ROWS = 65_536
_CONTINUATION = 0xFFFFFFFF
_SCHEMA, _RECORD_BATCH = 1, 3
_MOST_HEAD = 2**20


def stream_bytes(table: Any, schema: Any) -> bytes:
    """Return a table as an Arrow stream of that schema, uncompressed."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, schema) as writer:
        for batch in table.cast(schema).combine_chunks().to_batches(BATCH_ROWS):
            writer.write_batch(batch)
    return bytes(sink.getvalue())


def read_stream(content: memoryview | bytes, schema: Any, source: str) -> Any:
    """Return the table of a stream that has exactly this schema; raises `VerificationError`."""
    try:
        _require_plain(memoryview(content))
        # A part of a larger whole begins anywhere, and Arrow wants its numbers at even addresses.
        with pa.ipc.open_stream(pa.py_buffer(bytes(content))) as reader:
            if not reader.schema.equals(schema, check_metadata=True):
                raise VerificationError(
                    f"{source} has other columns than it should have; check that both sides have "
                    "the same release and the same version of the agreement."
                )
            table = reader.read_all()
        table.validate(full=True)
        _require_filled(table)
    except (pa.ArrowException, struct.error, ValueError, OSError):
        raise VerificationError(
            f"{source} is no plain Arrow stream (cut short, compressed, or of another kind); ask "
            "for it again."
        ) from None
    return table


def _require_plain(content: memoryview) -> None:
    """Raise unless the stream is a schema, record batches of plain columns, and an end."""
    for number, (head, body) in enumerate(_messages(content)):
        kind = head.number(1, "<B")
        if kind != (_RECORD_BATCH if number else _SCHEMA):
            raise ValueError("a message is of another kind")
        if kind == _RECORD_BATCH:
            _require_plain_batch(head.table(2), body)


def _messages(content: memoryview) -> Iterator[tuple[Table, int]]:
    """Yield the head of each message and the length of its body; the end is the stream's."""
    at = 0
    while True:
        head = bytes(content[at : at + 8])
        length = read_number(head, "<i", 4)
        if read_number(head, "<I", 0) != _CONTINUATION or not 0 <= length <= _MOST_HEAD:
            raise ValueError("a message has another head")
        at += 8 + length
        if at > len(content):
            raise ValueError("a message goes beyond the stream")
        if not length:
            break
        message = root_table(bytes(content[at - length : at]))
        body = message.number(3, "<q")
        if not 0 <= body <= len(content) - at:
            raise ValueError("a body goes beyond the stream")
        at += body
        yield message, body
    if at != len(content):
        raise ValueError("there are bytes after the end")


def _require_plain_batch(batch: Table, body: int) -> None:
    if batch.has(3) or batch.has(4):
        raise ValueError("it is compressed or of variable columns")
    if not 0 <= batch.number(0, "<q") <= BATCH_ROWS:
        raise ValueError("a batch has too many rows")
    for offset, length in batch.structs(2, "<qq"):
        if offset < 0 or length < 0 or offset + length > body:
            raise ValueError("a column goes beyond its body")


def _require_filled(table: Any) -> None:
    """Raise unless the columns that have no nulls have none, which Arrow doesn't look at."""
    for field, column in zip(table.schema, table.columns, strict=True):
        if not field.nullable and column.null_count:
            raise ValueError("a column has nulls")
