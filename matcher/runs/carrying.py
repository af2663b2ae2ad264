"""What the worker that has leased a run does to its state: begin, go on, finish, fail, give back.

Everything here is fenced: a transaction that changes a run first makes sure of the lease. A change
whose answer was lost with the connection may be asked for again; it happens once.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Connection, insert, select, update

from linkage.audit.events import Event
from linkage.errors import InputError
from linkage.protocol.agreement import Agreement
from linkage.protocol.canonical import canonical_json
from linkage.protocol.result import RunResult, finished_at, result_bytes
from matcher.jobs.leases import (
    Lease,
    Progress,
    end_job,
    has_ended,
    is_any_free,
    is_cancelled,
    keep_lease,
    put_back,
    require_lease,
    take_lease,
)
from matcher.ledger.about import event_about, operator_of
from matcher.ledger.ledger import Ledger
from matcher.runs.chosen import RunInputs, parse_inputs
from matcher.runs.finished import RunOutcome, parse_outcome
from matcher.runs.scans import SCAN_FORMAT
from matcher.runs.service import Clock, RequireInForce
from matcher.store.database import Database
from matcher.store.tables import jobs, results, runs


class RunCancelledError(Exception):
    """Somebody wants the run stopped."""


@dataclass(frozen=True)
class Earlier:
    """The finished run that another goes on from."""

    id: str
    outcome: RunOutcome


@dataclass(frozen=True)
class BegunRun:
    """A run that is under way: what is linked, under which agreement, and onto which run."""

    id: str
    round: int
    agreement: Agreement
    inputs: RunInputs
    onto: Earlier | None

    def parameters(self) -> str:
        """SHA-256, in hex, of all that decides what comes out, but the uploads."""
        content = {
            "agreement": self.agreement.digest(),
            "onto": self.onto.id if self.onto else "",
            "onto_outcome": self.onto.outcome.digest() if self.onto else "",
            "release": importlib.metadata.version("concord-linkage"),
            "scans": SCAN_FORMAT,
        }
        return hashlib.sha256(canonical_json(content)).hexdigest()


class Carrying:
    """Changes the state of runs that a worker has leased."""

    def __init__(
        self,
        database: Database,
        ledger: Ledger,
        require_in_force: RequireInForce,
        clock: Clock,
    ) -> None:
        self._database = database
        self._ledger = ledger
        self._require_in_force = require_in_force
        self._clock = clock

    def take(self, worker: str, seconds: int) -> Lease | None:
        """Lease the next run; see `take_lease`."""
        with self._database.reading() as connection:
            if not is_any_free(connection, worker, self._now()):
                return None
        with self._database.writing() as connection:
            return take_lease(connection, worker, self._now(), seconds)

    def keep(self, lease: Lease, seconds: int, progress: Progress) -> bool:
        """Keep the lease and note the progress; returns whether the run is to be stopped."""
        with self._database.writing() as connection:
            return keep_lease(connection, lease, self._now() + seconds, progress)

    def is_cancelled(self, lease: Lease) -> bool:
        """Return whether the run is to be stopped; raises `LeaseLostError`."""
        with self._database.reading() as connection:
            return is_cancelled(connection, lease)

    def begin(self, lease: Lease) -> BegunRun:
        """Return the run, whose start enters the log unless an earlier attempt has started it.

        Raises `LeaseLostError`, `RunCancelledError`, and what the agreement isn't in force for.
        """
        with self._database.reading() as connection:
            if is_cancelled(connection, lease):
                raise RunCancelledError
            is_queued = _state(connection, lease.run) == "queued"
        if is_queued:
            self._start(lease)
        with self._database.reading() as connection:
            return self._begun(connection, lease.run)

    def finish(self, lease: Lease, run: BegunRun, outcome: RunOutcome) -> None:
        """End the run as finished, with a result for each agency.

        Raises `LeaseLostError`, and `RunCancelledError` if somebody wanted it stopped before.
        """
        if self._has_ended(lease):
            return
        with self._ledger.recording() as recording:
            connection, now = recording.connection, self._clock()
            require_lease(connection, lease)
            if is_cancelled(connection, lease):
                raise RunCancelledError
            _end(connection, lease.run, "finished", now, outcome.content())
            connection.execute(insert(results), _results(run, now))
            digests = {
                "inputs": run.inputs.digest(),
                "parameters": run.parameters(),
                "outcome": outcome.digest(),
            }
            recording.append(self._event(run, "run.finished", now, digests))

    def fail(self, lease: Lease, reason: str) -> None:
        """End the run as failed, for a reason that is a sentence; raises `LeaseLostError`.

        One that somebody wanted stopped before ends as cancelled.
        """
        if self._has_ended(lease):
            return
        with self._database.writing() as connection:
            require_lease(connection, lease)
            if is_cancelled(connection, lease):
                _end(connection, lease.run, "cancelled", self._clock(), None)
            else:
                outcome = canonical_json({"reason": reason})
                _end(connection, lease.run, "failed", self._clock(), outcome)

    def cancel(self, lease: Lease) -> None:
        """End the run as cancelled; raises `LeaseLostError`."""
        if self._has_ended(lease):
            return
        with self._database.writing() as connection:
            require_lease(connection, lease)
            _end(connection, lease.run, "cancelled", self._clock(), None)

    def put_back(self, lease: Lease, pause: int, *, counts: bool) -> None:
        """Give the run back, for whoever takes it after ``pause`` seconds; see `put_back`."""
        with self._database.writing() as connection:
            put_back(connection, lease, self._now() + pause, counts=counts)

    def ended(self, names: list[str]) -> dict[str, str | None]:
        """Return of those ids that are of ended runs where what came out lies, None if nowhere."""
        query = (
            select(runs.c.id, runs.c.state, runs.c.data, runs.c.outcome)
            .join(jobs, jobs.c.run == runs.c.id)
            .where(runs.c.id.in_(names), jobs.c.state == "ended")
        )
        with self._database.reading() as connection:
            found = connection.execute(query).all()
        return {
            row.id: parse_outcome(row.outcome, row.id).folder
            if row.state == "finished" and row.data == "kept"
            else None
            for row in found
        }

    def _start(self, lease: Lease) -> None:
        with self._ledger.recording() as recording:
            connection, now = recording.connection, self._clock()
            require_lease(connection, lease)
            onto = _goes_on_from(connection, lease.run)
            values = {"state": "running", "onto": onto}
            connection.execute(update(runs).where(runs.c.id == lease.run).values(**values))
            run = self._begun(connection, lease.run)
            digests = {"inputs": run.inputs.digest(), "parameters": run.parameters()}
            recording.append(self._event(run, "run.started", now, digests))

    def _begun(self, connection: Connection, run: str) -> BegunRun:
        row = connection.execute(select(runs).where(runs.c.id == run)).one()
        agreement = self._require_in_force(connection, row.agreement)
        inputs = parse_inputs(row.inputs, run)
        return BegunRun(run, row.round, agreement, inputs, _earlier(connection, row.onto))

    def _event(self, run: BegunRun, kind: str, at: datetime, digests: dict[str, str]) -> Event:
        party = operator_of(run.agreement)
        counts = {**run.inputs.counts, "round": run.round}
        return event_about(run.agreement, kind, party, at, counts=counts, digests=digests)

    def _has_ended(self, lease: Lease) -> bool:
        """Whether it was this lease that ended the run, though nobody may have heard of it."""
        with self._database.reading() as connection:
            return has_ended(connection, lease)

    def _now(self) -> int:
        return int(self._clock().timestamp())


def _state(connection: Connection, run: str) -> str:
    return str(connection.execute(select(runs.c.state).where(runs.c.id == run)).scalar_one())


def _goes_on_from(connection: Connection, run: str) -> str | None:
    """Return the newest finished run that this one goes on from, if there is one.

    It is one of the same agreement whose outcome is there, and of no agency that isn't in this
    one. No other run of the agreement is under way meanwhile.
    """
    own = connection.execute(select(runs).where(runs.c.id == run)).one()
    agencies = set(parse_inputs(own.inputs, run).agencies)
    query = (
        select(runs.c.id, runs.c.inputs)
        .where(runs.c.agreement == own.agreement, runs.c.state == "finished")
        .where(runs.c.data == "kept")
        .order_by(runs.c.queued.desc())
    )
    for row in connection.execute(query):
        if set(parse_inputs(row.inputs, row.id).agencies) <= agencies:
            return str(row.id)
    return None


def _earlier(connection: Connection, run: str | None) -> Earlier | None:
    if run is None:
        return None
    row = connection.execute(select(runs.c.data, runs.c.outcome).where(runs.c.id == run)).one()
    if row.data != "kept" or row.outcome is None:
        raise InputError(
            f"The run {run}, from which this one goes on, was erased meanwhile; queue a run again."
        )
    return Earlier(run, parse_outcome(row.outcome, run))


def _end(connection: Connection, run: str, state: str, at: datetime, outcome: bytes | None) -> None:
    values = {"state": state, "ended": int(at.timestamp()), "outcome": outcome}
    connection.execute(update(runs).where(runs.c.id == run).values(**values))
    end_job(connection, run)


def _results(run: BegunRun, at: datetime) -> list[dict[str, object]]:
    digest, agencies = run.agreement.digest(), run.inputs.agencies
    return [
        {
            "run": run.id,
            "agency": chosen.agency,
            "content": result_bytes(
                RunResult(
                    digest,
                    run.round,
                    run.id,
                    finished_at(at.astimezone(UTC)),
                    agencies,
                    chosen.rows,
                )
            ),
        }
        for chosen in run.inputs.uploads
    ]
