"""Lookups."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "lookups",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("agreement", sa.String(length=64), nullable=False),
        sa.Column("asker", sa.String(length=64), nullable=False),
        sa.Column("request", sa.LargeBinary(), nullable=False),
        sa.Column("encoding", sa.LargeBinary(), nullable=True),
        sa.Column("lodged", sa.BigInteger(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("run", sa.String(length=32), nullable=True),
        sa.Column("busy", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("state IN ('lodged', 'closed')", name="ck_lookups_state"),
        sa.ForeignKeyConstraint(["agreement"], ["agreements.digest"], name="fk_lookups_agreement"),
        sa.PrimaryKeyConstraint("id", name="pk_lookups"),
    )
    op.create_index("ix_lookups_agreement", "lookups", ["agreement"], unique=False)
    op.create_index("ix_lookups_state", "lookups", ["state"], unique=False)
    op.create_table(
        "lookup_matches",
        sa.Column("lookup", sa.String(length=64), nullable=False),
        sa.Column("agency", sa.String(length=64), nullable=False),
        sa.Column("tokens", sa.String(length=512), nullable=False),
        sa.ForeignKeyConstraint(["lookup"], ["lookups.id"], name="fk_lookup_matches_lookup"),
        sa.PrimaryKeyConstraint("lookup", "agency", name="pk_lookup_matches"),
    )
    op.create_table(
        "lookup_answers",
        sa.Column("lookup", sa.String(length=64), nullable=False),
        sa.Column("agency", sa.String(length=64), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("leaf", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["lookup"], ["lookups.id"], name="fk_lookup_answers_lookup"),
        sa.PrimaryKeyConstraint("lookup", "agency", name="pk_lookup_answers"),
    )
