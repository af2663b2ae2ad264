"""Uploads: announced, received in parts, committed once per agency and round."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    LargeBinary,
    String,
    Table,
    UniqueConstraint,
)

from matcher.store.tables.base import metadata

uploads = Table(
    "uploads",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("agreement", String(64), nullable=False),
    Column("round", BigInteger, nullable=False),
    Column("agency", String(64), nullable=False),
    # open, committed, refused, erasing (begun, and no longer to be used), erased
    Column("state", String(16), nullable=False),
    # What was announced: the SHA-256 and the size in bytes of the whole file, and of its parts.
    Column("sha256", String(64), nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("part_size", BigInteger, nullable=False),
    Column("opened", BigInteger, nullable=False),
    # Why it was refused: one of a few names.
    Column("refusal", String(16)),
    ForeignKeyConstraint(["agreement", "round"], ["rounds.agreement", "rounds.round"]),
    CheckConstraint("state IN ('open', 'committed', 'refused', 'erasing', 'erased')", name="state"),
)

upload_parts = Table(
    "upload_parts",
    metadata,
    Column("upload", String(32), ForeignKey("uploads.id"), primary_key=True),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("sha256", String(64), nullable=False),
    Column("size", BigInteger, nullable=False),
)

committed_uploads = Table(
    "committed_uploads",
    metadata,
    # The primary key is the rule: one committed upload per agency and round.
    Column("agreement", String(64), primary_key=True),
    Column("round", BigInteger, primary_key=True, autoincrement=False),
    Column("agency", String(64), primary_key=True),
    Column("upload", String(32), ForeignKey("uploads.id"), nullable=False),
    # The signed manifest, and the leaf of the event that its receipt proves.
    Column("manifest", LargeBinary, nullable=False),
    Column("rows", BigInteger, nullable=False),
    Column("leaf", BigInteger, nullable=False),
    Column("committed", BigInteger, nullable=False),
    UniqueConstraint("upload"),
    ForeignKeyConstraint(["agreement", "round"], ["rounds.agreement", "rounds.round"]),
)
