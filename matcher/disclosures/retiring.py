"""Erasing what disclosures hold once their agreement lets it be kept no longer.

What goes is what is sealed, which records were meant, and the salts of their commitments. The
signed messages stay: they name nobody, and are what the log's digests are of.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, exists, select, update

from linkage.protocol.agreement import Agreement
from matcher.agreements.once import Unchanged, lock_agreement
from matcher.disclosures.cases import Cases, find
from matcher.disclosures.ending import Ending, over_at
from matcher.disclosures.events import erased
from matcher.disclosures.holdings import forget_held
from matcher.ledger.ledger import Ledger
from matcher.retention.days import DAY, due_since
from matcher.store.database import Database
from matcher.store.tables import agreements, cluster_evidence, disclosures, sealed_fields


@dataclass(frozen=True)
class Retired:
    """How many disclosures were ended because their time is over, and of how many all is erased."""

    ended: int = 0
    erased: int = 0


class Retiring:
    """Ends and erases what is due; ``read`` gives an admitted agreement by its digest."""

    def __init__(
        self,
        database: Database,
        ledger: Ledger,
        read: Callable[[Connection, str], Agreement],
        clock: Callable[[], datetime],
    ) -> None:
        self._database = database
        self._ledger = ledger
        self._read = read
        self._clock = clock
        self._cases = Cases()
        self._ending = Ending(database, ledger, self._cases, clock)

    def plan(self) -> Retired:
        """Return what `retire` would do now, and change nothing."""
        with self._database.reading() as connection:
            found = self._agreements(connection)
            over = [one for own in found for one in over_at(connection, own.digest(), self._now())]
            due = [one for own in found for one in self._due(connection, own)]
        return Retired(len(over), len(due))

    def retire(self) -> Retired:
        """End what is over and erase what is due; each is an event of the log."""
        with self._database.reading() as connection:
            found = self._agreements(connection)
        ended = sum(self._ending.end_over(agreement) for agreement in found)
        with self._database.reading() as connection:
            due = [(own, one) for own in found for one in self._due(connection, own)]
        done = sum(self._erase(agreement, id_) for agreement, id_ in due)
        for agreement in found:
            self._forget_evidence(agreement)
        return Retired(ended, done)

    def _agreements(self, connection: Connection) -> list[Agreement]:
        query = select(agreements.c.digest).order_by(agreements.c.id, agreements.c.version)
        digests = connection.execute(query).scalars().all()
        return [self._read(connection, digest) for digest in digests]

    def _due(self, connection: Connection, agreement: Agreement) -> list[str]:
        before = due_since(agreement, "disclosure", self._now())
        if before is None:
            return []
        query = select(disclosures.c.id).where(
            disclosures.c.agreement == agreement.digest(),
            disclosures.c.data == "kept",
            disclosures.c.received <= before,
        )
        return list(connection.execute(query.order_by(disclosures.c.leaf)).scalars())

    def _erase(self, agreement: Agreement, id_: str) -> bool:
        """Erase one; False if another purge was quicker."""
        with suppress(Unchanged), self._ledger.recording() as recording:
            connection = recording.connection
            lock_agreement(connection, agreement.digest())
            stored = find(connection, agreement.digest(), id_)
            if stored is None or stored.data != "kept":
                raise Unchanged
            connection.execute(delete(sealed_fields).where(sealed_fields.c.disclosure == id_))
            if not _is_needed(connection, stored.evidence, id_):
                forget_held(connection, stored.evidence)
            own = disclosures.c.id == id_
            connection.execute(update(disclosures).where(own).values(data="erased"))
            case = self._cases.load(connection, agreement, stored)
            recording.append(erased(case, self._clock()))
            return True
        return False

    def _forget_evidence(self, agreement: Agreement) -> None:
        """Delete evidence of which nothing came, once it is a day old."""
        used = select(disclosures.c.evidence).where(disclosures.c.agreement == agreement.digest())
        query = select(cluster_evidence.c.digest).where(
            cluster_evidence.c.agreement == agreement.digest(),
            cluster_evidence.c.made <= self._now() - DAY,
            cluster_evidence.c.digest.not_in(used),
        )
        with self._database.writing() as connection:
            lock_agreement(connection, agreement.digest())
            for digest in connection.execute(query).scalars().all():
                forget_held(connection, digest)
                own = cluster_evidence.c.digest == digest
                connection.execute(delete(cluster_evidence).where(own))

    def _now(self) -> int:
        return int(self._clock().timestamp())


def _is_needed(connection: Connection, evidence: str, id_: str) -> bool:
    """Whether another disclosure rests on the same evidence and isn't erased."""
    same = exists().where(
        disclosures.c.evidence == evidence,
        disclosures.c.id != id_,
        disclosures.c.data == "kept",
    )
    return bool(connection.execute(select(same)).scalar_one())
