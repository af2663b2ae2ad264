"""Disclosures as the endpoints ask for them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from linkage.errors import PolicyError
from linkage.protocol.agreement import Agreement
from linkage.protocol.disclosure.replies import (
    ClusterPage,
    DisclosureEntry,
    DisclosureFile,
    EvidenceRequest,
    Revelation,
)
from matcher.agreements.marks import store_marks
from matcher.agreements.once import lock_agreement
from matcher.disclosures.cases import Cases, may_see, newest, require_seen
from matcher.disclosures.ending import Ending
from matcher.disclosures.evidence import ClusterDesk, Own
from matcher.disclosures.files import file_of
from matcher.disclosures.finished import FinishedRuns
from matcher.disclosures.holdings import told_to
from matcher.disclosures.moves import Moves, require_kept, require_met
from matcher.disclosures.sealed import sealed_to, store_sealed
from matcher.disclosures.told import Told, told_of_run
from matcher.ledger.ledger import Ledger
from matcher.store.database import Database

MOST_LISTED = 1000
_TOLD = ("approved", "released", "opened", "recalled")


class Disclosures:
    """The disclosures in a database.

    Before anything is read or moved, what is over is ended.
    """

    def __init__(
        self,
        database: Database,
        ledger: Ledger,
        finished: FinishedRuns,
        own: Own,
        clock: Callable[[], datetime],
    ) -> None:
        self._database = database
        self._clock = clock
        self._cases = Cases()
        self._desk = ClusterDesk(database, finished, own, clock)
        self._ending = Ending(database, ledger, self._cases, clock)
        self._moves = Moves(database, ledger, self._cases, clock)

    def clusters(self, agreement: Agreement, after: str | None) -> ClusterPage:
        """Return a page of the clusters that may be proposed; see `ClusterDesk.page`."""
        return self._desk.page(agreement, after)

    def evidence(self, agreement: Agreement, party: str, asked: EvidenceRequest) -> bytes:
        """Return signed evidence on clusters; see `ClusterDesk.evidence`."""
        return self._desk.evidence(agreement, party, asked.clusters)

    def protect(self, agreement: Agreement, party: str, content: bytes) -> None:
        """Store an agency's marks of protected people; see `store_marks`."""
        store_marks(self._database, agreement, party, content)

    def propose(self, agreement: Agreement, party: str, content: bytes) -> DisclosureEntry:
        """Enter a proposal; see `Moves.propose`."""
        self._ending.end_over(agreement)
        return self._moves.propose(agreement, party, content)

    def enter(
        self, agreement: Agreement, party: str, id_: str, content: bytes, *, in_force: bool
    ) -> DisclosureEntry:
        """Enter a message about a disclosure; see `Moves.enter`."""
        self._ending.end_over(agreement)
        return self._moves.enter(agreement, party, id_, content, in_force=in_force)

    def all(self, agreement: Agreement, party: str) -> tuple[DisclosureEntry, ...]:
        """Return the disclosures in which a party has a part by now, the newest first."""
        self._ending.end_over(agreement)
        with self._database.reading() as connection:
            found = newest(connection, agreement.digest())
        seen = (own.summary for own in found if may_see(agreement, party, own.summary))
        return tuple(summary.entry for summary in seen)[:MOST_LISTED]

    def of_run(self, agreement: Agreement, run: str) -> tuple[Told, ...]:
        """Return the disclosures of a run's clusters, for those who see all; see `told_of_run`."""
        self._ending.end_over(agreement)
        with self._database.reading() as connection:
            return told_of_run(connection, self._cases, agreement, run)

    def file(self, agreement: Agreement, party: str, id_: str) -> DisclosureFile:
        """Return all that there is of a disclosure; raises `MissingError`."""
        self._ending.end_over(agreement)
        with self._database.reading() as connection:
            return file_of(connection, require_seen(connection, agreement, party, id_))

    def holdings(self, agreement: Agreement, party: str, id_: str) -> Revelation:
        """Return which of its own records an agency is asked for; of none, an empty revelation.

        Raises `NotReadyError` before the quorum, whoever's records are meant, `PolicyError` once it
        is ended or erased, and `MissingError` where it isn't the party's to see.
        """
        self._ending.end_over(agreement)
        with self._database.reading() as connection:
            stored = require_seen(connection, agreement, party, id_)
            require_met(self._cases.load(connection, agreement, stored))
            if stored.state not in _TOLD:
                raise PolicyError(f"It is {stored.state}; nothing is released any more.")
            require_kept(stored)
            return Revelation(told_to(connection, stored.evidence, party))

    def put_sealed(
        self, agreement: Agreement, party: str, id_: str, recipient: str, content: bytes
    ) -> None:
        """Store what a holder seals to a recipient; see `store_sealed`."""
        self._ending.end_over(agreement)
        with self._database.writing() as connection:
            lock_agreement(connection, agreement.digest())
            stored = require_seen(connection, agreement, party, id_)
            case = self._cases.load(connection, agreement, stored)
            require_met(case)
            require_kept(stored)
            now = int(self._clock().timestamp())
            store_sealed(connection, case, party, recipient, content, now)

    def sealed(self, agreement: Agreement, party: str, id_: str, holder: str) -> bytes:
        """Return what a holder has released to the party; see `sealed_to`."""
        self._ending.end_over(agreement)
        with self._database.reading() as connection:
            stored = require_seen(connection, agreement, party, id_)
            case = self._cases.load(connection, agreement, stored)
            if party not in case.proposal.recipients:
                raise PolicyError(f"{party!r} is no recipient of it.")
            require_met(case)
            require_kept(stored)
            return sealed_to(connection, case, holder, party)
