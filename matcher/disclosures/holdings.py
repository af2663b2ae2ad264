"""Which records an agency holds of a cluster: committed to in evidence, told after the quorum."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from sqlalchemy import Connection, delete, insert, select

from linkage.protocol.disclosure.commitment import SALT_BYTES, TOKEN_BYTES, commit_tokens
from linkage.protocol.disclosure.messages import Holding
from linkage.protocol.disclosure.replies import RevealedHolding
from matcher.disclosures.clusters import Record, RunClusters
from matcher.store.tables import holdings

_BATCH = 500


@dataclass(frozen=True, repr=False)
class Held:
    """A holding: whose, of which cluster, and what its commitment hides, salt and tokens."""

    cluster: str
    agency: str
    salt: bytes
    tokens: tuple[bytes, ...]

    def __repr__(self) -> str:
        return f"Held({self.agency!r}, hidden)"

    def committed(self) -> Holding:
        """Return what evidence says of it."""
        commitment = commit_tokens(self.salt, self.cluster, self.agency, self.tokens)
        return Holding(self.agency, len(self.tokens), commitment)


def held_of(clusters: RunClusters, number: int) -> list[Held]:
    """Return the holdings of a cluster by agency, each with a new salt."""
    return [
        Held(clusters.name(number), agency, secrets.token_bytes(SALT_BYTES), tokens)
        for agency, tokens in clusters.held(number).items()
    ]


def store_held(connection: Connection, evidence: str, held: list[Held]) -> None:
    """Store what evidence has committed to."""
    rows = [
        {
            "evidence": evidence,
            "cluster": one.cluster,
            "agency": one.agency,
            "salt": one.salt,
            "tokens": b"".join(one.tokens),
        }
        for one in held
    ]
    for start in range(0, len(rows), _BATCH):
        connection.execute(insert(holdings), rows[start : start + _BATCH])


def told_to(connection: Connection, evidence: str, agency: str) -> dict[str, RevealedHolding]:
    """Return an agency's own holdings by cluster, as they are told to it."""
    query = select(holdings.c.cluster, holdings.c.salt, holdings.c.tokens).where(
        holdings.c.evidence == evidence, holdings.c.agency == agency
    )
    return {
        row.cluster: RevealedHolding(bytes(row.salt).hex(), _tokens(bytes(row.tokens)))
        for row in connection.execute(query.order_by(holdings.c.cluster))
    }


def records_of(connection: Connection, evidence: str) -> dict[str, set[Record]]:
    """Return the records that evidence was about, by cluster."""
    query = select(holdings.c.cluster, holdings.c.agency, holdings.c.tokens)
    found: dict[str, set[Record]] = {}
    for row in connection.execute(query.where(holdings.c.evidence == evidence)):
        own = {(row.agency, token) for token in _tokens(bytes(row.tokens))}
        found.setdefault(row.cluster, set()).update(own)
    return found


def forget_held(connection: Connection, evidence: str) -> None:
    """Delete what evidence has committed to."""
    connection.execute(delete(holdings).where(holdings.c.evidence == evidence))


def _tokens(data: bytes) -> tuple[str, ...]:
    return tuple(data[at : at + TOKEN_BYTES].hex() for at in range(0, len(data), TOKEN_BYTES))
