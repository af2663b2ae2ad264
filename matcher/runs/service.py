"""The runs of agreements: queued when a round is complete or on request, listed, cancelled, read.

A run is queued, then running, and ends as finished, failed or cancelled. What a worker does with
one is in `matcher.runs.carrying`.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, func, insert, select, update

from linkage.errors import ConflictError, MissingError, NotReadyError
from linkage.protocol.agreement import Agreement
from linkage.protocol.canonical import parse_json
from matcher.jobs.leases import Progress, add_job, ask_to_stop, end_job
from matcher.jobs.states import UNENDED, State
from matcher.ledger.stored_log import StoredLog
from matcher.runs.chosen import RunInputs, choose_uploads
from matcher.runs.finished import RunOutcome, parse_outcome
from matcher.store.database import Database
from matcher.store.tables import agreements, jobs, results, runs

Clock = Callable[[], datetime]
RequireInForce = Callable[[Connection, str], Agreement]
"""Returns the agreement of a digest; raises `LinkageError` unless it is in force."""


@dataclass(frozen=True)
class RunView:
    """A run as those see it who may: times are POSIX seconds, ``ended`` None before the end.

    ``reason`` is the sentence that a run has failed with, else empty.
    """

    id: str
    agreement: str
    round: int
    state: State
    onto: str | None
    queued: int
    ended: int | None
    progress: Progress
    reason: str

    @property
    def has_ended(self) -> bool:
        """Whether nothing more will happen to it."""
        return self.state not in UNENDED


class Runs:
    """The runs in a database."""

    def __init__(self, database: Database, require_in_force: RequireInForce, clock: Clock) -> None:
        self._database = database
        self._require_in_force = require_in_force
        self._clock = clock

    def queue_if_due(self, connection: Connection, agreement: str, round_: int) -> None:
        """Queue a run if by this round every agency has committed an upload.

        For the transaction that commits an upload, after it is written.
        """
        _lock(connection)
        inputs = choose_uploads(connection, agreement, round_)
        agencies = self._require_in_force(connection, agreement).names("agency")
        if set(agencies) <= set(inputs.agencies):
            self._queue(connection, agreement, round_, inputs)

    def queue(self, agreement: str) -> str:
        """Queue a run of all that is there, and return its id.

        If one of just these uploads waits or runs already, it is that one. Raises `NotReadyError`
        where fewer than two agencies have an upload.
        """
        with self._database.writing() as connection:
            _lock(connection)
            inputs = self._all_there_is(connection, agreement)
            same = select(runs.c.id).where(
                runs.c.agreement == agreement,
                runs.c.state.in_(UNENDED),
                runs.c.inputs == inputs.content(),
            )
            known = connection.execute(same.order_by(runs.c.queued).limit(1)).scalar_one_or_none()
            if known is not None:
                return str(known)
            newest = max(chosen.round for chosen in inputs.uploads)
            return self._queue(connection, agreement, newest, inputs)

    def plan(self, agreement: str) -> RunInputs:
        """Return what `queue` would link, and change nothing; raises what it would."""
        with self._database.reading() as connection:
            return self._all_there_is(connection, agreement)

    def find_agreement(self, name: str) -> str:
        """Return the digest of the newest version of an agreement, by its id.

        Raises `MissingError`.
        """
        query = select(agreements.c.digest).where(agreements.c.id == name)
        newest = query.order_by(agreements.c.version.desc()).limit(1)
        with self._database.reading() as connection:
            digest = connection.execute(newest).scalar_one_or_none()
        if digest is None:
            raise MissingError(f"No agreement {name!r} is admitted; see 'matcher admit'.")
        return str(digest)

    def all(self, agreement: str) -> list[RunView]:
        """Return the runs of an agreement, the newest first."""
        with self._database.reading() as connection:
            return [_view(row) for row in connection.execute(_query(agreement))]

    def one(self, agreement: str, run: str) -> RunView:
        """Return a run of an agreement; raises `MissingError`."""
        with self._database.reading() as connection:
            return _one(connection, agreement, run)

    def find(self, run: str) -> RunView:
        """Return a run of any agreement by its id, or the beginning of it; raises `MissingError`.

        For the operator alone.
        """
        query = select(runs.c.id, runs.c.agreement).where(
            runs.c.id.startswith(run, autoescape=True)
        )
        with self._database.reading() as connection:
            found = connection.execute(query.limit(2)).all()
            if len(found) != 1:
                how = "Several runs begin" if found else "No run begins"
                raise MissingError(f"{how} with {run[:32]!r}; give the id that 'matcher run' says.")
            return _one(connection, found[0].agreement, found[0].id)

    def cancel(self, agreement: str, run: str) -> RunView:
        """Stop a run that waits, or ask its worker to stop, which takes a few seconds.

        A run that is cancelled stays so. Raises `MissingError`, and `ConflictError` for a run that
        has ended in another way.
        """
        with self._database.writing() as connection:
            _one(connection, agreement, run)
            is_carried_out = ask_to_stop(connection, run)
            state = _one(connection, agreement, run).state
            if state in {"finished", "failed"}:
                raise ConflictError(f"The run {run} is {state} and can't be cancelled any more.")
            if state != "cancelled" and not is_carried_out:
                now = int(self._clock().timestamp())
                values = {"state": "cancelled", "ended": now}
                connection.execute(update(runs).where(runs.c.id == run).values(**values))
                end_job(connection, run)
            return _one(connection, agreement, run)

    def result(self, agreement: str, run: str, agency: str) -> bytes:
        """Return an agency's result of a run (`linkage.protocol.result`).

        Raises `MissingError` where the run is another agreement's or the agency took no part, and
        `NotReadyError` before the run has finished.
        """
        query = select(results.c.content).where(results.c.run == run, results.c.agency == agency)
        with self._database.reading() as connection:
            view = _one(connection, agreement, run)
            content = connection.execute(query).scalar_one_or_none()
        if content is not None:
            return bytes(content)
        if view.has_ended:
            raise MissingError(f"The run {run} is {view.state} and has no result for you.")
        raise NotReadyError(
            f"The run {run} is {view.state}; its result comes when it has finished."
        )

    def outcome(self, agreement: str, run: str) -> RunOutcome:
        """Return what came out of a finished run, for the operator alone.

        Raises `MissingError`, `NotReadyError`.
        """
        query = select(runs.c.outcome).where(runs.c.id == run, runs.c.data == "kept")
        with self._database.reading() as connection:
            view = _one(connection, agreement, run)
            content = connection.execute(query).scalar_one_or_none()
        if not view.has_ended:
            raise NotReadyError(f"The run {run} is {view.state}; nothing came out of it yet.")
        if view.state != "finished" or content is None:
            state = view.state if view.state != "finished" else "erased"
            raise MissingError(f"The run {run} is {state}; nothing is kept of what came out.")
        return parse_outcome(content, run)

    def _all_there_is(self, connection: Connection, agreement: str) -> RunInputs:
        self._require_in_force(connection, agreement)
        inputs = choose_uploads(connection, agreement, None)
        if len(inputs.uploads) < 2:
            raise NotReadyError(
                f"Linking needs the uploads of two agencies, and {len(inputs.uploads)} has "
                "committed one; wait for the others."
            )
        return inputs

    def _queue(self, connection: Connection, agreement: str, round_: int, inputs: RunInputs) -> str:
        run, now = secrets.token_hex(16), int(self._clock().timestamp())
        query = select(func.max(runs.c.queued)).where(runs.c.agreement == agreement)
        last = connection.execute(query).scalar_one_or_none()
        connection.execute(
            insert(runs).values(
                id=run,
                agreement=agreement,
                round=round_,
                state="queued",
                inputs=inputs.content(),
                # Each a second after the one before at least, so that their order is never open.
                queued=now if last is None else max(now, last + 1),
            )
        )
        add_job(connection, run)
        return run


def _lock(connection: Connection) -> None:
    """Let nobody else commit an upload or queue a run until the transaction ends.

    Of two that commit the last two uploads at once, the later then sees the earlier's. It is the
    log's lock, which a commit takes anyway: with one more they could wait for each other.
    """
    StoredLog(connection).size(lock=True)


def _query(agreement: str) -> Select[Any]:
    return (
        select(runs, jobs.c.stage, jobs.c.done, jobs.c.total)
        .join(jobs, jobs.c.run == runs.c.id)
        .where(runs.c.agreement == agreement)
        .order_by(runs.c.queued.desc(), runs.c.id)
    )


def _one(connection: Connection, agreement: str, run: str) -> RunView:
    found = connection.execute(_query(agreement).where(runs.c.id == run)).one_or_none()
    if found is None:
        raise MissingError(f"The agreement {agreement[:16]} has no run {run[:32]!r}.")
    return _view(found)


def _view(row: Row[Any]) -> RunView:
    values = row._asdict()
    failed = values["state"] == "failed" and values["outcome"]
    reason = parse_json(values["outcome"], "The reason")["reason"] if failed else ""
    progress = Progress(values["stage"], values["done"], values["total"])
    names = ("id", "agreement", "round", "state", "onto", "queued", "ended")
    return RunView(**{name: values[name] for name in names}, progress=progress, reason=str(reason))
