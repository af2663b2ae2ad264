"""Nonces that were seen, across processes and restarts, so that none is taken twice."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import datetime
from queue import Empty, SimpleQueue
from typing import Any

from sqlalchemy import Connection, delete, insert
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError

from linkage.protocol.requests import ReplayedError
from matcher.store.database import Database
from matcher.store.tables import nonces

MOST_AT_ONCE = 256
"""How many nonces one transaction takes."""
FORGET_SECONDS = 60
_INSERTS: dict[str, Any] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}


def use_nonce(connection: Connection, value: str, expires: int) -> None:
    """Note a nonce, of at most 128 characters, as used; ``expires`` is POSIX seconds.

    It counts from the commit of the caller's transaction on. Raises `ReplayedError` the second
    time, also if the first has expired and wasn't forgotten yet.
    """
    try:
        with connection.begin_nested():
            connection.execute(insert(nonces).values(value=value, expires=expires))
    except IntegrityError:
        raise ReplayedError from None


def use_nonces(connection: Connection, expires: dict[str, int]) -> set[str]:
    """Note nonces as used, each until it expires (POSIX seconds), and return those that are new."""
    insert_new = _INSERTS[connection.dialect.name](nonces).on_conflict_do_nothing()
    rows = [{"value": value, "expires": until} for value, until in expires.items()]
    return set(connection.execute(insert_new.returning(nonces.c.value), rows).scalars())


def forget_nonces(connection: Connection, now: int) -> int:
    """Delete the nonces that expired before ``now`` (POSIX seconds), and return how many."""
    return connection.execute(delete(nonces).where(nonces.c.expires < now)).rowcount


@dataclass(frozen=True)
class _Wanted:
    """A nonce that waits for its transaction, and who waits for it."""

    value: str
    expires: int
    done: Future[None] = field(default_factory=Future)


class NonceKeeper:
    """Notes the nonces of many requests at once in one transaction.

    Each has to be on disk before its request is heard, else a restart would open the door to a
    replay. That takes as long as the disk takes, so all that come meanwhile share the next
    transaction: one thread writes, and waiting costs two writes at most, however many wait.
    """

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock
        self._queue: SimpleQueue[_Wanted | None] = SimpleQueue()
        self._forgotten = 0.0
        self._thread = threading.Thread(target=self._run, name="nonces", daemon=True)
        self._thread.start()

    def spend(self, value: str, expires: int) -> Future[None]:
        """Return what is done when the nonce is noted, or fails with `ReplayedError`.

        It fails with `DatabaseError` where the database can't be used.
        """
        wanted = _Wanted(value, expires)
        self._queue.put(wanted)
        return wanted.done

    def close(self) -> None:
        """Note what still waits, and stop."""
        self._queue.put(None)
        self._thread.join()

    def _run(self) -> None:
        while (first := self._queue.get()) is not None:
            batch, last = self._with_others(first)
            try:
                outcomes = self._write(batch)
            except Exception as error:  # noqa: BLE001 - whoever waits has to hear of it
                outcomes = [error] * len(batch)
            for wanted, outcome in zip(batch, outcomes, strict=True):
                if not wanted.done.set_running_or_notify_cancel():
                    continue  # whoever has waited for it is gone
                if outcome is None:
                    wanted.done.set_result(None)
                else:
                    wanted.done.set_exception(outcome)
            if last:
                return

    def _with_others(self, first: _Wanted) -> tuple[list[_Wanted], bool]:
        """Return what waits by now, in an order that no two processes wait for each other in.

        Also whether it is the last.
        """
        batch, last = [first], False
        while len(batch) < MOST_AT_ONCE and not last:
            try:
                wanted = self._queue.get_nowait()
            except Empty:
                break
            if wanted is None:
                last = True
            else:
                batch.append(wanted)
        return sorted(batch, key=lambda wanted: wanted.value), last

    def _write(self, batch: list[_Wanted]) -> list[Exception | None]:
        with self._database.writing() as connection:
            self._forget(connection)
            new = use_nonces(connection, {one.value: one.expires for one in batch})
        outcomes: list[Exception | None] = []
        for wanted in batch:
            outcomes.append(None if wanted.value in new else ReplayedError())
            new.discard(wanted.value)  # of two alike in one batch only one is heard
        return outcomes

    def _forget(self, connection: Connection) -> None:
        now = self._clock().timestamp()
        if now - self._forgotten > FORGET_SECONDS:
            forget_nonces(connection, int(now) - FORGET_SECONDS)
            self._forgotten = now
