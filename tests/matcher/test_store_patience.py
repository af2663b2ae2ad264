"""Nobody waits for ever: not for a lock, nor for a transaction that is frozen."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Iterator

import pytest
from sqlalchemy import Connection, text

from matcher.ledger.stored_log import StoredLog
from matcher.store import database as database_module
from matcher.store.database import Database
from matcher.store.failures import DatabaseError
from matcher.store.migrating import lock_alone
from tests.databases import Server, open_database

SETTINGS = ("lock_timeout", "idle_in_transaction_session_timeout")


@pytest.fixture
def url(postgres: Server, migrated_template: str) -> Iterator[str]:
    name = f"test_{uuid.uuid4().hex}"
    postgres.execute(f"CREATE DATABASE {name} TEMPLATE {migrated_template}")
    yield postgres.url(name)
    postgres.execute(f"DROP DATABASE {name} WITH (FORCE)")


def limits(connection: Connection) -> list[str]:
    return [connection.execute(text(f"SHOW {name}")).scalar_one() for name in SETTINGS]


def lock_log(database: Database) -> None:
    with database.writing() as connection:
        StoredLog(connection).size(lock=True)


def opened(url: str, monkeypatch: pytest.MonkeyPatch, **milliseconds: int) -> Database:
    for name, value in milliseconds.items():
        monkeypatch.setattr(database_module, name, value)
    return open_database(url)


@pytest.mark.parametrize("how", ["reading", "writing"])
def test_every_transaction_has_limits(url: str, how: str):
    database = open_database(url)
    with getattr(database, how)() as connection:
        assert limits(connection) == ["30s", "1min"]
    database.close()


def test_an_operator_may_set_others(url: str):
    database = open_database(f"{url}&options=-c%20lock_timeout%3D5s%20-c%20work_mem%3D8MB")
    with database.reading() as connection:
        assert limits(connection) == ["5s", "1min"]
        assert connection.execute(text("SHOW work_mem")).scalar_one() == "8MB"
    database.close()


def test_a_lock_is_not_waited_for_without_end(url: str, monkeypatch: pytest.MonkeyPatch):
    database = opened(url, monkeypatch, LOCK_MS=100)
    with database.writing() as connection:
        StoredLog(connection).size(lock=True)
        with pytest.raises(DatabaseError, match="lock timeout"):
            lock_log(database)
    lock_log(database)
    database.close()


def test_a_frozen_transaction_does_not_stop_the_others(url: str, monkeypatch: pytest.MonkeyPatch):
    frozen, other = opened(url, monkeypatch, IDLE_MS=200), open_database(url)

    def freeze() -> None:
        with frozen.writing() as connection:
            StoredLog(connection).size(lock=True)
            lock_log(other)  # which waits until the server has ended this one
            passed.append(True)
            StoredLog(connection).size()

    passed = list[bool]()
    with pytest.raises(DatabaseError, match="can't be used"):
        freeze()
    assert passed
    frozen.close()
    other.close()


def test_who_migrates_or_restores_may_take_long(url: str, monkeypatch: pytest.MonkeyPatch):
    database, waited = opened(url, monkeypatch, LOCK_MS=50, IDLE_MS=200), threading.Event()

    def wait() -> None:
        with database.writing() as connection:
            lock_alone(connection)
            waited.set()

    thread = threading.Thread(target=wait)
    with database.writing() as connection:
        lock_alone(connection)
        thread.start()
        time.sleep(0.5)
        assert limits(connection) == ["0", "0"]
        assert not waited.is_set()
    thread.join(30)
    assert waited.is_set()
    with database.reading() as connection:
        assert limits(connection) == ["50ms", "200ms"]
    database.close()
