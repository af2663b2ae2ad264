"""What the database says of the service as a whole: no party's numbers, none of what was linked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, func, select

from linkage.audit.events import parse_event
from linkage.audit.failures import LogError
from matcher.jobs.states import RUN_STATES
from matcher.ledger.stored_log import StoredLog
from matcher.store.database import Database
from matcher.store.tables import jobs, runs, uploads

JOB_STATES = ("waiting", "leased", "ended")
UPLOAD_STATES = ("open", "committed", "refused", "erasing", "erased")


@dataclass(frozen=True)
class ServiceState:
    """How many jobs, runs and uploads there are by state, and how the log stands.

    ``run_seconds`` is how long finished runs took, from being queued to their end, in all.
    ``checkpoint_age`` is seconds since the newest event, None before the first.
    """

    jobs: dict[str, int]
    runs: dict[str, int]
    uploads: dict[str, int]
    run_seconds: int
    log_size: int
    checkpoint_age: float | None


class Monitor:
    """Reads the state of the service."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock

    def state(self) -> ServiceState:
        """Return the state of one moment; raises `DatabaseError`."""
        with self._database.reading() as connection:
            log = StoredLog(connection)
            size = log.size()
            return ServiceState(
                jobs=_counts(connection, jobs.c.state, JOB_STATES),
                runs=_counts(connection, runs.c.state, RUN_STATES),
                uploads=_counts(connection, uploads.c.state, UPLOAD_STATES),
                run_seconds=_run_seconds(connection),
                log_size=size,
                checkpoint_age=self._age(log, size),
            )

    def _age(self, log: StoredLog, size: int) -> float | None:
        found = log.batch(size - 1, size) if size else []
        try:
            at = parse_event(bytes(found[0][1])).at if found else None
        except LogError:  # 'verify-log' says what is wrong with it
            return None
        return None if at is None else (self._clock() - at).total_seconds()


def _counts(
    connection: Connection, state: ColumnElement[str], states: tuple[str, ...]
) -> dict[str, int]:
    query = select(state, func.count()).group_by(state)
    found = {row[0]: row[1] for row in connection.execute(query)}
    return {name: found.get(name, 0) for name in states}


def _run_seconds(connection: Connection) -> int:
    query = select(func.sum(runs.c.ended - runs.c.queued)).where(runs.c.state == "finished")
    return int(connection.execute(query).scalar_one() or 0)
