"""Lookups, what the worker found for them, and the agencies' answers."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    LargeBinary,
    String,
    Table,
)

from matcher.store.tables.base import metadata

lookups = Table(
    "lookups",
    metadata,
    # The digest of the signed request.
    Column("id", String(64), primary_key=True),
    Column("agreement", String(64), ForeignKey("agreements.digest"), nullable=False, index=True),
    Column("asker", String(64), nullable=False),
    Column("request", LargeBinary, nullable=False),
    # Until the lookup is closed.
    Column("encoding", LargeBinary),
    Column("lodged", BigInteger, nullable=False),
    # When the answers are handed over.
    Column("until", BigInteger, nullable=False),
    # lodged, closed
    Column("state", String(8), nullable=False, index=True),
    # The run whose records it was compared with, and until when a worker compares it now.
    Column("run", String(32)),
    Column("busy", BigInteger),
    # The leaf of the event that the answers were handed to the asker.
    Column("opened", BigInteger),
    CheckConstraint("state IN ('lodged', 'closed')", name="state"),
)

lookup_matches = Table(
    "lookup_matches",
    metadata,
    # A row for every agency that was compared, of one length whatever was found.
    Column("lookup", String(64), ForeignKey("lookups.id"), primary_key=True),
    Column("agency", String(64), primary_key=True),
    Column("tokens", String(512), nullable=False),
)

lookup_answers = Table(
    "lookup_answers",
    metadata,
    # The newest of each agency; once it is closed, the leaf of the event about it.
    Column("lookup", String(64), ForeignKey("lookups.id"), primary_key=True),
    Column("agency", String(64), primary_key=True),
    Column("content", LargeBinary, nullable=False),
    Column("leaf", BigInteger),
)
