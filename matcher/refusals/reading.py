"""Reading which requests were refused."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select

from matcher.store.database import Database
from matcher.store.tables import refused_requests

MOST_ROWS = 500


@dataclass(frozen=True)
class RefusedRow:
    """How many requests of a kind were refused on a day (POSIX seconds of its beginning, UTC).

    ``party`` is empty where no party of the agreement has signed them.
    """

    day: int
    party: str
    endpoint: str
    problem: str
    count: int


class RefusedRequests:
    """The refused requests in a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def of(self, agreement: str) -> list[RefusedRow]:
        """Return those of an agreement's parties, and those of nobody known, the newest first.

        At most `MOST_ROWS`, the oldest left out.
        """
        of = refused_requests.c
        query = (
            select(of.day, of.party, of.endpoint, of.problem, of.count.label("total"))
            .where(of.agreement.in_((agreement, "")))
            .order_by(of.day.desc(), of.party, of.endpoint, of.problem)
            .limit(MOST_ROWS)
        )
        with self._database.reading() as connection:
            return [
                RefusedRow(row.day, row.party, row.endpoint, row.problem, row.total)
                for row in connection.execute(query)
            ]
