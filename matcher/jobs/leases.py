"""Leases: a run is carried out by one worker at a time, which says every few seconds that it lives.

Each lease has a number that rises with every new one. Whatever a worker writes about a run it
writes in a transaction that has made sure of its number; so one that was slow, cut off or taken
for dead, and whose run another has taken over, can change nothing any more.

Of one agreement only the oldest run that hasn't ended is ever given out: the next goes on from it.

Times are POSIX seconds. On PostgreSQL two workers that ask at once pass over each other's rows
(``SKIP LOCKED``); on SQLite writers come one after another.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    and_,
    exists,
    insert,
    or_,
    select,
    tuple_,
    update,
)

from linkage.errors import LinkageError
from matcher.store.tables import jobs, runs

MOST_ATTEMPTS = 3
"""How often a run is begun before it is given up."""
WAITING, LEASED, ENDED = "waiting", "leased", "ended"


class LeaseLostError(LinkageError):
    """Another worker has the run now, or it has ended; nothing was changed."""


@dataclass(frozen=True)
class Lease:
    """That a worker may carry out a run: the ``number`` of the lease and of the attempt."""

    run: str
    number: int
    attempt: int

    @property
    def is_one_too_many(self) -> bool:
        """Whether every attempt that the run had took its worker with it."""
        return self.attempt > MOST_ATTEMPTS


@dataclass(frozen=True)
class Progress:
    """How far a run has come: the stage in words, and its steps done of all."""

    stage: str = "waiting"
    done: int = 0
    total: int = 0


def add_job(connection: Connection, run: str) -> None:
    """Let a run wait for a worker."""
    values = {"run": run, "state": WAITING, "lease": 0, "attempts": 0, "cancelled": False}
    connection.execute(insert(jobs).values(**values, **_columns(Progress())))


def take_lease(connection: Connection, worker: str, now: int, seconds: int) -> Lease | None:
    """Lease the run that has waited longest to ``worker``; None if there is nothing to do.

    A run is there for the taking if it waits, if its lease has expired, or if this worker has it:
    a worker that asks has none, so it never heard that it got that one.
    """
    query = _next_job(worker, now).with_for_update(skip_locked=True, of=jobs)
    found = connection.execute(query).one_or_none()
    if found is None:
        return None
    lease = Lease(found.run, found.lease + 1, found.attempts + 1)
    connection.execute(
        update(jobs)
        .where(jobs.c.run == lease.run)
        .values(
            state=LEASED,
            lease=lease.number,
            worker=worker,
            expires=now + seconds,
            attempts=lease.attempt,
        )
    )
    return lease


def is_any_free(connection: Connection, worker: str, now: int) -> bool:
    """Return whether `take_lease` would find something, without taking a lock."""
    return connection.execute(_next_job(worker, now)).one_or_none() is not None


def _next_job(worker: str, now: int) -> Select[tuple[str, int, int]]:
    earlier_run, earlier_job = runs.alias(), jobs.alias()
    is_preceded = exists().where(
        earlier_job.c.run == earlier_run.c.id,
        earlier_job.c.state != ENDED,
        earlier_run.c.agreement == runs.c.agreement,
        tuple_(earlier_run.c.queued, earlier_run.c.id) < tuple_(runs.c.queued, runs.c.id),
    )
    is_free = or_(jobs.c.expires.is_(None), jobs.c.expires <= now, jobs.c.worker == worker)
    return (
        select(jobs.c.run, jobs.c.lease, jobs.c.attempts)
        .join(runs, runs.c.id == jobs.c.run)
        .where(jobs.c.state != ENDED, is_free, ~is_preceded)
        .order_by(runs.c.queued, runs.c.id)
        .limit(1)
    )


def keep_lease(connection: Connection, lease: Lease, until: int, progress: Progress) -> bool:
    """Keep the lease for longer and note the progress; returns whether the run is to be stopped.

    Raises `LeaseLostError`.
    """
    values = {"expires": until, **_columns(progress)}
    connection.execute(update(jobs).where(_is_of(lease)).values(**values))
    return is_cancelled(connection, lease)


def is_cancelled(connection: Connection, lease: Lease) -> bool:
    """Return whether somebody wants the run stopped; raises `LeaseLostError`."""
    found = connection.execute(select(jobs.c.cancelled).where(_is_of(lease))).scalar_one_or_none()
    if found is None:
        raise _lost(lease)
    return bool(found)


def require_lease(connection: Connection, lease: Lease) -> None:
    """Hold the job until the transaction ends; raises `LeaseLostError` unless it is leased so."""
    query = select(jobs.c.run).where(_is_of(lease)).with_for_update()
    if connection.execute(query).one_or_none() is None:
        raise _lost(lease)


def has_ended(connection: Connection, lease: Lease) -> bool:
    """Return whether the run has ended under just this lease."""
    same = (jobs.c.run == lease.run) & (jobs.c.lease == lease.number) & (jobs.c.state == ENDED)
    return connection.execute(select(jobs.c.run).where(same)).one_or_none() is not None


def end_job(connection: Connection, run: str) -> None:
    """Take a run off the queue for good; the caller holds its job."""
    values = {"state": ENDED, "worker": None, "expires": None}
    connection.execute(update(jobs).where(jobs.c.run == run).values(**values))


def put_back(connection: Connection, lease: Lease, until: int, *, counts: bool) -> None:
    """Give the run back to the queue, to be taken from ``until`` on.

    Unless it ``counts``, the attempt is as if it had never been made. Raises `LeaseLostError`.
    """
    require_lease(connection, lease)
    attempts = lease.attempt if counts else lease.attempt - 1
    values = {"state": WAITING, "worker": None, "expires": until, "attempts": attempts}
    connection.execute(update(jobs).where(_is_of(lease)).values(**values, **_columns(Progress())))


def ask_to_stop(connection: Connection, run: str) -> bool:
    """Ask whoever carries out a run to stop; returns whether anybody does.

    Holds the job until the transaction ends, so that nobody takes a run that waits.
    """
    query = select(jobs.c.state).where(jobs.c.run == run).with_for_update()
    state = connection.execute(query).scalar_one()
    connection.execute(update(jobs).where(jobs.c.run == run).values(cancelled=True))
    return bool(state == LEASED)


def _is_of(lease: Lease) -> ColumnElement[bool]:
    return and_(jobs.c.run == lease.run, jobs.c.lease == lease.number, jobs.c.state == LEASED)


def _columns(progress: Progress) -> dict[str, object]:
    return {"stage": progress.stage, "done": progress.done, "total": progress.total}


def _lost(lease: Lease) -> LeaseLostError:
    return LeaseLostError(
        f"The run {lease.run} is no longer this worker's: another has taken it, or it has ended."
    )
