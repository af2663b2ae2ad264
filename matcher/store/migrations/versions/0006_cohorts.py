"""Payload and cohorts."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "payloads",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("agreement", sa.String(length=64), nullable=False),
        sa.Column("round", sa.BigInteger(), nullable=False),
        sa.Column("agency", sa.String(length=64), nullable=False),
        sa.Column("analyst", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("opened", sa.BigInteger(), nullable=False),
        sa.Column("manifest", sa.LargeBinary(), nullable=True),
        sa.Column("leaf", sa.BigInteger(), nullable=True),
        sa.Column("committed", sa.BigInteger(), nullable=True),
        sa.Column("blinding", sa.LargeBinary(), nullable=True),
        sa.CheckConstraint(
            "state IN ('open', 'committed', 'erasing', 'erased')", name="ck_payloads_state"
        ),
        sa.ForeignKeyConstraint(
            ["agreement", "round"], ["rounds.agreement", "rounds.round"],
            name="fk_payloads_agreement",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_payloads"),
        sa.UniqueConstraint(
            "agreement", "round", "agency", "analyst", name="uq_payloads_agreement"
        ),
    )  # fmt: skip
    op.create_table(
        "payload_pieces",
        sa.Column("payload", sa.String(length=32), nullable=False),
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(["payload"], ["payloads.id"], name="fk_payload_pieces_payload"),
        sa.PrimaryKeyConstraint("payload", "number", name="pk_payload_pieces"),
    )
    op.create_table(
        "cohorts",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("agreement", sa.String(length=64), nullable=False),
        sa.Column("analyst", sa.String(length=64), nullable=False),
        sa.Column("request", sa.String(length=64), nullable=False),
        sa.Column("asked", sa.LargeBinary(), nullable=False),
        sa.Column("cohort", sa.LargeBinary(), nullable=False),
        sa.Column("summary", sa.LargeBinary(), nullable=False),
        sa.Column("run", sa.String(length=32), nullable=False),
        sa.Column("map", sa.String(length=64), nullable=False),
        sa.Column("key", sa.LargeBinary(), nullable=True),
        sa.Column("leaf", sa.BigInteger(), nullable=False),
        sa.Column("pulled", sa.BigInteger(), nullable=False),
        sa.Column("data", sa.String(length=8), nullable=False),
        sa.CheckConstraint("data IN ('kept', 'erasing', 'erased')", name="ck_cohorts_data"),
        sa.ForeignKeyConstraint(["agreement"], ["agreements.digest"], name="fk_cohorts_agreement"),
        sa.ForeignKeyConstraint(["run"], ["runs.id"], name="fk_cohorts_run"),
        sa.PrimaryKeyConstraint("id", name="pk_cohorts"),
        sa.UniqueConstraint("request", name="uq_cohorts_request"),
    )
    op.create_index("ix_cohorts_agreement", "cohorts", ["agreement"], unique=False)
    op.create_table(
        "cohort_drafts",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("begun", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_cohort_drafts"),
    )
