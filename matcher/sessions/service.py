"""Signing in and out, and who it is that asks.

A session belongs to a key and an agreement. It ends when it isn't used for `IDLE_SECONDS`, after
`MOST_SECONDS` in any case, when its holder signs out, and with the agreement's parties' keys.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, insert, select, update

from linkage.audit.events import Event
from linkage.errors import InputError
from linkage.protocol.console import ConsoleLink, claims_of, read_link, verify_link
from linkage.protocol.requests import CLOCK_SKEW
from matcher.agreements.directory import Directory, Place
from matcher.ledger.about import event_about
from matcher.ledger.ledger import Ledger
from matcher.store.database import Database
from matcher.store.nonces import use_nonce
from matcher.store.tables import console_sessions

IDLE_SECONDS = 30 * 60
"""After how long without a request a session ends."""
MOST_SECONDS = 8 * 3600
"""How long a session lasts, however busy."""
_TOUCH_SECONDS = 60
_TOKEN = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Offer:
    """A link that holds: who would be signed in, and what the link says."""

    place: Place
    link: ConsoleLink


@dataclass(frozen=True)
class Session:
    """Somebody who is signed in: their place in the agreement, and until when (POSIX seconds).

    ``key`` is the fingerprint of the key that has signed them in.
    ``form_token`` stands in every form of theirs, so that no other site can send one.
    """

    place: Place
    key: str
    until: int
    form_token: str


class Sessions:
    """The sessions in a database; ``address`` is what links must be made for."""

    def __init__(
        self,
        database: Database,
        ledger: Ledger,
        directory: Directory,
        address: str,
        clock: Callable[[], datetime],
    ) -> None:
        self._database = database
        self._ledger = ledger
        self._directory = directory
        self._address = address
        self._clock = clock

    def offer(self, text: str) -> Offer:
        """Return what a link offers, and use nothing up.

        Raises `LinkageError` for one that doesn't hold, but can't know whether it was used.
        """
        return self._held(read_link(text))

    def enter(self, text: str) -> str:
        """Use a link up, and return the token of the session that it opens.

        The session, the nonce and the log's event are one transaction. Raises `ReplayedError` for
        a link that was used, `InputError` for a reason that could name somebody.
        """
        content = read_link(text)
        offer, token, now = self._held(content), secrets.token_hex(32), self._now
        with self._ledger.recording() as recording:
            _forget_ended(recording.connection, now)
            use_nonce(
                recording.connection,
                f"{offer.place.digest} {offer.link.nonce}",
                offer.link.expires + CLOCK_SKEW,
            )
            recording.connection.execute(
                insert(console_sessions).values(
                    token=_hashed(token),
                    agreement=offer.place.digest,
                    fingerprint=claims_of(content)[0],
                    opened=now,
                    seen=now,
                    until=now + MOST_SECONDS,
                )
            )
            recording.append(self._opened(offer))
        return token

    def find(self, token: str) -> Session | None:
        """Return the session of a token, None where there is none any more."""
        if not _TOKEN.fullmatch(token):
            return None
        now, hashed = self._now, _hashed(token)
        with self._database.reading() as connection:
            query = select(console_sessions).where(console_sessions.c.token == hashed)
            row = connection.execute(query).one_or_none()
        if row is None or now >= row.until or now - row.seen >= IDLE_SECONDS:
            return None
        try:
            place = self._directory.place(row.fingerprint, row.agreement)
        except InputError:
            return None
        seen = row.seen
        if now - seen >= _TOUCH_SECONDS:
            self._touch(hashed, now)
            seen = now
        until = min(row.until, seen + IDLE_SECONDS)
        return Session(place, row.fingerprint, until, form_token(token))

    def leave(self, token: str) -> None:
        """End a session; nothing happens where there is none."""
        with self._database.writing() as connection:
            own = console_sessions.c.token == _hashed(token)
            connection.execute(delete(console_sessions).where(own))

    def _held(self, content: bytes) -> Offer:
        """Return what a link offers if it holds: who is looked up decides whose word counts."""
        place = self._directory.place(*claims_of(content))
        _, link = verify_link(content, place.agreement, self._address, self._now)
        return Offer(place, link)

    def _touch(self, hashed: str, now: int) -> None:
        with self._database.writing() as connection:
            own = console_sessions.c.token == hashed
            connection.execute(update(console_sessions).where(own).values(seen=now))

    def _opened(self, offer: Offer) -> Event:
        place = offer.place
        return event_about(
            place.agreement,
            "console.opened",
            place.party,
            self._clock(),
            justification=offer.link.reason,
        )

    @property
    def _now(self) -> int:
        return int(self._clock().timestamp())


def form_token(token: str) -> str:
    """Return what stands in the forms of a session: nothing by which its cookie could be told."""
    return hmac.new(token.encode(), b"concord/1/console-form", hashlib.sha256).hexdigest()


def is_form_token(session: Session, given: str) -> bool:
    """Whether a form is one of the session's own."""
    return hmac.compare_digest(session.form_token.encode(), given.encode())


def _hashed(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _forget_ended(connection: Connection, now: int) -> None:
    """Delete sessions that have ended."""
    ended = (console_sessions.c.until <= now) | (console_sessions.c.seen <= now - IDLE_SECONDS)
    connection.execute(delete(console_sessions).where(ended))
