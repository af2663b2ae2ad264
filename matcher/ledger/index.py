"""What events are searched by: entered with them, in the transaction of the log.

There are few sorts of events, by agreement, kind, party and purpose, however many events there are;
so each event names its sort and its time, and whatever is asked for is some of the sorts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, func, insert, select, update

from linkage.audit.events import Event
from matcher.store.tables import log_index, log_sorts


@dataclass(frozen=True)
class Sort:
    """What events of a sort have in common; ``agreement`` is the id of all of its versions."""

    agreement: str
    kind: str
    verb: str
    party: str
    purpose: str


def sort_of(event: Event) -> Sort:
    """Return the sort of an event."""
    return Sort(event.agreement.id, event.kind, event.verb, event.party, event.purpose)


def index_events(connection: Connection, events: Sequence[tuple[int, Event]]) -> None:
    """Enter events, each with its leaf; nobody else appends to the log meanwhile."""
    counts = Counter(sort_of(event) for _, event in events)
    ids = {sort: _count(connection, sort, more) for sort, more in counts.items()}
    connection.execute(
        insert(log_index),
        [
            {"leaf": leaf, "sort": ids[sort_of(event)], "at": int(event.at.timestamp())}
            for leaf, event in events
        ],
    )


def _count(connection: Connection, sort: Sort, more: int) -> int:
    """Count ``more`` events of a sort, and return its id."""
    of = log_sorts.c
    query = select(of.id).where(
        of.agreement == sort.agreement,
        of.kind == sort.kind,
        of.party == sort.party,
        of.purpose == sort.purpose,
    )
    known: int | None = connection.execute(query).scalar_one_or_none()
    if known is not None:
        counted = update(log_sorts).where(of.id == known).values(count=of.count + more)
        connection.execute(counted)
        return known
    last = connection.execute(select(func.max(of.id))).scalar_one_or_none()
    new = 0 if last is None else int(last) + 1
    connection.execute(insert(log_sorts).values(id=new, count=more, **vars(sort)))
    return new
