"""Counting refused requests beside answering them: a thread writes what has come up, now and then.

What can be counted is bounded: endpoints, problems, admitted agreements and their parties. Of a
request that nobody known has signed, neither agreement nor party counts, whatever its address says.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, insert, update
from sqlalchemy.exc import IntegrityError

from linkage.errors import InputError
from matcher.agreements.directory import Directory
from matcher.logs.lines import log_fault
from matcher.store.database import Database
from matcher.store.tables import refused_requests

THREAD = "refusals"
FLUSH_SECONDS = 5.0
"""How long a refusal may wait to be written; what waits at a kill is lost."""
KEPT_DAYS = 400
DAY = 86_400
_MOST_WAITING = 10_000
_UNCOUNTED = frozenset({"not-ready"})
"""Of whoever asks too early, and asks again later; that is how waiting is done here."""


@dataclass(frozen=True)
class Refusal:
    """A request that was refused: its endpoint, the problem's name, and who has sent it.

    ``key`` is the fingerprint of the key that has signed it, ``agreement`` the digest in its
    address; both empty where no party's key has signed it.
    """

    endpoint: str
    problem: str
    key: str = ""
    agreement: str = ""


class RefusalCounter:
    """Counts refusals; `close` writes the last of them."""

    def __init__(
        self, database: Database, directory: Directory, clock: Callable[[], datetime]
    ) -> None:
        self._database = database
        self._directory = directory
        self._clock = clock
        self._waiting: Counter[tuple[int, Refusal]] = Counter()
        self._lock = threading.Lock()
        self._forgotten = 0
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run, name=THREAD, daemon=True)
        self._thread.start()

    def note(self, refusal: Refusal) -> None:
        """Count a refusal; takes no time."""
        if refusal.problem in _UNCOUNTED or (refusal.problem == "missing" and not refusal.key):
            return
        now = int(self._clock().timestamp())
        with self._lock:
            if len(self._waiting) < _MOST_WAITING:
                self._waiting[now - now % DAY, refusal] += 1

    def flush(self) -> None:
        """Write what has come up; raises `DatabaseError`, and then nothing is lost."""
        with self._lock:
            waiting, self._waiting = self._waiting, Counter()
        if not waiting:
            return
        try:
            self._write(waiting)
        except BaseException:
            with self._lock:
                self._waiting += waiting
            raise

    def close(self) -> None:
        """Write what still waits, and stop."""
        self._closed.set()
        self._thread.join()

    def _run(self) -> None:
        closed = False
        while not closed:
            closed = self._closed.wait(FLUSH_SECONDS)
            try:
                self.flush()
            except Exception as error:  # noqa: BLE001 - what comes after must be counted as well
                log_fault(error)

    def _write(self, waiting: Mapping[tuple[int, Refusal], int]) -> None:
        rows: Counter[tuple[int, str, str, str, str]] = Counter()
        for (day, refusal), count in waiting.items():
            agreement, party = self._place(refusal)
            rows[day, agreement, party, refusal.endpoint, refusal.problem] += count
        now = int(self._clock().timestamp())
        with self._database.writing() as connection:
            for place, count in sorted(rows.items()):
                _add(connection, place, count, now)
            if now - self._forgotten >= DAY:
                old = refused_requests.c.day < now - KEPT_DAYS * DAY
                connection.execute(delete(refused_requests).where(old))
                self._forgotten = now

    def _place(self, refusal: Refusal) -> tuple[str, str]:
        """Return which agreement and party it was, empty where that isn't known."""
        if refusal.key and refusal.agreement:
            with suppress(InputError):
                return refusal.agreement, self._directory.place(
                    refusal.key, refusal.agreement
                ).party
        return "", ""


def _add(
    connection: Connection, place: tuple[int, str, str, str, str], count: int, now: int
) -> None:
    """Add to a row, or make it; another process may be making it, too."""
    of = refused_requests.c
    columns = (of.day, of.agreement, of.party, of.endpoint, of.problem)
    where = [column == value for column, value in zip(columns, place, strict=True)]
    more = update(refused_requests).where(*where).values(count=of.count + count, last=now)
    if connection.execute(more).rowcount:
        return
    names = ("day", "agreement", "party", "endpoint", "problem")
    values = dict(zip(names, place, strict=True)) | {"count": count, "last": now}
    try:
        with connection.begin_nested():
            connection.execute(insert(refused_requests).values(**values))
    except IntegrityError:
        connection.execute(more)
