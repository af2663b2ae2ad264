"""Erasing what is due, in an order that a kill at any moment leaves true.

For each upload and each run:

1. It is marked as being erased, unless a run uses it: from then on no run takes it.
2. Its objects are deleted, and looked for once more.
3. In one transaction it is marked as erased and the log says so.

So the log never says that something is erased that still exists, and what was begun and not done is
found by its mark and finished by the next purge.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Table, update

from linkage.audit.events import Event
from linkage.errors import NotReadyError
from matcher.ledger.about import event_about, operator_of
from matcher.ledger.ledger import Ledger
from matcher.ledger.stored_log import StoredLog
from matcher.objects.failures import ObjectsError
from matcher.objects.objects import Objects
from matcher.retention.days import why_erased
from matcher.retention.due import Due, Kind, due_at, in_use
from matcher.store.database import Database
from matcher.store.tables import runs, uploads

_KEPT = {"upload": "committed", "run": "kept"}


@dataclass(frozen=True)
class Purged:
    """What was erased, or would be; ``in_use`` waits for runs to end."""

    uploads: int = 0
    runs: int = 0
    in_use: int = 0
    expired: int = 0


class Purge:
    """Erases what is due.

    ``tidy`` gives up the uploads that by now were left open for too long, and returns how many; it
    deletes what killed processes have left behind, too.
    """

    def __init__(
        self,
        database: Database,
        ledger: Ledger,
        objects: Objects,
        clock: Callable[[], datetime],
        tidy: Callable[[datetime], int],
    ) -> None:
        self._database = database
        self._ledger = ledger
        self._objects = objects
        self._clock = clock
        self._tidy = tidy

    def plan(self) -> Purged:
        """Return what `purge` would erase now, and change nothing."""
        with self._database.reading() as connection:
            due = list(due_at(connection, self._now()))
            used = [one for one in due if in_use(connection, one)]
        free = [one.kind for one in due if one not in used]
        return Purged(free.count("upload"), free.count("run"), len(used))

    def purge(self) -> Purged:
        """Erase what is due, but for what a run uses; raises `ObjectsError`, `DatabaseError`.

        What was erased before an error stays erased, and is in the log.
        """
        with self._database.reading() as connection:
            due = list(due_at(connection, self._now()))
        begun = [one for one in due if self._begin(one)]
        done = [one.kind for one in begun if self._finish(one)]
        return Purged(
            done.count("upload"), done.count("run"), len(due) - len(begun),
            self._tidy(self._clock()),
        )  # fmt: skip

    def _begin(self, due: Due) -> bool:
        """Mark something as being erased; False if a run uses it."""
        with self._database.writing() as connection:
            # The lock of the log, as queueing a run takes: whoever comes second sees the first.
            StoredLog(connection).size(lock=True)
            if in_use(connection, due):
                return False
            _mark(connection, due, _KEPT[due.kind], "erasing")
        return True

    def _finish(self, due: Due) -> bool:
        """Delete the objects and say so; False if another purge was quicker."""
        self._objects.delete_below(due.prefix)
        if left := next(iter(self._objects.list(due.prefix)), None):
            raise ObjectsError(f"The store has kept {left}, which was deleted; run purge again.")
        try:
            self._record(due)
        except _DoneBeforeError:
            return False
        return True

    def _record(self, due: Due) -> None:
        with self._ledger.recording() as recording:
            recording.append(self._event(due))
            if not _mark(recording.connection, due, "erasing", "erased"):
                raise _DoneBeforeError

    def _event(self, due: Due) -> Event:
        return event_about(
            due.agreement, "records.erased", operator_of(due.agreement), self._clock(),
            counts=due.counts, digests=due.digests,
            justification=why_erased(due.agreement, due.kind),
        )  # fmt: skip

    def _now(self) -> int:
        return int(self._clock().timestamp())


class _DoneBeforeError(Exception):
    """Another process has erased it meanwhile."""


def require_done(purged: Purged) -> None:
    """Raise `NotReadyError` if something is due and waits for a run."""
    if purged.in_use:
        raise NotReadyError(
            f"{purged.in_use:,} of what is due is used by runs that wait or are carried out; purge "
            "again when they have ended."
        )


def _mark(connection: Connection, due: Due, old: str, new: str) -> bool:
    """Change the mark of an upload or a run; False if it had another one than ``old``."""
    table, name = _mark_of(due.kind)
    changed = update(table).where(table.c.id == due.id, table.c[name] == old).values({name: new})
    return connection.execute(changed).rowcount == 1


def _mark_of(kind: Kind) -> tuple[Table, str]:
    return (uploads, "state") if kind == "upload" else (runs, "data")
