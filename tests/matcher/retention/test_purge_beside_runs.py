"""A purge while runs are queued and begun: no run loses what goes into it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection, select, update

from linkage.errors import NotReadyError
from linkage.protocol.agreement import Retention
from matcher.retention import purge as purging
from matcher.retention.due import Due
from matcher.retention.purge import Purge, Purged
from matcher.store.database import Database
from matcher.store.tables import committed_uploads, runs, uploads
from tests.matcher.runs.matchers import Matcher, agreement_of, files_of, never

MOMENT = 0.3
"""Long enough, in seconds, for whoever doesn't wait for a lock."""


@pytest.fixture
def matcher(database: Database, tmp_path: Path) -> Matcher:
    return Matcher(database, tmp_path / "matcher")


@pytest.fixture
def beside() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1) as pool:
        yield pool


def purge_of(matcher: Matcher) -> Purge:
    return Purge(matcher.database, matcher.ledger, matcher.objects, matcher.clock, lambda _: 0)


def filled(matcher: Matcher, *, due: bool) -> str:
    """Admit an agreement that keeps encodings for 30 days, and commit both agencies' uploads."""
    agreement = replace(agreement_of(2), retention=Retention(30, 90))
    digest = matcher.admit(agreement)
    matcher.open_round(digest, 1)
    for file in files_of(agreement, 2, people=60):
        matcher.commit(digest, 1, file, due=False)
    days = 31 if due else 0
    received = int((matcher.clock() - timedelta(days=days)).timestamp())
    with matcher.database.writing() as connection:
        connection.execute(update(committed_uploads).values(committed=received))
    return digest


def marks(matcher: Matcher) -> set[str]:
    with matcher.database.reading() as connection:
        return set(connection.execute(select(uploads.c.state)).scalars())


def meanwhile(monkeypatch: pytest.MonkeyPatch, kind: str, act: Callable[[], None]) -> None:
    """Act once while the transaction is open that marks something of a kind as being erased."""
    whole, left = purging._mark, [act]

    def marked(connection: Connection, due: Due, old: str, new: str) -> bool:
        done = whole(connection, due, old, new)
        if left and (due.kind, new) == (kind, "erasing"):
            left.pop()()
        return done

    monkeypatch.setattr(purging, "_mark", marked)


def test_a_purge_waits_for_the_run_that_is_being_queued(matcher, beside):
    digest = filled(matcher, due=True)
    with matcher.database.writing() as connection:
        matcher.runs.queue_if_due(connection, digest, 1)
        purged = beside.submit(purge_of(matcher).purge)
        with suppress(TimeoutError):
            purged.result(MOMENT)
    assert purged.result() == Purged(in_use=2)
    assert marks(matcher) == {"committed"}


def test_a_run_that_is_queued_during_a_purge_takes_nothing_that_goes(matcher, beside, monkeypatch):
    digest, queued = filled(matcher, due=True), list[Future[str]]()

    def queue() -> None:
        queued.append(beside.submit(matcher.runs.queue, digest))
        with suppress(TimeoutError):
            queued[0].result(MOMENT)

    meanwhile(monkeypatch, "upload", queue)
    assert purge_of(matcher).purge() == Purged(uploads=2)
    with pytest.raises(NotReadyError):
        queued[0].result()


def test_a_run_goes_on_from_none_that_is_being_erased(matcher, beside, monkeypatch):
    monkeypatch.setattr("matcher.runs.linking.render", lambda *_: "<html>")
    digest = filled(matcher, due=False)
    first = matcher.runs.queue(digest)
    assert matcher.worker().run_next(never)
    long_ago = int((matcher.clock() - timedelta(days=31)).timestamp())
    with matcher.database.writing() as connection:
        connection.execute(update(runs).values(ended=long_ago))
    begun = list[Future[str]]()

    def begin() -> str:
        run = matcher.runs.queue(digest)
        lease = matcher.take()
        assert lease.run == run
        matcher.carrying.begin(lease)
        return run

    def queue() -> None:
        begun.append(beside.submit(begin))
        with suppress(TimeoutError):
            begun[0].result(MOMENT)

    meanwhile(monkeypatch, "run", queue)
    assert purge_of(matcher).purge() == Purged(runs=1)
    second = begun[0].result()
    assert second != first
    assert matcher.runs.one(digest, second).onto is None
