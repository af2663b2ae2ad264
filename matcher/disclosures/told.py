"""The disclosures of a run's clusters as a report tells them: every signed message in its order."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, select

from linkage.protocol.agreement import Agreement
from linkage.protocol.canonical import parse_json
from linkage.protocol.disclosure.history import Case
from linkage.protocol.disclosure.messages import Move, parse_signed
from linkage.protocol.signing import verify_signed
from matcher.disclosures.cases import Cases, Stored, find, messages_of
from matcher.store.tables import cluster_evidence, disclosures


@dataclass(frozen=True)
class Told:
    """A disclosure, and who has said what about it since it was proposed, in order."""

    stored: Stored
    case: Case
    moves: tuple[tuple[str, Move], ...]


def told_of_run(
    connection: Connection, cases: Cases, agreement: Agreement, run: str
) -> tuple[Told, ...]:
    """Return the disclosures that were proposed on evidence about a run's clusters, in order."""
    query = (
        select(disclosures.c.id)
        .join(cluster_evidence, cluster_evidence.c.digest == disclosures.c.evidence)
        .where(disclosures.c.agreement == agreement.digest(), cluster_evidence.c.run == run)
        .order_by(disclosures.c.leaf)
    )
    found = []
    for id_ in connection.execute(query).scalars().all():
        stored = find(connection, agreement.digest(), id_)
        assert stored is not None
        case = cases.load(connection, agreement, stored)
        found.append(Told(stored, case, _moves(connection, agreement, stored)))
    return tuple(found)


def _moves(
    connection: Connection, agreement: Agreement, stored: Stored
) -> tuple[tuple[str, Move], ...]:
    def read(content: bytes) -> tuple[str, Move]:
        kind = str(parse_json(content, "A message")["kind"])
        signed = verify_signed(content, "A message", kind, agreement.identities)
        return signed.signer, parse_signed(signed, "a message")

    return tuple(read(own.content) for own in messages_of(connection, stored.id)[1:])
