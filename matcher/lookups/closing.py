"""Closing lookups: all answers are handed over at once, at the moment that the request named.

Until then the log is silent about answers, and an agency may replace its own. So neither when an
agency answered, nor how often, tells anybody anything. Once the agreement's days for disclosures
are over, a closed lookup is erased.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import datetime

from sqlalchemy import Connection

from linkage.protocol.agreement import Agreement
from linkage.protocol.lookups.messages import digest_of, other_agencies, verify_request
from matcher.agreements.once import Unchanged
from matcher.agreements.standings import Standings
from matcher.ledger.about import event_about, operator_of
from matcher.ledger.ledger import Ledger
from matcher.ledger.recording import Recording
from matcher.lookups import rows
from matcher.lookups.rows import Lookup
from matcher.retention.days import due_since, why_erased
from matcher.store.database import Database


class Closing:
    """Closes the lookups whose time is over, and erases those that were kept long enough."""

    def __init__(
        self,
        database: Database,
        ledger: Ledger,
        standings: Standings,
        clock: Callable[[], datetime],
    ) -> None:
        self._database = database
        self._ledger = ledger
        self._standings = standings
        self._clock = clock

    def close_due(self) -> int:
        """Close what is due, with its events in the same transaction; return how many."""
        now = int(self._clock().timestamp())
        with self._database.reading() as connection:
            if not rows.due(connection, now):
                return 0
        closed: list[Lookup] = []
        with suppress(Unchanged), self._ledger.recording() as recording:
            self._close_all(recording, now, closed)
        return len(closed)

    def plan(self) -> int:
        """Return how many lookups `erase_due` would erase now, once those were closed."""
        with self._database.reading() as connection:
            return sum(1 for _ in self._due(connection))

    def erase_due(self) -> int:
        """Erase the closed lookups that the agreement lets nobody keep any more; return how many.

        Of an agreement that doesn't say how long, they are kept.
        """
        with self._database.reading() as connection:
            found = list(self._due(connection))
        return sum(self._erase(agreement, id_) for agreement, id_ in found)

    def _due(self, connection: Connection) -> Iterator[tuple[Agreement, str]]:
        """Yield what isn't to be kept any more; asked every second, so it reads little."""
        now = int(self._clock().timestamp())
        for digest, first in rows.first_over(connection).items():
            agreement = self._standings.agreement(connection, digest)
            since = due_since(agreement, "lookup", now)
            if since is not None and first <= since:
                for id_ in rows.over_since(connection, digest, since):
                    yield agreement, id_

    def _erase(self, agreement: Agreement, id_: str) -> bool:
        """Erase a closed lookup and say so; False if another process was quicker."""
        with suppress(Unchanged), self._ledger.recording() as recording:
            if not rows.erase(recording.connection, id_):
                raise Unchanged
            recording.append(
                event_about(
                    agreement,
                    "records.erased",
                    operator_of(agreement),
                    self._clock(),
                    counts={"lookups": 1},
                    digests={"request": id_},
                    justification=why_erased(agreement, "lookup"),
                )
            )
            return True
        return False

    def _close_all(self, recording: Recording, now: int, closed: list[Lookup]) -> None:
        closed += rows.due(recording.connection, now, lock=True)
        if not closed:
            raise Unchanged  # another process was quicker
        for lookup in closed:
            self._close(recording, lookup)

    def _close(self, recording: Recording, lookup: Lookup) -> None:
        connection = recording.connection
        agreement = self._standings.agreement(connection, lookup.agreement)
        answers = rows.answers_to(connection, lookup.id)
        for agency, (content, _) in answers.items():
            leaf = self._enter(recording, agreement, lookup, agency, content)
            rows.enter_answer(connection, lookup.id, agency, leaf)
        rows.close(connection, lookup.id)
        asked = len(other_agencies(agreement, lookup.asker))
        recording.append(
            event_about(
                agreement,
                "lookup.closed",
                operator_of(agreement),
                self._clock(),
                counts={"agencies": asked, "answers": len(answers)},
                digests={"request": lookup.id},
            )
        )

    def _enter(
        self,
        recording: Recording,
        agreement: Agreement,
        lookup: Lookup,
        agency: str,
        content: bytes,
    ) -> int:
        """Enter the event about an answer, which is the same whatever the answer holds."""
        _, request = verify_request(lookup.request, "The stored request", agreement)
        return recording.append(
            event_about(
                agreement,
                "lookup.answered",
                agency,
                self._clock(),
                recipients=(lookup.asker,),
                digests={"request": lookup.id, "answer": digest_of(content)},
                justification=request.necessity,
            )
        )
