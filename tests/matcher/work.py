"""What a matcher does for a request, as exactly as a machine can tell: two worlds that differ in
time differ in this, and it doesn't wobble as clocks do.

Counted are the statements that go to the database, with how many values each carries; the steps of
SQLite's own machine; and what is read from the store of objects, in blocks of a disk.
"""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import IO, Any

from sqlalchemy import event

from matcher.objects.objects import Objects
from matcher.refusals.counting import THREAD as REFUSALS
from matcher.store.database import Database

BLOCK = 4096
SLACK = 2
"""By how many steps SQLite's way through random keys differs; one more row takes more."""


@dataclass(eq=False)
class Work:
    """The work since it was last taken."""

    statements: list[tuple[str, int]] = field(default_factory=list)
    reads: list[tuple[str, int]] = field(default_factory=list)
    steps: int = 0

    def taken(self) -> Work:
        """Return what was done, and begin anew."""
        found = replace(self)
        self.statements, self.reads, self.steps = [], [], 0
        return found

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Work)
            and (self.statements, self.reads) == (other.statements, other.reads)
            and abs(self.steps - other.steps) <= SLACK
        )

    __hash__ = None  # type: ignore[assignment]

    def _tick(self) -> int:
        self.steps += not _is_beside()
        return 0


def _is_beside() -> bool:
    """Whether this is the thread that counts refusals every few seconds, for no request."""
    return threading.current_thread().name == REFUSALS


@contextlib.contextmanager
def watched(database: Database, objects: Objects) -> Iterator[Work]:
    """Count what is done with an SQLite database and a store of objects."""
    work = Work()

    def stated(_c: Any, _cursor: Any, statement: str, values: Any, _x: Any, many: bool) -> None:
        if not _is_beside():
            work.statements.append((statement, len(values) if many else 1))

    def taken(connection: sqlite3.Connection, *_: Any) -> None:
        connection.set_progress_handler(work._tick, 1)

    engine, opened = database._engine, objects.open

    def counted(key: str) -> IO[bytes]:
        work.reads.append((key.rpartition("/")[2], -(-objects.size(key) // BLOCK)))
        return opened(key)

    event.listen(engine, "before_cursor_execute", stated)
    event.listen(engine, "checkout", taken)
    objects.open = counted  # type: ignore[method-assign]
    yield work
    objects.open = opened  # type: ignore[method-assign]
    event.remove(engine, "before_cursor_execute", stated)
    event.remove(engine, "checkout", taken)
