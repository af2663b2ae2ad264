"""Admitted agreements as they stand today: parsed once, and judged anew when something changes."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from datetime import date, datetime
from threading import Lock
from typing import Generic, TypeVar

from sqlalchemy import Connection, bindparam, select

from linkage.errors import MissingError
from linkage.protocol.agreement import Agreement, parse_content
from linkage.protocol.standing import Standing, standing
from matcher.store.tables import agreement_signatures, agreements

# Asked by every request: to build them anew takes longer than to ask.
_VERSION = select(agreements.c.digest).where(
    agreements.c.id == bindparam("of"), agreements.c.version == bindparam("number")
)
_SIGNERS = select(agreement_signatures.c.party).where(
    agreement_signatures.c.agreement == bindparam("digest")
)
_MOST_KEPT = 256
_Key = TypeVar("_Key")
_Value = TypeVar("_Value")


class Standings:
    """Reads agreements and says how they stand.

    Contents and signatures never change once they are stored, so what was parsed and verified is
    kept under what it follows from.
    """

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._parsed: Recent[str, Agreement] = Recent()
        self._judged: Recent[tuple[str, tuple[str, ...], date, str], Standing] = Recent()

    def agreement(self, connection: Connection, digest: str) -> Agreement:
        """Return an admitted agreement by its digest, or raise `MissingError`."""
        return self._parsed.get(digest, lambda: _read(connection, digest))

    def standing(self, connection: Connection, digest: str) -> Standing:
        """Return how an admitted agreement stands today (UTC)."""
        agreement = self.agreement(connection, digest)
        today = self._clock().date()
        successor = self._successor(connection, agreement)
        key = (digest, _signers(connection, digest), today, successor.digest() if successor else "")
        return self._judged.get(
            key,
            lambda: standing(agreement, signatures(connection, digest), today, successor),
        )

    def _successor(self, connection: Connection, agreement: Agreement) -> Agreement | None:
        """Return the next version if it is in force itself, or was replaced in its turn."""
        terms = agreement.agreement
        following = {"of": terms.id, "number": terms.version + 1}
        digest = connection.execute(_VERSION, following).scalar_one_or_none()
        if digest is None:
            return None
        state = self.standing(connection, digest).state
        return self.agreement(connection, digest) if state in {"in force", "replaced"} else None


def signatures(connection: Connection, digest: str) -> dict[str, bytes]:
    """Return the signatures under an agreement, by party, in the order of the parties' names."""
    query = (
        select(agreement_signatures.c.party, agreement_signatures.c.content)
        .where(agreement_signatures.c.agreement == digest)
        .order_by(agreement_signatures.c.party)
    )
    return {row.party: row.content for row in connection.execute(query)}


def _signers(connection: Connection, digest: str) -> tuple[str, ...]:
    return tuple(sorted(connection.execute(_SIGNERS, {"digest": digest}).scalars()))


def _read(connection: Connection, digest: str) -> Agreement:
    query = select(agreements.c.content).where(agreements.c.digest == digest)
    content = connection.execute(query).scalar_one_or_none()
    if content is None:
        raise MissingError(f"No agreement {digest[:16]} is admitted here; ask the operator.")
    return parse_content(content, f"The agreement {digest[:16]}")


class Recent(Generic[_Key, _Value]):
    """What was computed last, so that it needn't be again; what fails isn't kept."""

    def __init__(self, most: int = _MOST_KEPT) -> None:
        self._most = most
        self._kept: OrderedDict[_Key, _Value] = OrderedDict()
        self._lock = Lock()

    def peek(self, key: _Key) -> _Value | None:
        """Return what is kept under the key, None if nothing is."""
        with self._lock:
            return self._kept.get(key)

    def get(self, key: _Key, compute: Callable[[], _Value]) -> _Value:
        """Return what is kept under the key, or compute it and keep it."""
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        value = compute()
        with self._lock:
            self._kept[key] = value
            if len(self._kept) > self._most:
                self._kept.popitem(last=False)
        return value
