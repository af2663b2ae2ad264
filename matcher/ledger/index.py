"""What events are searched by: entered with them, in the transaction of the log.

There are few sorts of events, by agreement, kind, party and purpose, however many events there are;
so each event names its sort and its time, and whatever is asked for is some of the sorts.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, insert, select, update

from linkage.audit.events import Event
from linkage.audit.failures import LogError
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
    ids = {sort: count_sort(connection, sort, more) for sort, more in counts.items()}
    connection.execute(
        insert(log_index),
        [
            {"leaf": leaf, "sort": ids[sort_of(event)], "at": int(event.at.timestamp())}
            for leaf, event in events
        ],
    )


def verify_indexed(connection: Connection, events: Sequence[tuple[int, bytes]]) -> Counter[Sort]:
    """Return how many of each sort there are among stored events, given with their leaves in order.

    Raises `LogError` unless the index says of each what it says itself: else nobody would find it.
    """
    found = [_said(data) for _, data in events]
    first, last = events[0][0], events[-1][0]
    of, sorts = log_index.c, log_sorts.c
    query = (
        select(of.leaf, of.at, sorts.agreement, sorts.kind, sorts.verb, sorts.party, sorts.purpose)
        .join(log_sorts, sorts.id == of.sort)
        .where(of.leaf >= first, of.leaf <= last)
    )
    indexed = {row[0]: (Sort(*row[2:]), row[1]) for row in connection.execute(query)}
    for (leaf, _), said in zip(events, found, strict=True):
        if indexed.get(leaf) != said:
            raise LogError(
                f"Event {leaf + 1:,} of the stored log stands otherwise in the index by which it "
                "is searched, or not at all; the database was altered."
            )
    return Counter(sort for sort, _ in found)


def verify_counts(connection: Connection, counts: Mapping[Sort, int]) -> None:
    """Raise `LogError` unless the sorts are counted as the events of the whole log are."""
    of = log_sorts.c
    query = select(of.count.label("total"), of.agreement, of.kind, of.verb, of.party, of.purpose)
    stored = {Sort(*row[1:]): row[0] for row in connection.execute(query)}
    if stored != dict(counts):
        raise LogError("The index of the stored log counts other events than it has.")


def _said(data: bytes) -> tuple[Sort, int]:
    """Return sort and time of an event by its bytes, which others verify."""
    event = json.loads(data)
    sort = Sort(
        event["agreement"]["id"], event["kind"], event["verb"], event["party"], event["purpose"]
    )
    return sort, int(datetime.fromisoformat(event["at"]).timestamp())


def count_sort(connection: Connection, sort: Sort, more: int) -> int:
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
