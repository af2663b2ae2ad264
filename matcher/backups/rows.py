"""Rows of tables as lines of JSON, alike for SQLite and PostgreSQL.

A line is an array of the row's values in the order of the table's columns: whole numbers, texts,
booleans, null, and bytes as base64 in an object, ``{"b": "AAEC"}``. The first line of a member
names the columns.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from sqlalchemy import Column, Connection, Table, insert, select, update

from linkage.errors import VerificationError
from linkage.protocol.canonical import decode_base64, encode_base64
from matcher.backups.failures import BackupError
from matcher.store.tables import metadata

CHUNK_BYTES = 1 << 20
"""A member ends with the row that takes it over this size."""
MOST_MEMBER = 1 << 26
"""A member is held in memory; none has more bytes."""
_BATCH = 500
_BYTES = "b"


def tables() -> list[Table]:
    """Return the tables in an order in which none needs rows of a later one."""
    return list(metadata.sorted_tables)


def read_rows(connection: Connection, table: Table) -> Iterator[bytes]:
    """Yield the rows of a table as members, in the order of its key; nothing for an empty one.

    Raises `VerificationError` if a column holds what isn't of its type, as SQLite lets it.
    """
    head = _line([column.name for column in table.columns])
    lines, size = [head], 0
    query = select(table).order_by(*table.primary_key.columns)
    with connection.execution_options(yield_per=_BATCH).execute(query) as rows:
        for row in rows:
            lines.append(_line([_written(v, c) for v, c in zip(row, table.columns, strict=True)]))
            size += len(lines[-1])
            if size >= CHUNK_BYTES:
                yield b"".join(lines)
                lines, size = [head], 0
    if len(lines) > 1:
        yield b"".join(lines)


def write_rows(connection: Connection, table: Table, members: Iterable[bytes]) -> None:
    """Insert the rows of members; raises `BackupError` for any that `read_rows` can't have made."""
    within = _within(table)
    later: list[dict[str, Any]] = []
    for member in members:
        rows = _parsed(table, member)
        for row in rows:
            # A row may name another of its own table that comes after it.
            for name in within:
                if row[name] is not None:
                    later.append({"_key": row[_key(table)], name: row[name]})
                    row[name] = None
        for start in range(0, len(rows), _BATCH):
            connection.execute(insert(table), rows[start : start + _BATCH])
    for named in later:
        key = table.c[_key(table)]
        connection.execute(update(table).where(key == named.pop("_key")).values(**named))


def _parsed(table: Table, member: bytes) -> list[dict[str, Any]]:
    lines = member.split(b"\n")
    names = [column.name for column in table.columns]
    if lines.pop() or json.dumps(names).encode() != lines[0]:
        raise BackupError(
            f"The backup's rows of {table.name} have other columns than this release's; restore "
            "it with the release that has made it."
        )
    try:
        return [_row(table, json.loads(line)) for line in lines[1:]]
    except (ValueError, VerificationError):
        raise BackupError(f"The backup's rows of {table.name} aren't rows of it.") from None


def _row(table: Table, values: list[Any]) -> dict[str, Any]:
    columns = zip(values, table.columns, strict=True)
    return {column.name: _read(value, column) for value, column in columns}


def _written(value: Any, column: Column[Any]) -> Any:
    if not _fits(value, column):
        raise VerificationError(
            f"The database holds a {type(value).__name__} in {column.table.name}.{column.name}, "
            "which no release has written there; it was altered: restore an earlier backup."
        )
    return {_BYTES: encode_base64(bytes(value))} if isinstance(value, bytes) else value


def _read(value: Any, column: Column[Any]) -> Any:
    if isinstance(value, dict):
        if set(value) != {_BYTES} or not isinstance(value[_BYTES], str):
            raise ValueError("an object that isn't bytes")
        value = decode_base64(value[_BYTES], "a row")
    if not _fits(value, column):
        raise ValueError("a value of another type")
    return value


def _fits(value: Any, column: Column[Any]) -> bool:
    if value is None:
        return bool(column.nullable)
    # bool is an int, and must not pass for one.
    return type(value) is column.type.python_type


def _line(values: list[Any]) -> bytes:
    return json.dumps(values).encode() + b"\n"


def _within(table: Table) -> list[str]:
    """Return the columns that name rows of the same table."""
    keys = (key for key in table.foreign_keys if key.column.table is table)
    return [key.parent.name for key in keys]


def _key(table: Table) -> str:
    (column,) = table.primary_key.columns
    return column.name
