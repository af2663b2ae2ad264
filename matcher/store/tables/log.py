"""The log and the nonces that were seen.

The log's rows are written once and never change; `log_sorts` and `log_index` repeat of its events
what they are searched by. Leaves are numbered from 0; sizes count leaves.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    LargeBinary,
    SmallInteger,
    String,
    Table,
    UniqueConstraint,
)

from matcher.store.tables.base import metadata

log_head = Table(
    "log_head",
    metadata,
    # The one row is there from the beginning; its lock puts appends one after another.
    Column("id", SmallInteger, primary_key=True, autoincrement=False),
    Column("size", BigInteger, nullable=False),
    CheckConstraint("id = 1", name="id"),
    CheckConstraint("size >= 0", name="size"),
)

log_events = Table(
    "log_events",
    metadata,
    Column("leaf", BigInteger, primary_key=True, autoincrement=False),
    # The exact canonical bytes, which are hashed.
    Column("event", LargeBinary, nullable=False),
)

log_nodes = Table(
    "log_nodes",
    metadata,
    # The hash of the 2^level leaves from position · 2^level on; level 0 has the leaves' own.
    Column("level", SmallInteger, primary_key=True, autoincrement=False),
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    Column("hash", LargeBinary, nullable=False),
    CheckConstraint("length(hash) = 32", name="hash"),
)

log_checkpoints = Table(
    "log_checkpoints",
    metadata,
    Column("size", BigInteger, primary_key=True, autoincrement=False),
    # The exact bytes of the note that the log has signed, without cosignatures.
    Column("note", LargeBinary, nullable=False),
)

log_cosignatures = Table(
    "log_cosignatures",
    metadata,
    Column("size", BigInteger, ForeignKey("log_checkpoints.size"), primary_key=True),
    Column("witness", String(128), primary_key=True),
    Column("witness_key", String(256), nullable=False),
    # What stands in the signature line after the key ID: a time and an Ed25519 signature.
    Column("signature", LargeBinary, nullable=False),
)

log_sorts = Table(
    "log_sorts",
    metadata,
    # Which sorts of events there are: few, however many events. Filters choose among them.
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("agreement", String(64), nullable=False),
    Column("kind", String(64), nullable=False),
    Column("verb", String(16), nullable=False),
    Column("party", String(64), nullable=False),
    Column("purpose", String(500), nullable=False),
    Column("count", BigInteger, nullable=False),
    UniqueConstraint("agreement", "kind", "party", "purpose"),
)

log_index = Table(
    "log_index",
    metadata,
    # For finding events; what they say stands in log_events alone.
    Column("leaf", BigInteger, primary_key=True, autoincrement=False),
    Column("sort", BigInteger, ForeignKey("log_sorts.id"), nullable=False),
    Column("at", BigInteger, nullable=False),
    Index("ix_log_index_sort_at_leaf", "sort", "at", "leaf"),
    Index("ix_log_index_at_leaf", "at", "leaf"),
)

log_verified = Table(
    "log_verified",
    metadata,
    # The last time that the whole stored log was verified: of how many events, and whether it
    # was found sound.
    Column("id", SmallInteger, primary_key=True, autoincrement=False),
    Column("at", BigInteger, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("sound", Boolean, nullable=False),
    CheckConstraint("id = 1", name="id"),
)

nonces = Table(
    "nonces",
    metadata,
    Column("value", String(128), primary_key=True),
    Column("expires", BigInteger, nullable=False, index=True),
)
