"""Who calls: which party of which admitted agreement holds a key."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, select

from linkage.errors import MissingError
from linkage.protocol.agreement import Agreement
from linkage.protocol.keys import VerifyingKey, parse_verifying_key
from linkage.protocol.requests import UnknownKeyError
from linkage.protocol.sections.party import Role
from linkage.protocol.standing import State
from matcher.agreements.standings import Recent, Standings
from matcher.store.database import Database
from matcher.store.tables import agreements, party_keys

# Asked by every request: to build them anew takes longer than to ask.
_PARTY = select(party_keys.c.party).where(
    party_keys.c.agreement == bindparam("digest"), party_keys.c.fingerprint == bindparam("of")
)
_AGREEMENTS = (
    select(party_keys.c.agreement)
    .join(agreements, agreements.c.digest == party_keys.c.agreement)
    .where(party_keys.c.fingerprint == bindparam("of"))
    .order_by(agreements.c.id, agreements.c.version)
)


@dataclass(frozen=True)
class Place:
    """A caller's place in an agreement, and how that stands today."""

    agreement: Agreement
    digest: str
    party: str
    roles: tuple[Role, ...]
    state: State


class Directory:
    """Looks up keys. Only parties of agreements that the operator has admitted are in it."""

    def __init__(self, database: Database, standings: Standings) -> None:
        self._database = database
        self._standings = standings
        # An admitted agreement stays admitted, and so does its parties' right to be heard.
        self._keys: Recent[str, VerifyingKey] = Recent()

    def key(self, fingerprint: str) -> VerifyingKey:
        """Return the key with a fingerprint, or raise `UnknownKeyError`."""
        return self._keys.get(fingerprint, lambda: self._read_key(fingerprint))

    def known_key(self, fingerprint: str) -> VerifyingKey:
        """Return the key as `key` does, but raise `LookupError` where the database must be asked.

        It never waits.
        """
        found = self._keys.peek(fingerprint)
        if found is None:
            raise LookupError(fingerprint)
        return found

    def _read_key(self, fingerprint: str) -> VerifyingKey:
        query = select(party_keys.c.signing_key).where(party_keys.c.fingerprint == fingerprint)
        with self._database.reading() as connection:
            text = connection.execute(query.limit(1)).scalar_one_or_none()
        if text is None:
            raise UnknownKeyError(
                f"The key {fingerprint[:16]} is that of no party whose agreement is admitted here; "
                "ask the operator to admit the agreement."
            )
        return parse_verifying_key(text)

    def place(self, fingerprint: str, digest: str) -> Place:
        """Return the place that a key's holder has in an agreement.

        Raises `MissingError` alike where there is no such agreement and where it is others'.
        """
        with self._database.reading() as connection:
            return self._place(connection, fingerprint, digest)

    def places(self, fingerprint: str) -> list[Place]:
        """Return the places that a key's holder has, by id and version of the agreement."""
        with self._database.reading() as connection:
            digests = connection.execute(_AGREEMENTS, {"of": fingerprint}).scalars().all()
            return [self._place(connection, fingerprint, digest) for digest in digests]

    def _place(self, connection: Connection, fingerprint: str, digest: str) -> Place:
        found = connection.execute(_PARTY, {"of": fingerprint, "digest": digest})
        party = found.scalar_one_or_none()
        if party is None:
            raise MissingError(
                f"You are a party of no agreement {digest[:16]} that is admitted here; compare "
                "its digest with the operator's."
            )
        agreement = self._standings.agreement(connection, digest)
        state = self._standings.standing(connection, digest).state
        roles = next(one.roles for one in agreement.party if one.name == party)
        return Place(agreement, digest, party, roles, state)
