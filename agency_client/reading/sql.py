"""The rows of a database query, through SQLAlchemy, streamed where the driver can."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, CursorResult, Engine, create_engine, make_url
from sqlalchemy.exc import SQLAlchemyError

from agency_client.reading.pieces import (
    PIECE_ROWS,
    OpenExtract,
    Piece,
    clean_header,
    piece_of_rows,
    text_of,
    with_records,
)
from linkage.errors import InputError, PolicyError


def open_query(query: Path, database: Path) -> OpenExtract:
    """Run the SQL in ``query`` on the database whose URL is in the file ``database``.

    The header is row 1 and the first record row 2. Raises `InputError` for a URL, a driver or a
    query that doesn't work, and `PolicyError` where others may read a URL with a password.
    """
    statement = query.read_text(encoding="utf-8-sig").strip().removesuffix(";")
    if not statement:
        raise InputError(f"{query.name} is empty; write one SELECT statement into it.")
    engine = _engine(database)
    name = query.name
    try:
        connection = engine.connect().execution_options(
            stream_results=True, max_row_buffer=PIECE_ROWS
        )
    except SQLAlchemyError as error:
        raise InputError(
            f"The database of {database.name} can't be reached ({_reason(error)}); check the URL "
            "and the network."
        ) from None
    try:
        result = connection.exec_driver_sql(statement)
        header = _header(result, name)
    except SQLAlchemyError as error:
        connection.close()
        raise InputError(
            f"The query in {name} failed ({_reason(error)}); try it in the database's own client."
        ) from None
    except InputError:
        connection.close()
        raise
    return OpenExtract(name, header, with_records(_pieces(connection, result, name), name))


def _header(result: CursorResult[Any], name: str) -> tuple[str, ...]:
    if not result.returns_rows:
        raise InputError(f"The query in {name} returns no table; write one SELECT statement.")
    return clean_header(map(str, result.keys()), name)


def _engine(database: Path) -> Engine:
    with database.open("rb") as source:
        mode = os.fstat(source.fileno()).st_mode
        text = source.read().decode("utf-8-sig", errors="replace").strip()
    try:
        url = make_url(text)
        _refuse_shared(mode, database, has_password=url.password is not None)
        return create_engine(url, hide_parameters=True)
    except ModuleNotFoundError as error:
        raise InputError(
            f"The database of {database.name} needs the Python package {error.name!r}; install it "
            "beside agency-client."
        ) from None
    except SQLAlchemyError:
        # Its message would show the URL, and with it the password.
        raise InputError(
            f"{database.name} holds no usable database URL; write one such as "
            "'postgresql+psycopg://user:password@host/database' as its only line."
        ) from None


def _refuse_shared(mode: int, path: Path, *, has_password: bool) -> None:
    if has_password and os.name == "posix" and stat.S_ISREG(mode) and mode & 0o077:
        raise PolicyError(
            f"The password in {path} can be read by others than its owner; run 'chmod 600 {path}'."
        )


def _pieces(
    connection: Connection, result: CursorResult[tuple[object, ...]], name: str
) -> Iterator[Piece]:
    start = 2
    try:
        for rows in result.partitions(PIECE_ROWS):
            cells = [_texts(row, number, name) for number, row in enumerate(rows, start)]
            numbers = [number for number, row in enumerate(cells, start) if any(row)]
            filled = [row for row in cells if any(row)]
            if filled:
                yield piece_of_rows(filled, numbers)
            start += len(cells)
    except SQLAlchemyError as error:
        raise InputError(
            f"The query in {name} broke off ({_reason(error)}); run it again."
        ) from None
    finally:
        connection.close()
        connection.engine.dispose()


def _texts(row: Iterable[Any], number: int, name: str) -> list[str]:
    texts = [text_of(value) for value in row]
    if None in texts:
        raise InputError(
            f"{name}, row {number}, column {texts.index(None) + 1}, can't be written as text; cast "
            "it in the query."
        )
    return [text or "" for text in texts]


def _reason(error: Exception) -> str:
    """Return the first line of the driver's own message: SQLAlchemy's repeats the statement."""
    own = getattr(error, "orig", None) or error
    lines = str(own).strip().splitlines()
    return lines[0].rstrip(".") if lines else type(own).__name__
