"""What a party may see of the agreements it belongs to."""

from __future__ import annotations

from linkage.errors import MissingError
from linkage.protocol.replies import AgreementEntry
from linkage.protocol.standing import Standing
from matcher.agreements.directory import Directory
from matcher.agreements.standings import Standings, signatures
from matcher.store.database import Database


class Catalogue:
    """Reads agreements, their standing and their signatures."""

    def __init__(self, database: Database, standings: Standings, directory: Directory) -> None:
        self._database = database
        self._standings = standings
        self._directory = directory

    def of_key(self, fingerprint: str) -> tuple[AgreementEntry, ...]:
        """Return the agreements of a key's holder, by id and version."""
        return tuple(
            AgreementEntry(
                digest=place.digest,
                id=place.agreement.agreement.id,
                version=place.agreement.agreement.version,
                epoch=place.agreement.agreement.epoch,
                title=place.agreement.agreement.title,
                state=place.state,
                party=place.party,
                roles=place.roles,
            )
            for place in self._directory.places(fingerprint)
        )

    def standing(self, digest: str) -> Standing:
        """Return who has signed an agreement, and how it stands today."""
        with self._database.reading() as connection:
            return self._standings.standing(connection, digest)

    def signature(self, digest: str, party: str) -> bytes:
        """Return a party's signature under an agreement; raises `MissingError`."""
        with self._database.reading() as connection:
            found = signatures(connection, digest).get(party)
        if found is None:
            raise MissingError(f"There is no signature of {party!r} under {digest[:16]} yet.")
        return found
