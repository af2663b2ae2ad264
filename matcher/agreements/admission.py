"""Admitting an agreement: the operator's act, from which on its parties are heard."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime

from sqlalchemy import Connection, insert, select

from linkage.errors import ConflictError, PolicyError
from linkage.protocol.agreement import Agreement
from linkage.protocol.binding import require_signable, require_successor
from linkage.protocol.keys import Identity
from linkage.protocol.standing import sign_agreement, verify_agreement_signature
from matcher.agreements.once import Unchanged, lock_agreement, require_same
from matcher.agreements.standings import Standings, signatures
from matcher.ledger.about import event_about, operator_of
from matcher.ledger.ledger import Ledger
from matcher.ledger.recording import Recording
from matcher.store.database import Database
from matcher.store.tables import agreement_signatures, agreements, party_keys

MOST_CONTENT = 700_000
"""How many bytes an agreement may have, so that a signature, which holds it, passes over HTTP."""


class Admission:
    """Admits agreements and takes the signatures under them.

    ``own`` gives the matcher's identity in an agreement, None where it doesn't hold that key.
    """

    def __init__(
        self,
        database: Database,
        ledger: Ledger,
        standings: Standings,
        clock: Callable[[], datetime],
        own: Callable[[Agreement], Identity | None] = lambda _: None,
    ) -> None:
        self._database = database
        self._ledger = ledger
        self._standings = standings
        self._clock = clock
        self._own = own

    def plan(self, agreement: Agreement, signed: Mapping[str, bytes]) -> list[str]:
        """Return whose signatures `admit` would store, or raise what it would.

        ``signed`` are signatures under the names that errors give to them. That of the party with
        the role matcher is the operator's own consent, and is made here if it isn't among them and
        the matcher holds that party's keys. Raises `PolicyError` without it, and for a version that
        doesn't follow the one before.
        """
        found = self._by_signer(agreement, signed)
        with self._database.reading() as connection:
            known = signatures(connection, agreement.digest())
            self._require_place(connection, agreement)
        return [name for name in found if name not in known]

    def admit(self, agreement: Agreement, signed: Mapping[str, bytes]) -> list[str]:
        """Store an agreement, its parties' keys and these signatures under it.

        Returns whose signatures are new. Admitting it again adds what is new and nothing else.
        """
        found = self._by_signer(agreement, signed)
        added: list[str] = []
        with suppress(Unchanged), self._ledger.recording() as recording:
            self._require_place(recording.connection, agreement)
            self._store(recording.connection, agreement)
            for party, content in found.items():
                with suppress(Unchanged):
                    self._add(recording, agreement, party, content)
                    added.append(party)
            if not added:
                raise Unchanged
        return added

    def sign(self, agreement: Agreement, party: str, content: bytes) -> None:
        """Store a party's signature under an admitted agreement; the same again changes nothing.

        Raises `VerificationError` unless it is a signature under this agreement, `PolicyError`
        unless it is that party's.
        """
        signer = verify_agreement_signature(content, "The signature", agreement)
        if signer != party:
            raise PolicyError(f"The signature is that of {signer!r}, and {party!r} sent it.")
        with suppress(Unchanged), self._ledger.recording() as recording:
            self._add(recording, agreement, party, content)

    def _by_signer(self, agreement: Agreement, signed: Mapping[str, bytes]) -> dict[str, bytes]:
        """Return verified signatures by party, among them that of the matcher's operator."""
        require_signable(agreement)
        if len(agreement.content()) > MOST_CONTENT:
            raise PolicyError(
                f"The agreement {agreement.agreement.id!r} is longer than {MOST_CONTENT:,} bytes; "
                "shorten its texts."
            )
        found = {
            verify_agreement_signature(content, source, agreement): content
            for source, content in signed.items()
        }
        operator, own = operator_of(agreement), self._own(agreement)
        if operator not in found:
            if own is None:
                raise _missing(operator)
            found[operator] = sign_agreement(agreement, own)
        return found

    def _add(self, recording: Recording, agreement: Agreement, party: str, content: bytes) -> None:
        digest = agreement.digest()
        lock_agreement(recording.connection, digest)
        stored = signatures(recording.connection, digest)
        require_same(stored.get(party), content, f"Another signature of {party!r}")
        recording.connection.execute(
            insert(agreement_signatures).values(agreement=digest, party=party, content=content)
        )
        of = {"signature": hashlib.sha256(content).hexdigest()}
        recording.append(
            event_about(agreement, "agreement.signed", party, self._clock(), digests=of)
        )
        if len(stored) + 1 == len(agreement.party):
            operator, counts = operator_of(agreement), {"signatures": len(stored) + 1}
            recording.append(
                event_about(agreement, "agreement.in-force", operator, self._clock(), counts=counts)
            )

    def _store(self, connection: Connection, agreement: Agreement) -> None:
        digest, terms = agreement.digest(), agreement.agreement
        known = select(agreements.c.digest).where(agreements.c.digest == digest)
        if connection.execute(known).scalar_one_or_none() is not None:
            return
        connection.execute(
            insert(agreements).values(
                digest=digest,
                id=terms.id,
                version=terms.version,
                epoch=terms.epoch,
                content=agreement.content(),
                admitted=int(self._clock().timestamp()),
            )
        )
        connection.execute(
            insert(party_keys),
            [
                {
                    "agreement": digest,
                    "fingerprint": own.signing_key.fingerprint,
                    "party": own.name,
                    "signing_key": str(own.signing_key),
                }
                for own in agreement.identities
            ],
        )

    def _require_place(self, connection: Connection, agreement: Agreement) -> None:
        """Raise `PolicyError` where it isn't the version that may stand there."""
        terms = agreement.agreement
        here = _digest_of(connection, terms.id, terms.version)
        if here not in (None, agreement.digest()):
            raise ConflictError(
                f"Another agreement {terms.id!r} of version {terms.version} is admitted already, "
                f"with the digest {here[:16]}; make a new version of it."
            )
        before = _digest_of(connection, terms.id, terms.version - 1)
        if before is not None:
            require_successor(agreement, self._standings.agreement(connection, before))
        after = _digest_of(connection, terms.id, terms.version + 1)
        if after is not None:
            require_successor(self._standings.agreement(connection, after), agreement)


def _missing(operator: str) -> PolicyError:
    return PolicyError(
        f"The signature of {operator!r}, who runs the matcher, is missing, and the agreement has "
        "other keys for it than this matcher; put those of 'matcher identity' into it, or sign it "
        "with 'agency-client agreement sign' and put the file beside it."
    )


def _digest_of(connection: Connection, identifier: str, version: int) -> str | None:
    query = select(agreements.c.digest).where(
        agreements.c.id == identifier, agreements.c.version == version
    )
    return connection.execute(query).scalar_one_or_none()
