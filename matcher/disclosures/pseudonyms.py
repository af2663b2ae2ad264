"""Pseudonyms of clusters, one set for each run.

A cluster's id is a hash of its first record's token, which that record's agency could recompute:
it stays here. What leaves is HMAC-SHA256, cut to 16 bytes, under a key of the run's own, so that
nobody can tell a pseudonym from chance, nor join those of two runs.
"""

from __future__ import annotations

import hmac
import secrets

from sqlalchemy import Connection, insert, select

from matcher.agreements.once import lock_agreement
from matcher.store.database import Database
from matcher.store.tables import run_keys

KEY_BYTES = 32
PSEUDONYM_BYTES = 16
_PREFIX = b"concord/1/cluster\n"


def pseudonym(key: bytes, cluster_id: str) -> bytes:
    """Return the pseudonym (16 bytes) of a cluster under a run's key (32 bytes)."""
    return hmac.digest(key, _PREFIX + cluster_id.encode("ascii"), "sha256")[:PSEUDONYM_BYTES]


def key_of_run(database: Database, agreement: str, run: str) -> bytes:
    """Return the key of a run's pseudonyms, which is drawn the first time that anybody asks."""
    with database.reading() as connection:
        key = _stored(connection, run)
    if key is not None:
        return key
    with database.writing() as connection:
        lock_agreement(connection, agreement)
        key = _stored(connection, run)
        if key is None:
            key = secrets.token_bytes(KEY_BYTES)
            connection.execute(insert(run_keys).values(run=run, key=key))
        return key


def _stored(connection: Connection, run: str) -> bytes | None:
    query = select(run_keys.c.key).where(run_keys.c.run == run)
    found = connection.execute(query).scalar_one_or_none()
    return None if found is None else bytes(found)
