"""Disclosures."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "run_keys",
        sa.Column("run", sa.String(length=32), nullable=False),
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["run"], ["runs.id"], name="fk_run_keys_run"),
        sa.PrimaryKeyConstraint("run", name="pk_run_keys"),
    )
    op.create_table(
        "protected_records",
        sa.Column("agreement", sa.String(length=64), nullable=False),
        sa.Column("agency", sa.String(length=64), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["agreement"], ["agreements.digest"], name="fk_protected_records_agreement"
        ),
        sa.PrimaryKeyConstraint("agreement", "agency", name="pk_protected_records"),
    )
    op.create_table(
        "cluster_evidence",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("agreement", sa.String(length=64), nullable=False),
        sa.Column("run", sa.String(length=32), nullable=False),
        sa.Column("party", sa.String(length=64), nullable=False),
        sa.Column("made", sa.BigInteger(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["agreement"], ["agreements.digest"], name="fk_cluster_evidence_agreement"
        ),
        sa.ForeignKeyConstraint(["run"], ["runs.id"], name="fk_cluster_evidence_run"),
        sa.PrimaryKeyConstraint("digest", name="pk_cluster_evidence"),
    )
    op.create_index(
        "ix_cluster_evidence_agreement", "cluster_evidence", ["agreement"], unique=False
    )
    op.create_table(
        "holdings",
        sa.Column("evidence", sa.String(length=64), nullable=False),
        sa.Column("cluster", sa.String(length=32), nullable=False),
        sa.Column("agency", sa.String(length=64), nullable=False),
        sa.Column("salt", sa.LargeBinary(), nullable=False),
        sa.Column("tokens", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["evidence"], ["cluster_evidence.digest"], name="fk_holdings_evidence"
        ),
        sa.PrimaryKeyConstraint("evidence", "cluster", "agency", name="pk_holdings"),
    )
    op.create_table(
        "disclosures",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("agreement", sa.String(length=64), nullable=False),
        sa.Column("evidence", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("expires", sa.BigInteger(), nullable=False),
        sa.Column("received", sa.BigInteger(), nullable=False),
        sa.Column("leaf", sa.BigInteger(), nullable=False),
        sa.Column("summary", sa.LargeBinary(), nullable=False),
        sa.Column("successor", sa.String(length=64), nullable=True),
        sa.Column("compared", sa.String(length=32), nullable=False),
        sa.Column("data", sa.String(length=8), server_default="kept", nullable=False),
        sa.CheckConstraint("data IN ('kept', 'erased')", name="ck_disclosures_data"),
        sa.CheckConstraint(
            "state IN ('proposed', 'approved', 'released', 'opened', 'refused', 'expired', "
            "'superseded', 'recalled')",
            name="ck_disclosures_state",
        ),
        sa.ForeignKeyConstraint(
            ["agreement"], ["agreements.digest"], name="fk_disclosures_agreement"
        ),
        sa.ForeignKeyConstraint(["compared"], ["runs.id"], name="fk_disclosures_compared"),
        sa.ForeignKeyConstraint(
            ["evidence"], ["cluster_evidence.digest"], name="fk_disclosures_evidence"
        ),
        sa.ForeignKeyConstraint(["successor"], ["disclosures.id"], name="fk_disclosures_successor"),
        sa.PrimaryKeyConstraint("id", name="pk_disclosures"),
    )
    op.create_index("ix_disclosures_agreement", "disclosures", ["agreement"], unique=False)
    op.create_table(
        "disclosure_messages",
        sa.Column("disclosure", sa.String(length=64), nullable=False),
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("leaf", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["disclosure"], ["disclosures.id"], name="fk_disclosure_messages_disclosure"
        ),
        sa.PrimaryKeyConstraint("disclosure", "number", name="pk_disclosure_messages"),
    )
    op.create_table(
        "sealed_fields",
        sa.Column("disclosure", sa.String(length=64), nullable=False),
        sa.Column("holder", sa.String(length=64), nullable=False),
        sa.Column("recipient", sa.String(length=64), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["disclosure"], ["disclosures.id"], name="fk_sealed_fields_disclosure"
        ),
        sa.PrimaryKeyConstraint("disclosure", "holder", "recipient", name="pk_sealed_fields"),
    )
