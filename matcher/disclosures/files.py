"""What a reader gets of a disclosure: every message, and the proof that the log has it."""

from __future__ import annotations

from sqlalchemy import Connection

from linkage.protocol.canonical import encode_base64
from linkage.protocol.disclosure.replies import DisclosureFile, EnteredMessage
from matcher.disclosures.cases import Stored, evidence_content, messages_of
from matcher.ledger.stored_log import StoredLog


def file_of(connection: Connection, stored: Stored) -> DisclosureFile:
    """Return a disclosure's evidence and messages, with proofs for the log's newest checkpoint."""
    log = StoredLog(connection)
    size, entered = log.size(), messages_of(connection, stored.id)
    leaves = [own.leaf for own in entered]
    proofs = log.inclusion_proofs(leaves, size)
    evidence = evidence_content(connection, stored.agreement, stored.evidence)
    assert evidence is not None
    return DisclosureFile(
        state=stored.state,
        evidence=encode_base64(evidence),
        entered=tuple(
            EnteredMessage(
                encode_base64(own.content),
                encode_base64(next(log.events(own.leaf, own.leaf + 1))),
                own.leaf,
                tuple(map(encode_base64, proof)),
            )
            for own, proof in zip(entered, proofs, strict=True)
        ),
        checkpoint=encode_base64(log.note(size).to_bytes()),
        successor=stored.successor,
    )
