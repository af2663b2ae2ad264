"""The log and the nonces that were seen."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    head = op.create_table(
        "log_head",
        sa.Column("id", sa.SmallInteger, autoincrement=False, nullable=False),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_log_head"),
        sa.CheckConstraint("id = 1", name="ck_log_head_id"),
        sa.CheckConstraint("size >= 0", name="ck_log_head_size"),
    )
    op.bulk_insert(head, [{"id": 1, "size": 0}])
    op.create_table(
        "log_events",
        sa.Column("leaf", sa.BigInteger, autoincrement=False, nullable=False),
        sa.Column("event", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("leaf", name="pk_log_events"),
    )
    op.create_table(
        "log_nodes",
        sa.Column("level", sa.SmallInteger, autoincrement=False, nullable=False),
        sa.Column("position", sa.BigInteger, autoincrement=False, nullable=False),
        sa.Column("hash", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("level", "position", name="pk_log_nodes"),
        sa.CheckConstraint("length(hash) = 32", name="ck_log_nodes_hash"),
    )
    op.create_table(
        "log_checkpoints",
        sa.Column("size", sa.BigInteger, autoincrement=False, nullable=False),
        sa.Column("note", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("size", name="pk_log_checkpoints"),
    )
    op.create_table(
        "log_cosignatures",
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("witness", sa.String(128), nullable=False),
        sa.Column("witness_key", sa.String(256), nullable=False),
        sa.Column("signature", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("size", "witness", name="pk_log_cosignatures"),
        sa.ForeignKeyConstraint(
            ["size"], ["log_checkpoints.size"], name="fk_log_cosignatures_size"
        ),
    )
    op.create_table(
        "nonces",
        sa.Column("value", sa.String(128), nullable=False),
        sa.Column("expires", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("value", name="pk_nonces"),
    )
    op.create_index("ix_nonces_expires", "nonces", ["expires"])
