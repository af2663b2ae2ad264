"""Which uploads were committed: what the log says of them, by round."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select

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
