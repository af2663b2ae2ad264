"""Erasing payload and cohorts once their agreement lets them be kept no longer.

For each, in an order that a kill at any moment leaves true: it is marked as being erased, and not
read from then on; its objects are deleted; in one transaction it is marked as erased, its key is
gone, and the log says so. Payload that was never committed, and maps that never became a cohort,
are forgotten; pieces that a killed process has left of payload that is gone are looked for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Column, Connection, Table, delete, select, update

from linkage.audit.events import Event
from linkage.protocol.agreement import Agreement
from linkage.protocol.cohort.messages import digest_of
from matcher.agreements.once import Unchanged, lock_agreement
from matcher.cohorts import cohort_rows
from matcher.ledger.about import event_about, operator_of
from matcher.ledger.ledger import Ledger
from matcher.objects.keys import PAYLOADS, cohort_objects, payload_objects
from matcher.objects.objects import Objects
from matcher.retention.days import DAY, due_since, why_erased
from matcher.retention.due import begun_or_due
from matcher.store.database import Database
from matcher.store.tables import agreements, cohort_drafts, cohorts, payload_pieces, payloads

Kind = Literal["payload", "cohort"]


@dataclass(frozen=True)
class Erased:
    """How many payloads and cohorts were erased, and how many unfinished ones forgotten."""

    payloads: int = 0
    cohorts: int = 0
    unfinished: int = 0


@dataclass(frozen=True)
class _Due:
    kind: Kind
    id: str
    agreement: Agreement
    digest: str
    """Of the signed message that it began with: the manifest, or the cohort."""

    @property
    def prefix(self) -> str:
        """The beginning of the keys of its objects."""
        return payload_objects(self.id) if self.kind == "payload" else cohort_objects(self.id)


class PayloadErasing:
    """Erases what is due; ``read`` gives an admitted agreement by its digest.

    What was begun ``days`` ago and never committed is given up.
    """

    def __init__(
        self,
        database: Database,
        ledger: Ledger,
        objects: Objects,
        read: Callable[[Connection, str], Agreement],
        days: int,
        clock: Callable[[], datetime],
    ) -> None:
        self._database = database
        self._ledger = ledger
        self._objects = objects
        self._read = read
        self._days = days
        self._clock = clock

    def plan(self) -> Erased:
        """Return what `erase` would do now, and change nothing."""
        with self._database.reading() as connection:
            kinds = [due.kind for due in self._due(connection)]
            left = len(self._open(connection)) + len(self._drafts(connection))
        return Erased(kinds.count("payload"), kinds.count("cohort"), left)

    def erase(self) -> Erased:
        """Erase what is due, by an event each; raises `ObjectsError`, `DatabaseError`."""
        with self._database.reading() as connection:
            due = list(self._due(connection))
        done = [one.kind for one in due if self._erase(one)]
        unfinished = self._forget_unfinished()
        self._delete_strays()
        return Erased(done.count("payload"), done.count("cohort"), unfinished)

    def _due(self, connection: Connection) -> Iterator[_Due]:
        query = select(agreements.c.digest).order_by(agreements.c.id, agreements.c.version)
        for digest in connection.execute(query).scalars().all():
            agreement = self._read(connection, digest)
            for kind, time, content in _TIMES:
                table, mark, _ = _TABLES[kind]
                begun, kept = table.c[mark] == "erasing", table.c[mark] == _KEPT[kind]
                due = begun_or_due(begun, kept, time, due_since(agreement, kind, self._now()))
                own = select(table.c.id, content).where(table.c.agreement == digest, due)
                for id_, message in connection.execute(own.order_by(time, table.c.id)).all():
                    yield _Due(kind, id_, agreement, digest_of(bytes(message)))

    def _erase(self, due: _Due) -> bool:
        """Erase one; False if another purge was quicker."""
        table, mark, secret = _TABLES[due.kind]
        own = table.c.id == due.id
        with self._database.writing() as connection:
            lock_agreement(connection, due.agreement.digest())
            kept = own & (table.c[mark] == _KEPT[due.kind])
            connection.execute(update(table).where(kept).values({mark: "erasing"}))
        self._objects.delete_below(due.prefix)
        with suppress(Unchanged), self._ledger.recording() as recording:
            connection = recording.connection
            lock_agreement(connection, due.agreement.digest())
            begun = own & (table.c[mark] == "erasing")
            done = update(table).where(begun).values({mark: "erased", secret: None})
            if connection.execute(done).rowcount != 1:
                raise Unchanged
            if due.kind == "payload":
                gone = payload_pieces.c.payload == due.id
                connection.execute(delete(payload_pieces).where(gone))
            recording.append(self._event(due))
            return True
        return False

    def _event(self, due: _Due) -> Event:
        return event_about(
            due.agreement,
            "records.erased",
            operator_of(due.agreement),
            self._clock(),
            counts={f"{due.kind}s": 1},
            digests={"manifest" if due.kind == "payload" else "cohort": due.digest},
            justification=why_erased(due.agreement, due.kind),
        )

    def _forget_unfinished(self) -> int:
        with self._database.reading() as connection:
            opened, drafts = self._open(connection), self._drafts(connection)
        return sum(map(self._forget_payload, opened)) + sum(map(self._forget_draft, drafts))

    def _forget_payload(self, id_: str) -> bool:
        with self._database.writing() as connection:
            state = select(payloads.c.state).where(payloads.c.id == id_).with_for_update()
            if connection.execute(state).scalar_one_or_none() != "open":
                return False
            connection.execute(delete(payload_pieces).where(payload_pieces.c.payload == id_))
            connection.execute(delete(payloads).where(payloads.c.id == id_))
        self._objects.delete_below(payload_objects(id_))
        return True

    def _forget_draft(self, id_: str) -> bool:
        self._objects.delete_below(cohort_objects(id_))
        with self._database.writing() as connection:
            return cohort_rows.forget_draft(connection, id_)

    def _delete_strays(self) -> None:
        """Delete the pieces of payloads that are gone: a kill before their deletion leaves them.

        A payload has its row before any piece, so what has pieces and no row now never will.
        """
        there = {key.split("/")[1] for key in self._objects.list(PAYLOADS)}
        with self._database.reading() as connection:
            kept = select(payloads.c.id).where(payloads.c.state != "erased")
            gone = there - set(connection.execute(kept).scalars())
        for id_ in sorted(gone):
            self._objects.delete_below(payload_objects(id_))

    def _open(self, connection: Connection) -> list[str]:
        """Return the payloads that were begun long ago and never committed."""
        of = payloads.c
        query = select(of.id).where(of.state == "open", of.opened < self._now() - DAY * self._days)
        return list(connection.execute(query).scalars())

    def _drafts(self, connection: Connection) -> list[str]:
        """Return the drafts of cohorts whose process can't be at work any more."""
        query = select(cohort_drafts.c.id).where(cohort_drafts.c.begun < self._now() - DAY)
        return list(connection.execute(query).scalars())

    def _now(self) -> int:
        return int(self._clock().timestamp())


_KEPT = {"payload": "committed", "cohort": "kept"}
_TABLES: dict[Kind, tuple[Table, str, str]] = {
    "payload": (payloads, "state", "blinding"),
    "cohort": (cohorts, "data", "key"),
}
"""By kind its table, the column of its mark, and that of the key which goes with it."""
_TIMES: tuple[tuple[Kind, Column[Any], Column[Any]], ...] = (
    ("payload", payloads.c.committed, payloads.c.manifest),
    ("cohort", cohorts.c.pulled, cohorts.c.cohort),
)
"""By kind the time from which its days count, and the signed message that it began with."""
