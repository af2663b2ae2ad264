"""Payload that is sealed to analysts, and the cohorts that they have pulled."""

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

payloads = Table(
    "payloads",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("agreement", String(64), nullable=False),
    Column("round", BigInteger, nullable=False),
    Column("agency", String(64), nullable=False),
    Column("analyst", String(64), nullable=False),
    # open, committed, erasing (begun, and no longer to be used), erased
    Column("state", String(16), nullable=False),
    Column("opened", BigInteger, nullable=False),
    # Once it is committed: the signed manifest, the leaf of its event, and the key of people's ids,
    # which is gone once it is erased.
    Column("manifest", LargeBinary),
    Column("leaf", BigInteger),
    Column("committed", BigInteger),
    Column("blinding", LargeBinary),
    UniqueConstraint("agreement", "round", "agency", "analyst"),
    ForeignKeyConstraint(["agreement", "round"], ["rounds.agreement", "rounds.round"]),
    CheckConstraint("state IN ('open', 'committed', 'erasing', 'erased')", name="state"),
)

payload_pieces = Table(
    "payload_pieces",
    metadata,
    Column("payload", String(32), ForeignKey("payloads.id"), primary_key=True),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("sha256", String(64), nullable=False),
)

cohorts = Table(
    "cohorts",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("agreement", String(64), ForeignKey("agreements.digest"), nullable=False, index=True),
    Column("analyst", String(64), nullable=False),
    # The digest of the signed request, which is that request; and the matcher's signed word.
    Column("request", String(64), nullable=False, unique=True),
    Column("asked", LargeBinary, nullable=False),
    Column("cohort", LargeBinary, nullable=False),
    # What a list tells of it, as canonical JSON.
    Column("summary", LargeBinary, nullable=False),
    Column("run", String(32), ForeignKey("runs.id"), nullable=False),
    Column("map", String(64), nullable=False),
    # The key of its pseudonyms: gone once it is erased.
    Column("key", LargeBinary),
    Column("leaf", BigInteger, nullable=False),
    Column("pulled", BigInteger, nullable=False),
    # kept, erasing (begun, and no longer to be read), erased
    Column("data", String(8), nullable=False),
    CheckConstraint("data IN ('kept', 'erasing', 'erased')", name="data"),
)

cohort_drafts = Table(
    "cohort_drafts",
    metadata,
    # A map is stored before its cohort is: what a killed process has left is found by this.
    Column("id", String(32), primary_key=True),
    Column("begun", BigInteger, nullable=False),
)
