"""Nonces that were seen, across processes and restarts, so that none is taken twice."""

from __future__ import annotations

from sqlalchemy import Connection, delete, insert
from sqlalchemy.exc import IntegrityError

from linkage.errors import PolicyError
from matcher.store.tables import nonces


def use_nonce(connection: Connection, value: str, expires: int) -> None:
    """Note a nonce, of at most 128 characters, as used; ``expires`` is POSIX seconds.

    It counts from the commit of the caller's transaction on. Raises `PolicyError` the second time,
    also if the first has expired and wasn't forgotten yet.
    """
    try:
        with connection.begin_nested():
            connection.execute(insert(nonces).values(value=value, expires=expires))
    except IntegrityError:
        raise PolicyError(
            "The request was sent before; make a new one, and if you didn't send it, somebody "
            "repeats what you sent."
        ) from None


def forget_nonces(connection: Connection, now: int) -> int:
    """Delete the nonces that expired before ``now`` (POSIX seconds), and return how many."""
    return connection.execute(delete(nonces).where(nonces.c.expires < now)).rowcount
