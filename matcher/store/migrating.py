"""Bringing the tables to those of this release, and refusing to work on any others."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from matcher.store.database import Database
from matcher.store.failures import VersionError

_MIGRATIONS = Path(__file__).parent / "migrations"
_LOCK = 0x436F6E636F7264  # "Concord"


@dataclass(frozen=True)
class Versions:
    """The version that the database has, None before its first, and that of this release."""

    found: str | None
    needed: str


def migrate(database: Database) -> Versions:
    """Bring the tables to those of this release, in one transaction; returns what was found.

    Makes the file of an SQLite database. Raises `VersionError` if they are of a later release.
    """
    if database.is_file:
        _make_file(database.path)
    with database.writing() as connection:
        return _upgrade(connection)


@contextmanager
def migrating(database: Database) -> Iterator[Connection]:
    """Open a transaction that begins with what `migrate` does, and is committed with it or not.

    Nobody else migrates meanwhile, and a file that was made for it goes again on an exception.
    """
    made = database.is_file and not database.path.exists()
    if made:
        _make_file(database.path)
    try:
        with database.writing() as connection:
            _upgrade(connection)
            yield connection
    except BaseException:
        if made:
            database.close()
            for suffix in ("", "-wal", "-shm"):
                database.path.with_name(database.path.name + suffix).unlink(missing_ok=True)
        raise


def plan_migration(database: Database) -> Versions:
    """Return what `migrate` would find, and change nothing; raises `VersionError` as it would."""
    if database.is_file and not database.path.exists():
        return Versions(None, needed_version())
    with database.reading() as connection:
        versions = _versions(connection)
    _refuse_newer(versions)
    return versions


def require_current(database: Database) -> str:
    """Return the version of the tables; raises `VersionError` unless it is this release's."""
    versions = plan_migration(database)
    if versions.found != versions.needed:
        raise VersionError(
            f"The database has version {versions.found or 'none'} and this release needs "
            f"{versions.needed}; make a backup and run 'matcher migrate'."
        )
    return versions.needed


def _upgrade(connection: Connection) -> Versions:
    lock_alone(connection)
    versions = _versions(connection)
    _refuse_newer(versions)
    command.upgrade(_config(connection), "head")
    return versions


def _make_file(path: Path) -> None:
    """Make an empty file for SQLite, readable by its owner only, unless there is one."""
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))


def lock_alone(connection: Connection) -> None:
    """Let one migration or restore happen at a time; SQLite's writers are alone already.

    They may wait for one another, and read a whole backup between two statements, for as long as
    that takes.
    """
    if connection.dialect.name == "postgresql":
        for limit in ("lock_timeout", "idle_in_transaction_session_timeout"):
            connection.execute(text(f"SET LOCAL {limit} = 0"))
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})


def _versions(connection: Connection) -> Versions:
    return Versions(MigrationContext.configure(connection).get_current_revision(), needed_version())


def needed_version() -> str:
    """Return the version of this release's tables."""
    head = ScriptDirectory(str(_MIGRATIONS)).get_current_head()
    assert head is not None
    return head


def _refuse_newer(versions: Versions) -> None:
    known = {script.revision for script in ScriptDirectory(str(_MIGRATIONS)).walk_revisions()}
    if versions.found is not None and versions.found not in known:
        raise VersionError(
            f"The database has version {versions.found}, which a newer release has made and this "
            f"one, of version {versions.needed}, doesn't know; install the newer release, or "
            "restore a backup from before it."
        )


def _config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config
