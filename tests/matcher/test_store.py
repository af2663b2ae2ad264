"""The database: its versions, its transactions, and how it fails; on SQLite and PostgreSQL."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import insert, select, text

from linkage.protocol.requests import ReplayedError
from matcher.store.database import Database
from matcher.store.failures import DatabaseError, VersionError
from matcher.store.migrating import migrate, plan_migration, require_current
from matcher.store.nonces import forget_nonces, use_nonce
from matcher.store.tables import log_cosignatures, metadata, nonces
from tests.databases import open_database


def values(database: Database) -> list[str]:
    with database.reading() as connection:
        return list(connection.execute(select(nonces.c.value).order_by("value")).scalars())


def test_migrations_make_the_tables_that_the_code_uses(database: Database):
    with database.reading() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []


def test_migrating_says_what_it_found(empty_database: Database):
    assert plan_migration(empty_database).found is None
    with pytest.raises(DatabaseError):
        require_current(empty_database)
    assert migrate(empty_database).found is None
    again = migrate(empty_database)
    assert again.found == again.needed
    require_current(empty_database)


def test_planning_makes_no_file(tmp_path: Path):
    plan_migration(open_database(f"sqlite:///{tmp_path / 'none.sqlite'}"))
    assert not list(tmp_path.iterdir())


def test_a_file_is_its_owners_alone(tmp_path: Path):
    migrate(open_database(f"sqlite:///{tmp_path / 'new.sqlite'}"))
    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o600}


def test_a_newer_database_is_refused_and_left_alone(database: Database):
    with database.writing() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    for refused in (migrate, require_current, plan_migration):
        with pytest.raises(VersionError, match="version 9999, which a newer release has made"):
            refused(database)
    with database.reading() as connection:
        assert connection.execute(text("SELECT * FROM alembic_version")).scalar_one() == "9999"


def test_migrating_twice_at_once_is_migrating_once(empty_database: Database):
    if empty_database.is_file:
        empty_database.path.touch()
    found: list[str | None] = []
    threads = [
        threading.Thread(target=lambda: found.append(migrate(empty_database).found))
        for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    newest = plan_migration(empty_database).needed
    assert sorted(found, key=str) == [newest, newest, None]


def test_a_migration_that_fails_leaves_nothing(empty_database: Database):
    if empty_database.is_file:
        empty_database.path.touch()
    with empty_database.writing() as connection:
        connection.execute(text("CREATE TABLE nonces (other INTEGER)"))
    with pytest.raises(Exception, match="nonces"):
        migrate(empty_database)
    with empty_database.reading() as connection:
        tables = connection.dialect.get_table_names(connection)
    assert tables == ["nonces"]


def test_a_database_that_was_never_made_is_not_made_by_reading(tmp_path: Path):
    database = open_database(f"sqlite:///{tmp_path / 'none.sqlite'}")
    with pytest.raises(DatabaseError, match="matcher migrate"), database.writing():
        pass
    assert not list(tmp_path.iterdir())


def test_a_file_that_is_no_database_is_said(tmp_path: Path):
    file = tmp_path / "words.sqlite"
    file.write_bytes(b"words" * 1000)
    for use in (migrate, require_current):
        with pytest.raises(DatabaseError, match="not a database"):
            use(open_database(f"sqlite:///{file}"))
    assert file.read_bytes() == b"words" * 1000


def test_an_exception_rolls_back(database: Database):
    def fail() -> None:
        with database.writing() as connection:
            use_nonce(connection, "a", 1)
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert values(database) == []


def test_what_a_reader_writes_is_not_kept(database: Database):
    with database.reading() as connection:
        use_nonce(connection, "a", 1)
    assert values(database) == []


def test_a_reader_sees_one_moment(database: Database):
    with database.reading() as reader:
        count = text("SELECT count(*) FROM nonces")
        assert reader.execute(count).scalar_one() == 0
        with database.writing() as connection:
            use_nonce(connection, "a", 1)
        assert reader.execute(count).scalar_one() == 0
    assert values(database) == ["a"]


def test_foreign_keys_hold(database: Database):
    row = {"size": 5, "witness": "care", "witness_key": "k", "signature": b"s"}
    with pytest.raises(Exception, match=r"(?i)foreign key"), database.writing() as connection:
        connection.execute(insert(log_cosignatures).values(row))


def test_sqlite_keeps_what_it_has_acknowledged(tmp_path: Path):
    database = open_database(f"sqlite:///{tmp_path / 'new.sqlite'}")
    migrate(database)
    with database.reading() as connection:
        pragmas = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar_one()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }
    assert pragmas == {
        "journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 30_000
    }  # fmt: skip


def test_writers_wait_for_each_other(database: Database):
    """A writer that has read before it writes isn't refused because another was quicker."""
    inside, done = threading.Event(), threading.Event()

    def other() -> None:
        inside.wait()
        with database.writing() as connection:
            use_nonce(connection, "b", 1)
        done.set()

    thread = threading.Thread(target=other)
    thread.start()
    with database.writing() as connection:
        connection.execute(select(nonces)).all()
        inside.set()
        if database.is_file:
            assert not done.wait(0.2)
        use_nonce(connection, "a", 1)
    thread.join()
    assert values(database) == ["a", "b"]


def test_a_nonce_is_refused_the_second_time(database: Database):
    with database.writing() as connection:
        use_nonce(connection, "once", 10)
        with pytest.raises(ReplayedError, match="sent before"):
            use_nonce(connection, "once", 20)
        use_nonce(connection, "another", 20)
    other = open_database(str(database._url.render_as_string(hide_password=False)))
    with pytest.raises(ReplayedError), other.writing() as connection:
        use_nonce(connection, "once", 30)
    other.close()
    with database.writing() as connection:
        assert forget_nonces(connection, 20) == 1
        use_nonce(connection, "once", 30)


def test_one_nonce_by_two_at_once_is_taken_once(database: Database):
    barrier, outcomes = threading.Barrier(2), []

    def use() -> None:
        barrier.wait()
        try:
            with database.writing() as connection:
                use_nonce(connection, "once", 1)
            outcomes.append("taken")
        except ReplayedError:
            outcomes.append("refused")

    threads = [threading.Thread(target=use) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["refused", "taken"]


def test_a_server_that_is_not_there_is_said_without_the_password(tmp_path: Path):
    pytest.importorskip("psycopg")
    database = open_database(f"postgresql://u:hunter2@/x?host={tmp_path}")
    with pytest.raises(DatabaseError) as refused:
        migrate(database)
    assert "can't be used" in str(refused.value)
    assert "hunter2" not in f"{refused.value}{database!r}"
