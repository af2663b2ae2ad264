"""Whether an Arrow IPC file is laid out as files of encodings are, before any library reads it.

A reader of Arrow trusts the lengths that a file says: a compressed buffer may claim any size, and
a message any body. So the footer and the head of every record batch are read here first, a few
hundred bytes each, and whatever encodings never have is refused: compression, dictionaries, more
rows than a batch holds, lengths beyond the file or beyond what so many rows take.

The format is Arrow's columnar format, sections "IPC File Format" and "Encapsulated message format"
(https://arrow.apache.org/docs/format/Columnar.html); the tables are flatbuffers.
"""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass
from typing import IO

from linkage.encodings import BATCH_ROWS, TOKEN_BYTES, GroupLayout
from linkage.flatbuffer import Table, read_number, root_table
from matcher.uploads.failures import UnfitError

_MAGIC = b"ARROW1"
_HEAD = _MAGIC + b"\0\0"
_TAIL_BYTES = 4 + len(_MAGIC)
_CONTINUATION = 0xFFFFFFFF
_RECORD_BATCH = 3
_MOST_FOOTER = 4 * 2**20
_MOST_MESSAGE = 2**16
# Each of an agency's buckets of rows may end in a short batch; a file is never all short ones.
_FEW_BATCHES = 1024
_BYTES_A_BATCH = 2**16


@dataclass(frozen=True)
class _Block:
    """Where a record batch lies in the file, in bytes."""

    offset: int
    message: int
    body: int


def require_layout(file: IO[bytes], groups: tuple[GroupLayout, ...], name: str) -> None:
    """Raise `UnfitError` unless the file can only be read as batches of encodings.

    ``groups`` are the agreement's. Afterwards reading any batch takes no more memory than its rows
    do. The file's contents aren't verified here.
    """
    try:
        blocks, end = _read_footer(file)
        _require_apart(blocks, end, groups)
        for block in blocks:
            _require_plain(_read_message(file, block), block, groups)
    except (struct.error, ValueError) as error:
        raise UnfitError(
            "compressed",
            f"{name} is not laid out as files of encodings are (truncated, compressed, or of "
            "another kind); encode the extract again and push that.",
        ) from error


def most_body(groups: tuple[GroupLayout, ...], rows: int) -> int:
    """Return the most bytes that the columns of so many rows take, validity and padding too."""
    values = TOKEN_BYTES + sum(group.length // 8 for group in groups)
    columns = 1 + len(groups)
    return rows * values + columns * (rows // 8 + 1 + 2 * 64)


def _read_footer(file: IO[bytes]) -> tuple[list[_Block], int]:
    """Return where the record batches lie, and where the footer begins."""
    size = file.seek(0, os.SEEK_END)
    tail = _at(file, max(0, size - _TAIL_BYTES), _TAIL_BYTES)
    if _at(file, 0, len(_HEAD)) != _HEAD or tail[4:] != _MAGIC:
        raise ValueError("no Arrow file")
    length = read_number(tail, "<i", 0)
    start = size - _TAIL_BYTES - length
    if not 0 < length <= _MOST_FOOTER or start < len(_HEAD):
        raise ValueError("the footer has another length")
    data = _at(file, start, length)
    footer = root_table(data)
    if footer.structs(2, "<qi4xq"):
        raise ValueError("it has dictionaries")
    return [_Block(*found) for found in footer.structs(3, "<qi4xq")], start


def _require_apart(blocks: list[_Block], end: int, groups: tuple[GroupLayout, ...]) -> None:
    """Require that the batches lie one after another, each no larger than a batch can be."""
    if not 1 <= len(blocks) <= _FEW_BATCHES + end // _BYTES_A_BATCH:
        raise ValueError("it has too few or too many batches")
    free, largest = len(_HEAD), most_body(groups, BATCH_ROWS)
    for block in blocks:
        if block.offset < free or not 8 < block.message <= _MOST_MESSAGE:
            raise ValueError("a batch lies elsewhere")
        if not 0 <= block.body <= largest:
            raise ValueError("a batch is too large")
        free = block.offset + block.message + block.body
    if free > end:
        raise ValueError("a batch goes beyond the footer")


def _read_message(file: IO[bytes], block: _Block) -> Table:
    data = _at(file, block.offset, block.message)
    if (
        read_number(data, "<I", 0) != _CONTINUATION
        or read_number(data, "<i", 4) != block.message - 8
    ):
        raise ValueError("the message has another length")
    content = data[8:]
    return root_table(content)


def _require_plain(message: Table, block: _Block, groups: tuple[GroupLayout, ...]) -> None:
    """Require that a message is a record batch of plain columns within its body."""
    if message.number(1, "<B") != _RECORD_BATCH or message.number(3, "<q") != block.body:
        raise ValueError("it is no record batch of that size")
    batch = message.table(2)
    rows, columns = batch.number(0, "<q"), 1 + len(groups)
    if not 0 <= rows <= BATCH_ROWS or block.body > most_body(groups, rows):
        raise ValueError("it has too many rows or too few for its size")
    if batch.has(3) or batch.has(4):
        raise ValueError("it is compressed or of variable length")
    nodes, buffers = batch.structs(1, "<qq"), batch.structs(2, "<qq")
    if len(buffers) != 2 * columns or [length for length, _ in nodes] != [rows] * columns:
        raise ValueError("it has other columns")
    for offset, length in buffers:
        if offset < 0 or length < 0 or offset + length > block.body:
            raise ValueError("a column goes beyond the body")


def _at(file: IO[bytes], offset: int, length: int) -> bytes:
    file.seek(offset)
    return file.read(length)
