"""Processes that append at once, and processes that are killed while they append."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import warnings
from collections.abc import Iterator

import pytest
from sqlalchemy import event as listen
from sqlalchemy import select

from linkage.audit.events import parse_event
from matcher.ledger.ledger import Ledger
from matcher.ledger.verifying import verify_stored_log
from matcher.store.database import Database
from matcher.store.migrating import migrate
from matcher.store.tables import log_events, nonces
from tests.databases import open_database
from tests.linkage.audit.made_up import LOG
from tests.matcher.appender import change, record

WORDS = ("police", "care")


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    database = open_database(database_url)
    migrate(database)
    yield database
    database.close()


def start(url: str, word: str, count: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.matcher.appender", url, word, str(count)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def go(*processes: subprocess.Popen[str]) -> None:
    """Let processes that have loaded everything begin together."""
    for process in processes:
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        process.stdin.write("\n")
        process.stdin.flush()


def require_one_history(database: Database) -> list[str]:
    """Assert that every change has its event and every event its change; return the events."""
    verify_stored_log(database, LOG.verifier)
    with database.reading() as connection:
        query = select(log_events.c.event).order_by(log_events.c.leaf)
        found = connection.execute(query).scalars()
        events = [parse_event(data).digests["message"] for data in found]
        values = connection.execute(select(nonces.c.value, nonces.c.expires)).all()
    changes = {
        change(value.rpartition("-")[0], number)[1].digests["message"] for value, number in values
    }
    assert len(events) == len(set(events)) == len(values)
    assert set(events) == changes
    return events


def test_two_processes_never_fork_the_log(database_url: str, database: Database):
    count = 40
    processes = [start(database_url, word, count) for word in WORDS]
    go(*processes)
    leaves = [[int(line) for line in process.communicate()[0].split()] for process in processes]
    assert [process.returncode for process in processes] == [0, 0]
    assert sorted(leaves[0] + leaves[1]) == list(range(2 * count))
    assert len(require_one_history(database)) == 2 * count


def test_killed_from_outside_what_was_acknowledged_is_there(database_url: str, database: Database):
    process = start(database_url, "police", 100_000)
    go(process)
    acknowledged = [int(process.stdout.readline()) for _ in range(25)]
    process.kill()
    acknowledged += [int(line) for line in process.communicate()[0].split("\n")[:-1]]
    events = require_one_history(database)
    assert acknowledged == list(range(len(acknowledged)))
    assert len(events) - len(acknowledged) in {0, 1}


class _Killer:
    """Kills the process before its n-th statement, or around its commit."""

    def __init__(self, at: int) -> None:
        self.left = at

    def step(self, *_arguments: object) -> None:
        if self.left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        self.left -= 1


def append_and_die(url: str, number: int, at: int) -> bool:
    """Append in a forked process that dies at step ``at``; returns whether it survived."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # a fork beside other threads
        child = os.fork()
    if child == 0:
        try:
            database, killer = open_database(url), _Killer(at)
            listen.listen(database._engine, "before_cursor_execute", killer.step)
            listen.listen(database._engine, "commit", killer.step)
            record(Ledger(database, LOG), "killed", number)
            killer.step()
            os._exit(0)
        finally:
            os._exit(1)
    status = os.waitpid(child, 0)[1]
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0
    return not os.WIFSIGNALED(status)


def test_killed_at_any_step_the_log_is_whole(database_url: str, database: Database):
    """Before every statement, before the commit and after it: all or nothing, and it goes on."""
    record(Ledger(database, LOG), "first", 0)
    record(Ledger(database, LOG), "first", 1)
    database.close()
    sizes = []
    for at in range(100):
        before = len(require_one_history(database))
        database.close()
        survived = append_and_die(database_url, at, at)
        sizes.append(len(require_one_history(database)) - before)
        database.close()
        if survived:
            break
    assert survived
    # Nothing until the commit; the process killed after it has left its event, and so the last.
    assert sizes == [0] * (len(sizes) - 2) + [1, 1]
    assert len(sizes) > 8
    record(Ledger(database, LOG), "after", 0)
    require_one_history(database)
