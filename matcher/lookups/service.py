"""The lookups of a matcher: lodging one, showing it, and taking the answers.

Whoever lodges one is told the same whatever is known of the person: nothing is compared here. To
every other agency a lookup looks alike, whether or not it holds the person.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from typing import TypedDict

from sqlalchemy import Connection

from linkage.audit.events import Event
from linkage.errors import ConflictError, InputError, PolicyError, VerificationError
from linkage.protocol.agreement import Agreement
from linkage.protocol.canonical import encode_base64
from linkage.protocol.lookups.content import require_answer_to
from linkage.protocol.lookups.messages import (
    Request,
    digest_of,
    verify_answer,
    verify_request,
)
from linkage.protocol.lookups.record import parse_person
from linkage.protocol.lookups.replies import (
    EnteredAnswer,
    EnteredEvent,
    LookupEntry,
    LookupFile,
    LookupList,
    matches_text,
)
from linkage.protocol.lookups.rules import DAY, require_allowed, terms_of
from matcher.agreements.freshness import require_fresh
from matcher.agreements.once import Unchanged, lock_agreement
from matcher.ledger.about import event_about
from matcher.ledger.ledger import Ledger
from matcher.ledger.stored_log import StoredLog
from matcher.lookups import rows
from matcher.lookups.closing import Closing
from matcher.lookups.rows import Lookup
from matcher.store.database import Database


class HandedOver(TypedDict, total=False):
    """What a closed lookup's file has, and an open one's hasn't; see `LookupFile`."""

    checkpoint: str
    answers: tuple[EnteredAnswer, ...]
    opened: EnteredEvent | None


class Lookups:
    """Lodges lookups and takes answers."""

    def __init__(
        self,
        database: Database,
        ledger: Ledger,
        closing: Closing,
        clock: Callable[[], datetime],
    ) -> None:
        self._database = database
        self._ledger = ledger
        self._closing = closing
        self._clock = clock

    def lodge(
        self, agreement: Agreement, agency: str, content: bytes, encoding: bytes
    ) -> LookupEntry:
        """Store a signed request with its encoding; the same again gives the same reply.

        Raises `VerificationError` unless it is a request of an agency under this agreement and the
        encoding is the one that it names, `PolicyError` where the agreement doesn't allow it, today
        or at all, `InputError` for a necessity that could name somebody.
        """
        self._closing.close_due()
        asker, request = verify_request(content, "The request", agreement)
        if asker != agency:
            raise PolicyError(f"The request is that of {asker!r}, and {agency!r} sent it.")
        if digest_of(encoding) != request.encoding:
            raise VerificationError("The encoding isn't the one that the request names.")
        parse_person(agreement.scheme, encoding, "The encoding")
        with suppress(Unchanged):
            self._lodge(agreement, asker, request, content, encoding)
        with self._database.reading() as connection:
            return _entry(rows.require(connection, agreement.digest(), digest_of(content)), set())

    def visible(self, agreement: Agreement, agency: str) -> LookupList:
        """Return the open lookups of others, and the agency's own of whatever state."""
        self._closing.close_due()
        with self._database.reading() as connection:
            answered = rows.answered_by(connection, agency)
            found = rows.visible_to(connection, agreement.digest(), agency)
        return LookupList(tuple(_entry(lookup, answered) for lookup in found))

    def show(self, agreement: Agreement, agency: str, lookup: str) -> LookupFile:
        """Return a lookup as an agency may see it; raises `MissingError`.

        When its asker is handed the answers for the first time, the log says so before.
        """
        self._closing.close_due()
        with suppress(Unchanged):
            self._open(agreement, agency, lookup)
        with self._database.reading() as connection:
            found = rows.require(connection, agreement.digest(), lookup)
            matches = rows.matches_of(connection, lookup, agency)
            handed = self._handed_over(connection, found, agency)
        return LookupFile(
            state=found.state,
            request=encode_base64(found.request),
            compared=found.run is not None,
            matches=matches or matches_text([]),
            **handed,
        )

    def answer(self, agreement: Agreement, agency: str, lookup: str, content: bytes) -> LookupEntry:
        """Store an agency's signed answer, in the place of its earlier one.

        Raises `VerificationError` unless it is an answer to this lookup, sealed to its asker and of
        the size of all answers; `PolicyError` once the lookup is closed; `ConflictError` for one
        that is older than what is stored.
        """
        self._closing.close_due()
        with self._database.writing() as connection:
            found = rows.require(connection, agreement.digest(), lookup, lock=True)
            source = "The answer"
            signer, answer = verify_answer(content, source, agreement, found.asker, found.request)
            if signer != agency:
                raise PolicyError(f"The answer is that of {signer!r}, and {agency!r} sent it.")
            require_answer_to(agreement, agency, answer, found.asker)
            stored, _ = rows.answers_to(connection, lookup).get(agency, (None, None))
            if stored != content:
                self._require_open(found)
                _require_newer(agreement, found, stored, answer.at)
                rows.put_answer(connection, lookup, agency, content)
        return _entry(found, {lookup})

    def _lodge(
        self, agreement: Agreement, asker: str, request: Request, content: bytes, encoding: bytes
    ) -> None:
        digest, id_, now = agreement.digest(), digest_of(content), self._now()
        with self._ledger.recording() as recording:
            connection = recording.connection
            lock_agreement(connection, digest)
            if rows.find(connection, digest, id_) is not None:
                raise Unchanged
            require_allowed(agreement, asker, request)
            require_fresh(request.at, now)
            _require_time_left(request, now)
            _require_within_limit(connection, agreement, asker, now)
            lookup = Lookup(id_, digest, asker, content, now, request.until, "lodged", None)
            rows.add(connection, lookup, encoding)
            recording.append(self._event(agreement, asker, request, id_))

    def _open(self, agreement: Agreement, agency: str, lookup: str) -> None:
        """Enter that the asker is handed the answers; raises `Unchanged` if there is no need."""
        digest = agreement.digest()
        with self._database.reading() as connection:
            _require_unopened(rows.require(connection, digest, lookup), agency)
        with self._ledger.recording() as recording:
            found = rows.require(recording.connection, digest, lookup, lock=True)
            _require_unopened(found, agency)
            _, request = verify_request(found.request, "The stored request", agreement)
            event = event_about(
                agreement,
                "lookup.opened",
                agency,
                self._clock(),
                digests={"request": lookup},
                justification=request.necessity,
            )
            rows.enter_opening(recording.connection, lookup, recording.append(event))

    def _event(self, agreement: Agreement, asker: str, request: Request, id_: str) -> Event:
        return event_about(
            agreement,
            "lookup.lodged",
            asker,
            self._clock(),
            digests={"request": id_},
            justification=request.necessity,
        )

    def _handed_over(self, connection: Connection, lookup: Lookup, agency: str) -> HandedOver:
        """Return a checkpoint and what it counts: all answers for the asker, else one's own."""
        if lookup.state != "closed":
            return {}
        log = StoredLog(connection)
        size = log.size()
        answers = []
        for name, (content, leaf) in rows.answers_to(connection, lookup.id).items():
            if leaf is not None and agency in (lookup.asker, name):
                own = _entered(log, leaf, size)
                answer = EnteredAnswer(encode_base64(content), own.event, own.leaf, own.proof)
                answers.append(answer)
        return {
            "checkpoint": encode_base64(log.note(size).to_bytes()),
            "answers": tuple(answers),
            "opened": None if lookup.opened is None else _entered(log, lookup.opened, size),
        }

    def _require_open(self, lookup: Lookup) -> None:
        if lookup.state == "closed" or self._now() >= lookup.until:
            raise PolicyError(
                f"The lookup {lookup.id[:8]} is closed, and its answers are handed over; nothing "
                "is answered any more."
            )

    def _now(self) -> int:
        return int(self._clock().timestamp())


def _entered(log: StoredLog, leaf: int, size: int) -> EnteredEvent:
    """Return an event with the proof that the log of a size has it."""
    proof = tuple(map(encode_base64, log.inclusion_proof(leaf, size)))
    return EnteredEvent(encode_base64(next(log.events(leaf, leaf + 1))), leaf, proof)


def _entry(lookup: Lookup, answered: set[str]) -> LookupEntry:
    # What was asked has been verified when it was lodged.
    return LookupEntry(
        id=lookup.id,
        state=lookup.state,
        asker=lookup.asker,
        at=lookup.lodged,
        until=lookup.until,
        answered=lookup.id in answered,
    )


def _require_unopened(lookup: Lookup, agency: str) -> None:
    if (lookup.state, lookup.asker, lookup.opened) != ("closed", agency, None):
        raise Unchanged


def _require_time_left(request: Request, now: int) -> None:
    if request.until <= now:
        raise InputError("The request's time is over already; give the agencies some time.")


def _require_within_limit(
    connection: Connection, agreement: Agreement, asker: str, now: int
) -> None:
    most = terms_of(agreement).lookups_per_day
    if rows.count_since(connection, agreement.agreement.id, asker, now - now % DAY) >= most:
        raise PolicyError(
            f"{asker!r} has used up its {most} lookups of today (disclosure.lookups_per_day); the "
            "next day begins at midnight UTC."
        )


def _require_newer(agreement: Agreement, lookup: Lookup, stored: bytes | None, at: int) -> None:
    """Raise unless an answer may take the place of what is stored."""
    _, request = verify_request(lookup.request, "The stored request", agreement)
    if at < request.at:
        raise VerificationError("The answer is older than the request; set your clock.")
    if stored is not None:
        asker, own = lookup.asker, lookup.request
        _, before = verify_answer(stored, "The stored answer", agreement, asker, own)
        if at < before.at:
            raise ConflictError("A newer answer of yours is stored already, and stays.")
