"""Ending what is over: done by whoever looks first, so that no clock has to wake anybody."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime

from sqlalchemy import Connection, select

from linkage.protocol.agreement import Agreement
from linkage.protocol.disclosure.history import expire
from matcher.agreements.once import Unchanged, lock_agreement
from matcher.disclosures.cases import Cases, find, update_case
from matcher.disclosures.events import expired
from matcher.ledger.ledger import Ledger
from matcher.store.database import Database
from matcher.store.tables import disclosures

_OPEN = ("proposed", "approved")


class Ending:
    """Ends disclosures of which nothing was released in time."""

    def __init__(
        self, database: Database, ledger: Ledger, cases: Cases, clock: Callable[[], datetime]
    ) -> None:
        self._database = database
        self._ledger = ledger
        self._cases = cases
        self._clock = clock

    def end_over(self, agreement: Agreement) -> int:
        """End an agreement's disclosures whose time is over, and return how many there were."""
        with self._database.reading() as connection:
            over = over_at(connection, agreement.digest(), self._now())
        return sum(self._end(agreement, id_) for id_ in over)

    def _end(self, agreement: Agreement, id_: str) -> bool:
        """End one; False if another process was quicker."""
        with suppress(Unchanged), self._ledger.recording() as recording:
            connection = recording.connection
            lock_agreement(connection, agreement.digest())
            stored = find(connection, agreement.digest(), id_)
            if stored is None or stored.state not in _OPEN:
                raise Unchanged
            ended = expire(self._cases.load(connection, agreement, stored), self._now())
            recording.append(expired(ended, self._clock()))
            update_case(connection, ended)
            return True
        return False

    def _now(self) -> int:
        return int(self._clock().timestamp())


def over_at(connection: Connection, agreement: str, now: int) -> list[str]:
    """Return the disclosures that are to be ended at ``now`` (POSIX seconds)."""
    query = select(disclosures.c.id).where(
        disclosures.c.agreement == agreement,
        disclosures.c.state.in_(_OPEN),
        disclosures.c.expires <= now,
    )
    return list(connection.execute(query.order_by(disclosures.c.leaf)).scalars())
