"""Rounds: one opens in the moment in which all agencies' known answers were found alike."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime

from sqlalchemy import Connection, delete, func, insert, select

from linkage.errors import ConflictError, NotReadyError, PolicyError
from linkage.protocol.agreement import Agreement
from linkage.protocol.handshake import Answers, Handshake, compare_answers, verify_answers
from linkage.protocol.replies import RoundEntry, RoundState
from linkage.protocol.secret_messages import verify_commitment
from matcher.agreements.once import Unchanged, lock_agreement
from matcher.agreements.secrets import message_to
from matcher.ledger.about import event_about, operator_of
from matcher.ledger.ledger import Ledger
from matcher.ledger.recording import Recording
from matcher.store.database import Database
from matcher.store.tables import answers, rounds


class Rounds:
    """Takes answers, compares them, and opens rounds."""

    def __init__(self, database: Database, ledger: Ledger, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._ledger = ledger
        self._clock = clock

    def opened(self, agreement: Agreement) -> tuple[RoundEntry, ...]:
        """Return the rounds that are open, by number."""
        query = (
            select(rounds.c.round, rounds.c.opened)
            .where(rounds.c.agreement == agreement.digest())
            .order_by(rounds.c.round)
        )
        with self._database.reading() as connection:
            found = list(connection.execute(query))
        return tuple(RoundEntry(row.round, _moment(row.opened)) for row in found)

    def state(self, agreement: Agreement, number: int) -> RoundState:
        """Return how the handshake of a round stands."""
        with self._database.reading() as connection:
            return _state(connection, agreement, number)

    def answer(self, agreement: Agreement, agency: str, number: int, content: bytes) -> RoundState:
        """Store an agency's answers, compare everybody's, and open the round if all are alike.

        Until then an agency may answer anew, as it must when something was mended. Raises
        `VerificationError` unless they are answers for this round, `PolicyError` unless they are
        the sender's own, `NotReadyError` before the commitment to the secret or the round before.
        """
        signer, _ = verify_answers(content, "The answers", agreement, number)
        if signer != agency:
            raise PolicyError(f"The answers are those of {signer!r}, and {agency!r} sent them.")
        with suppress(Unchanged):
            self._store(agreement, agency, number, content)
        return self.state(agreement, number)

    def _store(self, agreement: Agreement, agency: str, number: int, content: bytes) -> None:
        """Store answers; the log hears of them once they say how they compare."""
        with self._ledger.recording(may_be_silent=True) as recording:
            connection = recording.connection
            lock_agreement(connection, agreement.digest())
            _require_turn(connection, agreement, number)
            _replace(connection, agreement, agency, number, content)
            given = _given(connection, agreement, number)
            found = _compared(connection, agreement, number, given)
            if found.different:
                self._record(recording, agreement, "handshake.failed", given, found)
            elif not found.missing:
                self._open(connection, agreement, number)
                self._record(recording, agreement, "handshake.passed", given, found)

    def _open(self, connection: Connection, agreement: Agreement, number: int) -> None:
        opened = int(self._clock().timestamp())
        connection.execute(
            insert(rounds).values(agreement=agreement.digest(), round=number, opened=opened)
        )

    def _record(
        self,
        recording: Recording,
        agreement: Agreement,
        kind: str,
        given: dict[str, bytes],
        found: Handshake,
    ) -> None:
        recording.append(
            event_about(
                agreement,
                kind,
                operator_of(agreement),
                self._clock(),
                counts={"agencies": len(given), "different": len(found.different)},
                digests={name: hashlib.sha256(own).hexdigest() for name, own in given.items()},
            )
        )


def newest_round(connection: Connection, digest: str) -> int:
    """Return the number of the newest open round of an agreement, 0 if there is none."""
    query = select(func.max(rounds.c.round)).where(rounds.c.agreement == digest)
    return connection.execute(query).scalar_one() or 0


def _require_turn(connection: Connection, agreement: Agreement, number: int) -> None:
    """Raise `NotReadyError` unless the secret was committed to and the round before is open."""
    if message_to(connection, agreement.digest()) is None:
        raise NotReadyError(
            "There is no commitment to the epoch's secret yet; one agency runs 'agency-client "
            "secret create' first."
        )
    newest = newest_round(connection, agreement.digest())
    if number > newest + 1:
        raise NotReadyError(f"Round {newest + 1} comes first; it isn't open yet.")


def _replace(
    connection: Connection, agreement: Agreement, agency: str, number: int, content: bytes
) -> None:
    """Put an agency's answers in the place of its earlier ones, unless the round is open."""
    digest = agreement.digest()
    stored = _given(connection, agreement, number).get(agency)
    if stored == content:
        raise Unchanged
    if number <= newest_round(connection, digest):
        raise ConflictError(f"Round {number} is open already, with other answers of {agency!r}.")
    where = (answers.c.agreement == digest) & (answers.c.round == number)
    connection.execute(delete(answers).where(where & (answers.c.agency == agency)))
    row = {"agreement": digest, "round": number, "agency": agency, "content": content}
    connection.execute(insert(answers).values(row))


def _given(connection: Connection, agreement: Agreement, number: int) -> dict[str, bytes]:
    """Return the answers of a round by agency, in the order of the agencies' names."""
    query = (
        select(answers.c.agency, answers.c.content)
        .where(answers.c.agreement == agreement.digest(), answers.c.round == number)
        .order_by(answers.c.agency)
    )
    return {row.agency: row.content for row in connection.execute(query)}


def _compared(
    connection: Connection, agreement: Agreement, number: int, given: dict[str, bytes]
) -> Handshake:
    said: dict[str, Answers] = {}
    for agency, content in given.items():
        _, said[agency] = verify_answers(content, f"What {agency!r} answered", agreement, number)
    signed = message_to(connection, agreement.digest())
    commitment = verify_commitment(signed, "The commitment", agreement)[1] if signed else None
    return compare_answers(agreement, said, commitment)


def _state(connection: Connection, agreement: Agreement, number: int) -> RoundState:
    query = select(rounds.c.opened).where(
        rounds.c.agreement == agreement.digest(), rounds.c.round == number
    )
    opened = connection.execute(query).scalar_one_or_none()
    given = _given(connection, agreement, number)
    found = _compared(connection, agreement, number, given)
    return RoundState(
        round=number,
        opened=None if opened is None else _moment(opened),
        answered=tuple(given),
        missing=found.missing,
        different=found.different,
    )


def _moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
