"""Finding events by what they are about, a page at a time, however many there are.

The newest come first, by their time and then by their number in the log. A page begins where
another has ended, so that it takes as long at the end of the log as at its beginning.
"""

from __future__ import annotations

import heapq
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Row, Select, select, tuple_

from linkage.audit.events import Event, parse_event
from linkage.errors import InputError
from matcher.ledger.index import Sort
from matcher.store.database import Database
from matcher.store.tables import log_events, log_index, log_sorts

PAGE = 50
"""How many events a page has."""
_CURSOR = re.compile(r"(0|[1-9][0-9]{0,14})-(0|[1-9][0-9]{0,14})")


class Cursor(NamedTuple):
    """A place between two events: that of the time (POSIX seconds) and the leaf of one of them."""

    at: int
    leaf: int

    def __str__(self) -> str:
        return f"{self.at}-{self.leaf}"


def parse_cursor(text: str) -> Cursor:
    """Return the cursor that a text is; raises `InputError`."""
    found = _CURSOR.fullmatch(text)
    if found is None:
        raise InputError("There is no such place in the log; begin with its first page.")
    return Cursor(int(found[1]), int(found[2]))


@dataclass(frozen=True)
class Wanted:
    """Which events are wanted; None asks for nothing. Times are POSIX seconds, ``until`` excluded.

    ``agreement`` is the id that all versions of an agreement have.
    """

    agreement: str | None = None
    kind: str | None = None
    verb: str | None = None
    party: str | None = None
    purpose: str | None = None
    since: int | None = None
    until: int | None = None

    @property
    def is_timed(self) -> bool:
        """Whether times matter."""
        return self.since is not None or self.until is not None

    def takes(self, sort: Sort) -> bool:
        """Whether events of a sort may be wanted."""
        names = ("agreement", "kind", "verb", "party", "purpose")
        return all(getattr(self, own) in (None, getattr(sort, own)) for own in names)


@dataclass(frozen=True)
class Found:
    """An event, and its leaf (from 0)."""

    leaf: int
    event: Event


@dataclass(frozen=True)
class EventPage:
    """Events, the newest first, and the cursors of the pages before and after, None without any.

    ``total`` counts all that are wanted, None where times matter: then they would all have to be
    read.
    """

    events: tuple[Found, ...]
    newer: Cursor | None
    older: Cursor | None
    total: int | None


@dataclass(frozen=True)
class Choices:
    """What can be asked for, in alphabetical order."""

    kinds: tuple[str, ...]
    verbs: tuple[str, ...]
    parties: tuple[str, ...]
    purposes: tuple[str, ...]


class EventSearch:
    """Finds events in the log of a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def page(
        self, wanted: Wanted, before: Cursor | None = None, after: Cursor | None = None
    ) -> EventPage:
        """Return a page of events older than ``before``, or newer than ``after``, or the newest."""
        with self._database.reading() as connection:
            sorts = _sorts(connection)
            taken = {id_: counted for id_, (sort, counted) in sorts.items() if wanted.takes(sort)}
            whole = len(taken) == len(sorts)
            queries = _queries(None if whole else list(taken), wanted, before, after)
            places = _merged(connection, queries, newest_last=after is not None)
            events = _events(connection, [place.leaf for place in places[:PAGE]])
        total = None if wanted.is_timed else sum(taken.values())
        return _page(places, events, total, before, after)

    def choices(self, agreement: str | None) -> Choices:
        """Return what the events of an agreement, or of all, can be asked by."""
        wanted = Wanted(agreement=agreement)
        with self._database.reading() as connection:
            sorts = [sort for sort, _ in _sorts(connection).values() if wanted.takes(sort)]
        return Choices(
            kinds=tuple(sorted({sort.kind for sort in sorts})),
            verbs=tuple(sorted({sort.verb for sort in sorts})),
            parties=tuple(sorted({sort.party for sort in sorts})),
            purposes=tuple(sorted({sort.purpose for sort in sorts})),
        )


def _sorts(connection: Connection) -> dict[int, tuple[Sort, int]]:
    """Return the sorts of events and how many there are of each, by id."""
    return {
        row.id: (Sort(row.agreement, row.kind, row.verb, row.party, row.purpose), row.count_)
        for row in connection.execute(
            select(
                log_sorts.c.id,
                log_sorts.c.agreement,
                log_sorts.c.kind,
                log_sorts.c.verb,
                log_sorts.c.party,
                log_sorts.c.purpose,
                log_sorts.c.count.label("count_"),
            )
        )
    }


def _queries(
    sorts: Sequence[int] | None, wanted: Wanted, before: Cursor | None, after: Cursor | None
) -> Iterator[Select[Any]]:
    """Yield a query for each sort, or one for all of them, that an index answers in order.

    Each gives one more than a page, which shows that there is another page.
    """
    of = log_index.c
    where: list[ColumnElement[bool]] = []
    if wanted.since is not None:
        where.append(of.at >= wanted.since)
    if wanted.until is not None:
        where.append(of.at < wanted.until)
    order = [of.at.desc(), of.leaf.desc()]
    if after is not None:
        where.append(tuple_(of.at, of.leaf) > tuple_(*after))
        order = [of.at.asc(), of.leaf.asc()]
    elif before is not None:
        where.append(tuple_(of.at, of.leaf) < tuple_(*before))
    query = select(of.at, of.leaf).where(*where).order_by(*order).limit(PAGE + 1)
    if sorts is None:
        yield query
        return
    for sort in sorts:
        yield query.where(of.sort == sort)


def _merged(
    connection: Connection, queries: Iterator[Select[Any]], *, newest_last: bool
) -> list[Cursor]:
    """Return the first places that all queries together give, one more than a page at most."""
    rows: list[Row[Any]] = [row for query in queries for row in connection.execute(query)]
    places = (Cursor(row.at, row.leaf) for row in rows)
    choose = heapq.nsmallest if newest_last else heapq.nlargest
    return choose(PAGE + 1, places)


def _events(connection: Connection, leaves: Sequence[int]) -> dict[int, Event]:
    query = select(log_events.c.leaf, log_events.c.event).where(log_events.c.leaf.in_(leaves))
    return {row.leaf: parse_event(bytes(row.event)) for row in connection.execute(query)}


def _page(
    places: list[Cursor],
    events: dict[int, Event],
    total: int | None,
    before: Cursor | None,
    after: Cursor | None,
) -> EventPage:
    shown, more = sorted(places[:PAGE], reverse=True), len(places) > PAGE
    newer = more if after is not None else before is not None
    older = True if after is not None else more
    return EventPage(
        tuple(Found(place.leaf, events[place.leaf]) for place in shown),
        shown[0] if shown and newer else None,
        shown[-1] if shown and older else None,
        total,
    )
