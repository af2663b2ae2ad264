"""Reading a flatbuffer's tables, as Arrow's messages are made of, before any library believes them.

The format is that of FlatBuffers (https://flatbuffers.dev/internals): a table begins with the
distance to its list of fields, each of which says where in the table its value stands.
"""

from __future__ import annotations

import struct


class Table:
    """A flatbuffer's table; raises `struct.error` or `ValueError` beyond the buffer."""

    def __init__(self, data: bytes, at: int) -> None:
        self._data = data
        self._at = at
        self._fields = at - read_number(data, "<i", at)
        self._size = read_number(data, "<H", self._fields)

    def number(self, field: int, form: str) -> int:
        """Return a scalar, 0 if it is left out."""
        at = self._place(field)
        return 0 if at is None else read_number(self._data, form, at)

    def has(self, field: int) -> bool:
        """Return whether a field is there."""
        return self._place(field) is not None

    def table(self, field: int) -> Table:
        """Return the table that a field refers to."""
        at = self._place(field)
        if at is None:
            raise ValueError("a table is missing")
        return Table(self._data, at + read_number(self._data, "<I", at))

    def structs(self, field: int, form: str) -> list[tuple[int, ...]]:
        """Return a vector of structs, empty if it is left out."""
        at = self._place(field)
        if at is None:
            return []
        start = at + read_number(self._data, "<I", at)
        count, size = read_number(self._data, "<I", start), struct.calcsize(form)
        found = self._data[start + 4 : start + 4 + count * size]
        if len(found) != count * size:
            raise ValueError("a vector is longer than its buffer")
        return list(struct.iter_unpack(form, found))

    def _place(self, field: int) -> int | None:
        entry = 4 + 2 * field
        if entry + 2 > self._size:
            return None
        offset = read_number(self._data, "<H", self._fields + entry)
        return self._at + offset if offset else None


def root_table(data: bytes) -> Table:
    """Return the table that a flatbuffer begins with."""
    return Table(data, read_number(data, "<I", 0))


def read_number(data: bytes, form: str, at: int) -> int:
    """Return the number at a place; raises `struct.error` or `ValueError` beyond the buffer."""
    if at < 0:
        raise ValueError("an offset is negative")
    value: int = struct.unpack_from(form, data, at)[0]
    return value
