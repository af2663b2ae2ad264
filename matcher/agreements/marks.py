"""Protected people: which of their own records agencies have marked.

Nothing is said of a mark to anybody, and the log has no event of it: both would tell how many an
agency protects, and when. It shows in evidence, and in the quorum that it asks for; and no lookup
finds such a person.
"""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Connection, delete, insert, select

from linkage.errors import ConflictError, PolicyError
from linkage.protocol.agreement import Agreement
from linkage.protocol.disclosure.protection import verify_protected
from matcher.agreements.once import lock_agreement
from matcher.store.database import Database
from matcher.store.tables import protected_records

Marks = Mapping[str, frozenset[bytes]]
"""The tokens that agencies have marked as protected, by agency."""


def store_marks(database: Database, agreement: Agreement, party: str, content: bytes) -> None:
    """Store an agency's signed marks in place of its earlier ones.

    Whether the records exist isn't looked at. Raises `VerificationError` for what isn't an
    agency's message for this agreement, `PolicyError` unless it is the sender's own,
    `ConflictError` for one that is older than what is stored.
    """
    signer, said = verify_protected(content, "What you mark as protected", agreement)
    if signer != party:
        raise PolicyError(f"The marks are those of {signer!r}, and {party!r} sent them.")
    digest = agreement.digest()
    own = (protected_records.c.agreement == digest) & (protected_records.c.agency == party)
    with database.writing() as connection:
        lock_agreement(connection, digest)
        query = select(protected_records.c.content).where(own)
        stored = connection.execute(query).scalar_one_or_none()
        if stored is not None and bytes(stored) != content:
            _require_newer(bytes(stored), said.at, agreement)
        connection.execute(delete(protected_records).where(own))
        values = {"agreement": digest, "agency": party, "content": content}
        connection.execute(insert(protected_records).values(**values))


def read_marks(connection: Connection, agreement: Agreement) -> Marks:
    """Return the tokens that each agency has marked."""
    query = select(protected_records.c.agency, protected_records.c.content).where(
        protected_records.c.agreement == agreement.digest()
    )
    found = {}
    for agency, content in connection.execute(query).all():
        _, said = verify_protected(bytes(content), f"The marks of {agency!r}", agreement)
        found[agency] = frozenset(bytes.fromhex(token) for token in said.tokens)
    return found


def _require_newer(stored: bytes, at: int, agreement: Agreement) -> None:
    if verify_protected(stored, "The stored marks", agreement)[1].at >= at:
        raise ConflictError("Newer marks of yours are stored already; sign them anew.")
