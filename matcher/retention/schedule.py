"""When what is kept is to be erased: what was received, and its last day."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import Connection, select

from linkage.protocol.agreement import Agreement
from matcher.jobs.states import ENDED
from matcher.retention.days import What, kept_until
from matcher.store.database import Database
from matcher.store.tables import (
    cohorts,
    committed_uploads,
    disclosures,
    lookups,
    payloads,
    runs,
    uploads,
)


@dataclass(frozen=True)
class Keeping:
    """Something that is kept; ``since`` and ``until`` are POSIX seconds, None if it has no end.

    ``of`` is the agency of an upload, a payload or a lookup, the analyst of a cohort, else empty;
    ``round`` 0 where it belongs to none.
    """

    what: What
    id: str
    of: str
    round: int
    since: int
    until: int | None


class Schedule:
    """What is kept in a database, under one agreement."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def of(self, agreement: Agreement) -> list[Keeping]:
        """Return what is kept, the first to be erased first."""
        with self._database.reading() as connection:
            found = [
                *_uploads(connection, agreement),
                *_runs(connection, agreement),
                *_disclosures(connection, agreement),
                *_lookups(connection, agreement),
                *_payloads(connection, agreement),
                *_cohorts(connection, agreement),
            ]
        return sorted(found, key=lambda one: (one.until is None, one.until or 0, one.since))


def _uploads(connection: Connection, agreement: Agreement) -> Iterator[Keeping]:
    of = committed_uploads.c
    query = (
        select(uploads.c.id, of.agency, of.round, of.committed)
        .join(uploads, uploads.c.id == of.upload)
        .where(of.agreement == agreement.digest(), uploads.c.state.in_(("committed", "erasing")))
    )
    for row in connection.execute(query):
        until = kept_until(agreement, "upload", row.committed)
        yield Keeping("upload", row.id, row.agency, row.round, row.committed, until)


def _runs(connection: Connection, agreement: Agreement) -> Iterator[Keeping]:
    query = select(runs.c.id, runs.c.round, runs.c.ended).where(
        runs.c.agreement == agreement.digest(),
        runs.c.state.in_(ENDED),
        runs.c.data.in_(("kept", "erasing")),
        runs.c.ended.is_not(None),
    )
    for row in connection.execute(query):
        until = kept_until(agreement, "run", row.ended)
        yield Keeping("run", row.id, "", row.round, row.ended, until)


def _disclosures(connection: Connection, agreement: Agreement) -> Iterator[Keeping]:
    query = select(disclosures.c.id, disclosures.c.received).where(
        disclosures.c.agreement == agreement.digest(), disclosures.c.data == "kept"
    )
    for row in connection.execute(query):
        until = kept_until(agreement, "disclosure", row.received)
        yield Keeping("disclosure", row.id, "", 0, row.received, until)


def _lookups(connection: Connection, agreement: Agreement) -> Iterator[Keeping]:
    of = lookups.c
    query = select(of.id, of.asker, of.lodged, of.until).where(of.agreement == agreement.digest())
    for row in connection.execute(query):
        until = kept_until(agreement, "lookup", row.until)
        yield Keeping("lookup", row.id, row.asker, 0, row.lodged, until)


def _payloads(connection: Connection, agreement: Agreement) -> Iterator[Keeping]:
    of = payloads.c
    query = select(of.id, of.agency, of.round, of.committed).where(
        of.agreement == agreement.digest(), of.state.in_(("committed", "erasing"))
    )
    for row in connection.execute(query):
        until = kept_until(agreement, "payload", row.committed)
        yield Keeping("payload", row.id, row.agency, row.round, row.committed, until)


def _cohorts(connection: Connection, agreement: Agreement) -> Iterator[Keeping]:
    of = cohorts.c
    query = select(of.id, of.analyst, of.pulled).where(
        of.agreement == agreement.digest(), of.data.in_(("kept", "erasing"))
    )
    for row in connection.execute(query):
        until = kept_until(agreement, "cohort", row.pulled)
        yield Keeping("cohort", row.id, row.analyst, 0, row.pulled, until)
