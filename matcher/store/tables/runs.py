"""Runs, the jobs that carry them out, and the result that waits for each agency."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    LargeBinary,
    String,
    Table,
)

from matcher.store.tables.base import metadata

runs = Table(
    "runs",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("agreement", String(64), nullable=False),
    Column("round", BigInteger, nullable=False),
    # queued, running, finished, failed, cancelled
    Column("state", String(16), nullable=False),
    # The finished run that this one goes on from, if there is one.
    Column("onto", String(32), ForeignKey("runs.id")),
    # Canonical JSON: the uploads that go in; afterwards what came out, by digest, or why nothing.
    Column("inputs", LargeBinary, nullable=False),
    Column("outcome", LargeBinary),
    Column("queued", BigInteger, nullable=False, index=True),
    Column("ended", BigInteger),
    # What came out: kept, erasing (begun, and no longer to be gone on from), erased
    Column("data", String(8), nullable=False, server_default="kept"),
    ForeignKeyConstraint(["agreement", "round"], ["rounds.agreement", "rounds.round"]),
    CheckConstraint(
        "state IN ('queued', 'running', 'finished', 'failed', 'cancelled')", name="state"
    ),
    CheckConstraint("data IN ('kept', 'erasing', 'erased')", name="data"),
)

jobs = Table(
    "jobs",
    metadata,
    Column("run", String(32), ForeignKey("runs.id"), primary_key=True),
    # waiting, leased, ended
    Column("state", String(16), nullable=False, index=True),
    # Rises with each lease: a worker that has lost its lease can change nothing any more.
    Column("lease", BigInteger, nullable=False),
    Column("worker", String(128)),
    # Until when nobody else may take it: the lease's end, or that of a pause between attempts.
    Column("expires", BigInteger),
    Column("attempts", BigInteger, nullable=False),
    Column("cancelled", Boolean, nullable=False),
    # How far it has come: the name of the stage, and steps done of all.
    Column("stage", String(32), nullable=False),
    Column("done", BigInteger, nullable=False),
    Column("total", BigInteger, nullable=False),
    CheckConstraint("state IN ('waiting', 'leased', 'ended')", name="state"),
)

results = Table(
    "results",
    metadata,
    Column("run", String(32), ForeignKey("runs.id"), primary_key=True),
    Column("agency", String(64), primary_key=True),
    # Of one size for every agency and whatever came out.
    Column("content", LargeBinary, nullable=False),
)
