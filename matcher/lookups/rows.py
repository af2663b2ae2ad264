"""Lookups as rows of the database."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

from sqlalchemy import Connection, Row, Select, delete, func, insert, or_, select, update

from linkage.errors import MissingError
from linkage.protocol.lookups.replies import State
from matcher.store.tables import agreements, lookup_answers, lookup_matches, lookups

MOST_LISTED = 1000


@dataclass(frozen=True, repr=False)
class Lookup:
    """A lookup: the signed ``request`` as it came; ``run`` is the one it was compared with.

    ``opened`` is the leaf of the event that its asker was handed the answers.
    """

    id: str
    agreement: str
    asker: str
    request: bytes
    lodged: int
    until: int
    state: State
    run: str | None
    opened: int | None = None

    def __repr__(self) -> str:
        return f"Lookup({self.id[:8]}, {self.state})"


def add(connection: Connection, lookup: Lookup, encoding: bytes) -> None:
    """Store a new lookup."""
    values = {name: getattr(lookup, name) for name in Lookup.__dataclass_fields__}
    connection.execute(insert(lookups).values(**values, encoding=encoding))


def find(connection: Connection, digest: str, lookup: str, *, lock: bool = False) -> Lookup | None:
    """Return a lookup under an agreement, None if there is none."""
    query = _query().where(lookups.c.agreement == digest, lookups.c.id == lookup)
    found = connection.execute(query.with_for_update() if lock else query).one_or_none()
    return None if found is None else _lookup(found)


def require(connection: Connection, digest: str, lookup: str, *, lock: bool = False) -> Lookup:
    """Return a lookup under an agreement; raises `MissingError`."""
    found = find(connection, digest, lookup, lock=lock)
    if found is None:
        raise MissingError(f"There is no lookup {lookup[:16]} under this agreement; list them.")
    return found


def visible_to(connection: Connection, digest: str, agency: str) -> list[Lookup]:
    """Return others' open lookups and the agency's own, the newest first."""
    query = (
        _query()
        .where(lookups.c.agreement == digest)
        .where(or_(lookups.c.state == "lodged", lookups.c.asker == agency))
        .order_by(lookups.c.lodged.desc(), lookups.c.id)
        .limit(MOST_LISTED)
    )
    return [_lookup(row) for row in connection.execute(query)]


def count_since(connection: Connection, agreement: str, agency: str, since: int) -> int:
    """Return how many lookups an agency has lodged since ``since`` (POSIX seconds).

    Those under every version of the agreement with that id count.
    """
    versions = select(agreements.c.digest).where(agreements.c.id == agreement)
    query = select(func.count()).where(
        lookups.c.agreement.in_(versions), lookups.c.asker == agency, lookups.c.lodged >= since
    )
    return int(connection.execute(query).scalar_one())


def due(connection: Connection, now: int, *, lock: bool = False) -> list[Lookup]:
    """Return the lookups whose time is over and that aren't closed, the oldest first."""
    query = _query().where(lookups.c.state == "lodged", lookups.c.until <= now)
    query = query.order_by(lookups.c.until, lookups.c.id)
    found = connection.execute(query.with_for_update() if lock else query)
    return [_lookup(row) for row in found]


def first_over(connection: Connection) -> dict[str, int]:
    """Return by agreement when the first of its lookups was, or will be, over."""
    until = func.min(lookups.c.until).label("until")
    query = select(lookups.c.agreement, until).group_by(lookups.c.agreement)
    return {row.agreement: row.until for row in connection.execute(query)}


def over_since(connection: Connection, digest: str, until: int) -> list[str]:
    """Return the ids of an agreement's lookups that were over by then, the oldest first."""
    query = select(lookups.c.id).where(lookups.c.agreement == digest, lookups.c.until <= until)
    return list(connection.execute(query.order_by(lookups.c.until, lookups.c.id)).scalars())


def erase(connection: Connection, lookup: str) -> bool:
    """Erase a closed lookup and its answers; returns whether it was there."""
    own = (lookups.c.id == lookup) & (lookups.c.state == "closed")
    if connection.execute(select(lookups.c.id).where(own).with_for_update()).first() is None:
        return False
    connection.execute(delete(lookup_answers).where(lookup_answers.c.lookup == lookup))
    return connection.execute(delete(lookups).where(own)).rowcount == 1


def close(connection: Connection, lookup: str) -> None:
    """Close a lookup, and forget its encoding and what was found for it."""
    values = {"state": "closed", "encoding": None, "busy": None}
    connection.execute(update(lookups).where(lookups.c.id == lookup).values(**values))
    connection.execute(delete(lookup_matches).where(lookup_matches.c.lookup == lookup))


def enter_opening(connection: Connection, lookup: str, leaf: int) -> None:
    """Note where the log has that the asker was handed the answers."""
    connection.execute(update(lookups).where(lookups.c.id == lookup).values(opened=leaf))


def matches_of(connection: Connection, lookup: str, agency: str) -> str | None:
    """Return what was found for an agency, None if nothing was compared."""
    query = select(lookup_matches.c.tokens).where(
        lookup_matches.c.lookup == lookup, lookup_matches.c.agency == agency
    )
    return connection.execute(query).scalar_one_or_none()


def answers_to(connection: Connection, lookup: str) -> dict[str, tuple[bytes, int | None]]:
    """Return each agency's answer, and its leaf in the log once it is closed, by name."""
    query = select(lookup_answers).where(lookup_answers.c.lookup == lookup)
    found = connection.execute(query.order_by(lookup_answers.c.agency))
    return {row.agency: (bytes(row.content), row.leaf) for row in found}


def answered_by(connection: Connection, agency: str) -> set[str]:
    """Return the lookups that an agency has answered."""
    query = select(lookup_answers.c.lookup).where(lookup_answers.c.agency == agency)
    return set(connection.execute(query).scalars())


def put_answer(connection: Connection, lookup: str, agency: str, content: bytes) -> None:
    """Store an agency's answer in the place of an earlier one."""
    of = (lookup_answers.c.lookup == lookup) & (lookup_answers.c.agency == agency)
    connection.execute(delete(lookup_answers).where(of))
    values = {"lookup": lookup, "agency": agency, "content": content}
    connection.execute(insert(lookup_answers).values(**values))


def enter_answer(connection: Connection, lookup: str, agency: str, leaf: int) -> None:
    """Note where the log has the event about an answer."""
    of = (lookup_answers.c.lookup == lookup) & (lookup_answers.c.agency == agency)
    connection.execute(update(lookup_answers).where(of).values(leaf=leaf))


def _query() -> Select[Any]:
    return select(*(lookups.c[name] for name in Lookup.__dataclass_fields__))


def _lookup(row: Row[Any]) -> Lookup:
    values = row._asdict()
    state = cast("State", values.pop("state"))
    return Lookup(**{**values, "request": bytes(values["request"])}, state=state)
