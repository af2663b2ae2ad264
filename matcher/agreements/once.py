"""Writing something once: the same bytes again change nothing, and others are refused."""

from __future__ import annotations

from sqlalchemy import Connection, select

from linkage.errors import ConflictError
from matcher.store.tables import agreements


class Unchanged(Exception):  # noqa: N818 - it ends a transaction and is no error
    """What was to be written is there already; whoever began the transaction takes it back."""


def lock_agreement(connection: Connection, digest: str) -> None:
    """Let nobody else write about an agreement until the transaction ends.

    SQLite's writers are alone already.
    """
    query = select(agreements.c.digest).where(agreements.c.digest == digest).with_for_update()
    connection.execute(query)


def require_same(stored: bytes | None, content: bytes, what: str) -> None:
    """Raise `Unchanged` if the same is stored, `ConflictError` if something else is."""
    if stored == content:
        raise Unchanged
    if stored is not None:
        raise ConflictError(
            f"{what} was stored before and stays; find out who sent it, and ask for a new version "
            "of the agreement if it has to be another."
        )
