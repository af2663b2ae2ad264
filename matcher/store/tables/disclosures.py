"""Disclosures: evidence, what was proposed on it, the messages since, and what is sealed."""

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

run_keys = Table(
    "run_keys",
    metadata,
    # The key of a run's pseudonyms, drawn once: whoever has it could recompute them.
    Column("run", String(32), ForeignKey("runs.id"), primary_key=True),
    Column("key", LargeBinary, nullable=False),
)

protected_records = Table(
    "protected_records",
    metadata,
    # An agency's newest signed marks, which stand for all of its marks.
    Column("agreement", String(64), ForeignKey("agreements.digest"), primary_key=True),
    Column("agency", String(64), primary_key=True),
    Column("content", LargeBinary, nullable=False),
)

cluster_evidence = Table(
    "cluster_evidence",
    metadata,
    # What the matcher has signed about some clusters of a run, for a party that asked.
    Column("digest", String(64), primary_key=True),
    Column("agreement", String(64), ForeignKey("agreements.digest"), nullable=False, index=True),
    Column("run", String(32), ForeignKey("runs.id"), nullable=False),
    Column("party", String(64), nullable=False),
    Column("made", BigInteger, nullable=False),
    Column("content", LargeBinary, nullable=False),
)

holdings = Table(
    "holdings",
    metadata,
    # What the evidence has committed to: a salt and the tokens, 16 bytes each, one after another.
    Column("evidence", String(64), ForeignKey("cluster_evidence.digest"), primary_key=True),
    Column("cluster", String(32), primary_key=True),
    Column("agency", String(64), primary_key=True),
    Column("salt", LargeBinary, nullable=False),
    Column("tokens", LargeBinary, nullable=False),
)

disclosures = Table(
    "disclosures",
    metadata,
    # The digest of the signed proposal.
    Column("id", String(64), primary_key=True),
    Column("agreement", String(64), ForeignKey("agreements.digest"), nullable=False, index=True),
    Column("evidence", String(64), ForeignKey("cluster_evidence.digest"), nullable=False),
    # As the life of a disclosure has them (linkage.protocol.disclosure.life).
    Column("state", String(16), nullable=False),
    Column("expires", BigInteger, nullable=False),
    Column("received", BigInteger, nullable=False),
    # Rises with each proposal: the leaf of its event.
    Column("leaf", BigInteger, nullable=False),
    # What the messages come to, as canonical JSON, so that a list needn't read them all.
    Column("summary", LargeBinary, nullable=False),
    # The proposal that has replaced it.
    Column("successor", String(64), ForeignKey("disclosures.id")),
    # The finished run with which its clusters were compared last.
    Column("compared", String(32), ForeignKey("runs.id"), nullable=False),
    # What is sealed, and which records are meant: kept or erased
    Column("data", String(8), nullable=False, server_default="kept"),
    CheckConstraint(
        "state IN ('proposed', 'approved', 'released', 'opened', 'refused', 'expired', "
        "'superseded', 'recalled')",
        name="state",
    ),
    CheckConstraint("data IN ('kept', 'erased')", name="data"),
)

disclosure_messages = Table(
    "disclosure_messages",
    metadata,
    # In the order of the log; the proposal is the first, number 0.
    Column("disclosure", String(64), ForeignKey("disclosures.id"), primary_key=True),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("content", LargeBinary, nullable=False),
    Column("leaf", BigInteger, nullable=False),
)

sealed_fields = Table(
    "sealed_fields",
    metadata,
    # What a holder has sealed to a recipient; it counts once the release names its digest.
    Column("disclosure", String(64), ForeignKey("disclosures.id"), primary_key=True),
    Column("holder", String(64), primary_key=True),
    Column("recipient", String(64), primary_key=True),
    Column("content", LargeBinary, nullable=False),
)
