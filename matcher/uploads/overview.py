"""Which uploads were committed: what the log says of them, and their leakage reports."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select

from linkage.protocol.leakage import LeakageSummary
from linkage.protocol.scheme import Scheme
from linkage.protocol.upload import leakage_of
from linkage.protocol.weakness import weak_groups
from matcher.store.database import Database
from matcher.store.tables import committed_uploads, uploads


@dataclass(frozen=True)
class CommittedUpload:
    """An upload that counts; ``committed`` is POSIX seconds, ``leaf`` that of its event.

    ``kept`` says that its encodings aren't erased yet.
    """

    round: int
    agency: str
    rows: int
    committed: int
    leaf: int
    kept: bool


class CommittedUploads:
    """The committed uploads in a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def of(self, agreement: str) -> list[CommittedUpload]:
        """Return those of an agreement, the newest round first."""
        of = committed_uploads.c
        query = (
            select(of.round, of.agency, of.rows, of.committed, of.leaf, uploads.c.state)
            .join(uploads, uploads.c.id == of.upload)
            .where(of.agreement == agreement)
            .order_by(of.round.desc(), of.agency)
        )
        with self._database.reading() as connection:
            return [
                CommittedUpload(*row[:5], kept=row.state == "committed")
                for row in connection.execute(query)
            ]

    def leakage(
        self, agreement: str, agency: str | None = None
    ) -> dict[tuple[int, str], LeakageSummary | None]:
        """Return what came of leakage reports with an agreement's uploads, by round and agency.

        With ``agency``, nothing of any other is looked at.
        """
        of = committed_uploads.c
        query = select(of.round, of.agency, of.manifest).where(of.agreement == agreement)
        if agency is not None:
            query = query.where(of.agency == agency)
        with self._database.reading() as connection:
            return {
                (row.round, row.agency): leakage_of(bytes(row.manifest))
                for row in connection.execute(query.order_by(of.agency))
            }


def verdict_of(summary: LeakageSummary | None, scheme: Scheme) -> str:
    """Return the verdict of a leakage report in words."""
    if summary is None:
        return "no report came with this upload"
    weak = summary.verdict == "passed" and weak_groups(scheme)
    return "passed with weak groups" if weak else summary.verdict
