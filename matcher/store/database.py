"""Connections to the database, and transactions that read or write.

SQLite: write-ahead log, foreign keys on, every commit on disk before it returns, a writer takes
the lock when it begins (``BEGIN IMMEDIATE``), so that it never fails halfway because of another.
PostgreSQL: writers are ``READ COMMITTED``, and who must be alone takes a lock, for which nobody
waits for ever.

Whoever reads sees the state of one moment, whatever others commit meanwhile.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import Any
from urllib.parse import quote

from sqlalchemy import Connection, Engine, QueuePool, create_engine, event
from sqlalchemy.engine import URL
from sqlalchemy.exc import (
    DataError,
    DBAPIError,
    IntegrityError,
    NotSupportedError,
    ProgrammingError,
)
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from matcher.store.failures import DatabaseError

BUSY_SECONDS = 30
"""How long a writer waits for another before it gives up."""
LOCK_MS = 30_000
"""How long a statement waits for a lock of PostgreSQL's."""
IDLE_MS = 60_000
"""How long a transaction of PostgreSQL's may do nothing: one that is frozen would stop the others.
"""
# A server that has vanished without a word is noticed within a minute.
_PATIENCE = {
    "connect_timeout": "10",
    "keepalives": "1",
    "keepalives_idle": "30",
    "keepalives_interval": "10",
    "keepalives_count": "3",
}
# One for each of the 40 threads that requests are answered in, and for those that work beside them.
_POOL: dict[str, Any] = {"pool_size": 8, "max_overflow": 40, "pool_timeout": BUSY_SECONDS}
_WRITES = "concord_writes"


class Database:
    """A database that exists; nothing is opened before the first transaction."""

    def __init__(self, url: URL) -> None:
        self._url = url
        self._engine = _sqlite(url) if self.is_file else _postgresql(url)
        self._writes = Lock()

    def __repr__(self) -> str:
        return f"Database({self._engine.dialect.name})"

    @property
    def is_file(self) -> bool:
        """Whether it is a file of SQLite's."""
        return self._url.get_backend_name() == "sqlite"

    @property
    def path(self) -> Path:
        """The file; only for SQLite."""
        assert self._url.database is not None
        return Path(self._url.database)

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Open a transaction that sees one state throughout; what it writes is rolled back."""
        with self._in_words(), self._engine.connect() as connection:
            yield connection.execution_options(**self._one_moment)

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Open a transaction that is committed at the end, or rolled back on any exception."""
        with self._in_words(), self._turn(), self._engine.connect() as connection:
            writer = connection.execution_options(**{_WRITES: True})
            with writer.begin():
                yield writer

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """Let the threads of this process write to a file one after another.

        SQLite lets whoever is refused the lock sleep and try again, so that one of many could wait
        for long while others pass. Between processes it still does.
        """
        if not self.is_file:
            yield
            return
        if not self._writes.acquire(timeout=BUSY_SECONDS):
            raise DatabaseError("The database is busy with other changes; try again.")
        try:
            yield
        finally:
            self._writes.release()

    @property
    def _one_moment(self) -> dict[str, Any]:
        """Options of a reader's transaction; SQLite's write-ahead log needs none."""
        return {} if self.is_file else {"isolation_level": "REPEATABLE READ"}

    @contextmanager
    def _in_words(self) -> Iterator[None]:
        try:
            if self.is_file and not self.path.exists():
                raise DatabaseError(
                    f"There is no database {self.path} yet; make it with 'matcher migrate'."
                )
            yield
        except (DataError, IntegrityError, NotSupportedError, ProgrammingError):
            raise  # faults of the caller's, not of the database
        except PoolTimeoutError:
            raise DatabaseError(
                "The database is busy: all of the matcher's connections are in use; try again."
            ) from None
        except DBAPIError as error:
            raise DatabaseError(_sentence(error)) from None


def _sentence(error: DBAPIError) -> str:
    """Return the reason alone: statements and their values stay out of sight."""
    reason = (str(error.orig).strip().splitlines() or [""])[0].rstrip(".")
    return (
        f"The database can't be used ({reason or type(error.orig).__name__}); if it was lost "
        "while a change was being stored, look whether the change is there before you repeat it."
    )


def _postgresql(url: URL) -> Engine:
    settings = _PATIENCE | {name: str(value) for name, value in url.query.items()}
    limits = f"-c lock_timeout={LOCK_MS} -c idle_in_transaction_session_timeout={IDLE_MS}"
    settings["options"] = f"{limits} {settings.get('options', '')}".rstrip()
    return create_engine(
        url, hide_parameters=True, pool_pre_ping=True, connect_args=settings, **_POOL
    )


def _sqlite(url: URL) -> Engine:
    # 'rw' and not 'rwc': a mistyped path must not become an empty database.
    place = f"file:{quote(str(url.database))}?mode=rw"
    engine = create_engine(
        "sqlite://",
        creator=lambda: sqlite3.connect(
            place,
            uri=True,
            timeout=BUSY_SECONDS,
            isolation_level=None,  # transactions begin below, not in the driver
            check_same_thread=False,  # a pool hands connections to one thread at a time
        ),
        hide_parameters=True,
        poolclass=QueuePool,
        **_POOL,
    )
    event.listen(engine, "connect", _prepare)
    event.listen(engine, "begin", _begin)
    return engine


def _prepare(connection: sqlite3.Connection, _record: object) -> None:
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")


def _begin(connection: Connection) -> None:
    writes = connection.get_execution_options().get(_WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN DEFERRED")
