"""Relaying the linkage secret: a commitment for all, and for each agency what only it can open."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime

from sqlalchemy import Connection, insert, select

from linkage.errors import ConflictError, InputError, MissingError, NotReadyError, PolicyError
from linkage.protocol.agreement import Agreement
from linkage.protocol.secret_messages import require_delivery, verify_commitment
from matcher.agreements.once import Unchanged, lock_agreement, require_same
from matcher.ledger.about import event_about
from matcher.ledger.ledger import Ledger
from matcher.store.database import Database
from matcher.store.tables import secret_messages

_EVERYBODY = ""  # the recipient of the commitment


class SecretMessages:
    """Keeps what the agency that drew the secret sends, for the others to fetch."""

    def __init__(self, database: Database, ledger: Ledger, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._ledger = ledger
        self._clock = clock

    def commit(self, agreement: Agreement, party: str, content: bytes) -> None:
        """Store the commitment to the epoch's secret; the first one stays.

        Raises `VerificationError` unless it is a commitment of an agency under this agreement,
        `PolicyError` unless it is the sender's own, `ConflictError` if another is there.
        """
        creator, _ = verify_commitment(content, "The commitment", agreement)
        if creator.name != party:
            raise PolicyError(f"The commitment is that of {creator.name!r}, and {party!r} sent it.")
        self._store(agreement, party, _EVERYBODY, content)

    def deliver(self, agreement: Agreement, sender: str, recipient: str, content: bytes) -> None:
        """Store the secret sealed to one agency, which the agency that has committed may send.

        Raises `InputError` for a recipient that is no other agency, `NotReadyError` before the
        commitment, `VerificationError` for a message that says it is for something else.
        """
        if recipient not in agreement.names("agency") or recipient == sender:
            raise InputError(f"{recipient!r} is no other agency of the agreement.")
        if self._creator(agreement) != sender:
            raise ConflictError(
                "The secret of this epoch was drawn by another agency, which alone sends it."
            )
        one, other = agreement.identity(sender), agreement.identity(recipient)
        require_delivery(content, "The sealed secret", agreement, one, other)
        self._store(agreement, sender, recipient, content)

    def commitment(self, agreement: Agreement) -> bytes:
        """Return the signed commitment; raises `MissingError`."""
        return self._stored(agreement, _EVERYBODY)

    def sealed_for(self, agreement: Agreement, party: str) -> bytes:
        """Return the secret as it was sealed to an agency; raises `MissingError`."""
        return self._stored(agreement, party)

    def _creator(self, agreement: Agreement) -> str:
        try:
            content = self.commitment(agreement)
        except MissingError:
            raise NotReadyError("The commitment to the secret comes first; send that.") from None
        return verify_commitment(content, "The commitment", agreement)[0].name

    def _stored(self, agreement: Agreement, recipient: str) -> bytes:
        with self._database.reading() as connection:
            content = message_to(connection, agreement.digest(), recipient)
        if content is None:
            raise MissingError(
                "There is no commitment to the epoch's secret yet."
                if recipient == _EVERYBODY
                else f"Nobody has sealed the epoch's secret to {recipient!r} yet."
            )
        return content

    def _store(self, agreement: Agreement, sender: str, recipient: str, content: bytes) -> None:
        digest = agreement.digest()
        what = f"Another secret for {recipient!r}" if recipient else "Another commitment"
        with suppress(Unchanged), self._ledger.recording() as recording:
            lock_agreement(recording.connection, digest)
            require_same(message_to(recording.connection, digest, recipient), content, what)
            recording.connection.execute(
                insert(secret_messages).values(
                    agreement=digest, recipient=recipient, sender=sender, content=content
                )
            )
            name = "sealed" if recipient else "commitment"
            recording.append(
                event_about(
                    agreement,
                    "secret.distributed",
                    sender,
                    self._clock(),
                    recipients=(recipient,) if recipient else (),
                    digests={name: hashlib.sha256(content).hexdigest()},
                )
            )


def message_to(connection: Connection, digest: str, recipient: str = _EVERYBODY) -> bytes | None:
    """Return what was sent to a recipient of the agreement, or the commitment for everybody."""
    query = select(secret_messages.c.content).where(
        secret_messages.c.agreement == digest, secret_messages.c.recipient == recipient
    )
    return connection.execute(query).scalar_one_or_none()
