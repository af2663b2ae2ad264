"""Agreements, uploads and runs."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "agreements",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("admitted", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name="pk_agreements"),
        sa.UniqueConstraint("id", "version", name="uq_agreements_id"),
    )
    op.create_table(
        "agreement_signatures",
        sa.Column("agreement", sa.String(length=64), nullable=False),
        sa.Column("party", sa.String(length=64), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["agreement"], ["agreements.digest"], name="fk_agreement_signatures_agreement"
        ),
        sa.PrimaryKeyConstraint("agreement", "party", name="pk_agreement_signatures"),
    )
    op.create_table(
        "answers",
        sa.Column("agreement", sa.String(length=64), nullable=False),
        sa.Column("round", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("agency", sa.String(length=64), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["agreement"], ["agreements.digest"], name="fk_answers_agreement"),
        sa.PrimaryKeyConstraint("agreement", "round", "agency", name="pk_answers"),
    )
    op.create_table(
        "party_keys",
        sa.Column("agreement", sa.String(length=64), nullable=False),
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column("party", sa.String(length=64), nullable=False),
        sa.Column("signing_key", sa.String(length=128), nullable=False),
        sa.ForeignKeyConstraint(
            ["agreement"], ["agreements.digest"], name="fk_party_keys_agreement"
        ),
        sa.PrimaryKeyConstraint("agreement", "fingerprint", name="pk_party_keys"),
    )
    op.create_index("ix_party_keys_fingerprint", "party_keys", ["fingerprint"], unique=False)
    op.create_table(
        "rounds",
        sa.Column("agreement", sa.String(length=64), nullable=False),
        sa.Column("round", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("opened", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["agreement"], ["agreements.digest"], name="fk_rounds_agreement"),
        sa.PrimaryKeyConstraint("agreement", "round", name="pk_rounds"),
    )
    op.create_table(
        "secret_messages",
        sa.Column("agreement", sa.String(length=64), nullable=False),
        sa.Column("recipient", sa.String(length=64), nullable=False),
        sa.Column("sender", sa.String(length=64), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["agreement"], ["agreements.digest"], name="fk_secret_messages_agreement"
        ),
        sa.PrimaryKeyConstraint("agreement", "recipient", name="pk_secret_messages"),
    )
    op.create_table(
        "runs",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("agreement", sa.String(length=64), nullable=False),
        sa.Column("round", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("onto", sa.String(length=32), nullable=True),
        sa.Column("inputs", sa.LargeBinary(), nullable=False),
        sa.Column("outcome", sa.LargeBinary(), nullable=True),
        sa.Column("queued", sa.BigInteger(), nullable=False),
        sa.Column("ended", sa.BigInteger(), nullable=True),
        sa.Column("data", sa.String(length=8), server_default="kept", nullable=False),
        sa.CheckConstraint("data IN ('kept', 'erasing', 'erased')", name="ck_runs_data"),
        sa.CheckConstraint(
            "state IN ('queued', 'running', 'finished', 'failed', 'cancelled')",
            name="ck_runs_state",
        ),
        sa.ForeignKeyConstraint(
            ["agreement", "round"], ["rounds.agreement", "rounds.round"], name="fk_runs_agreement"
        ),
        sa.ForeignKeyConstraint(["onto"], ["runs.id"], name="fk_runs_onto"),
        sa.PrimaryKeyConstraint("id", name="pk_runs"),
    )
    op.create_index("ix_runs_queued", "runs", ["queued"], unique=False)
    op.create_table(
        "uploads",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("agreement", sa.String(length=64), nullable=False),
        sa.Column("round", sa.BigInteger(), nullable=False),
        sa.Column("agency", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("part_size", sa.BigInteger(), nullable=False),
        sa.Column("opened", sa.BigInteger(), nullable=False),
        sa.Column("refusal", sa.String(length=16), nullable=True),
        sa.CheckConstraint(
            "state IN ('open', 'committed', 'refused', 'erasing', 'erased')",
            name="ck_uploads_state",
        ),
        sa.ForeignKeyConstraint(
            ["agreement", "round"],
            ["rounds.agreement", "rounds.round"],
            name="fk_uploads_agreement",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_uploads"),
    )
    op.create_table(
        "committed_uploads",
        sa.Column("agreement", sa.String(length=64), nullable=False),
        sa.Column("round", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("agency", sa.String(length=64), nullable=False),
        sa.Column("upload", sa.String(length=32), nullable=False),
        sa.Column("manifest", sa.LargeBinary(), nullable=False),
        sa.Column("rows", sa.BigInteger(), nullable=False),
        sa.Column("leaf", sa.BigInteger(), nullable=False),
        sa.Column("committed", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["agreement", "round"],
            ["rounds.agreement", "rounds.round"],
            name="fk_committed_uploads_agreement",
        ),
        sa.ForeignKeyConstraint(["upload"], ["uploads.id"], name="fk_committed_uploads_upload"),
        sa.PrimaryKeyConstraint("agreement", "round", "agency", name="pk_committed_uploads"),
        sa.UniqueConstraint("upload", name="uq_committed_uploads_upload"),
    )
    op.create_table(
        "jobs",
        sa.Column("run", sa.String(length=32), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("lease", sa.BigInteger(), nullable=False),
        sa.Column("worker", sa.String(length=128), nullable=True),
        sa.Column("expires", sa.BigInteger(), nullable=True),
        sa.Column("attempts", sa.BigInteger(), nullable=False),
        sa.Column("cancelled", sa.Boolean(), nullable=False),
        sa.Column("stage", sa.String(length=32), nullable=False),
        sa.Column("done", sa.BigInteger(), nullable=False),
        sa.Column("total", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("state IN ('waiting', 'leased', 'ended')", name="ck_jobs_state"),
        sa.ForeignKeyConstraint(["run"], ["runs.id"], name="fk_jobs_run"),
        sa.PrimaryKeyConstraint("run", name="pk_jobs"),
    )
    op.create_index("ix_jobs_state", "jobs", ["state"], unique=False)
    op.create_table(
        "results",
        sa.Column("run", sa.String(length=32), nullable=False),
        sa.Column("agency", sa.String(length=64), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["run"], ["runs.id"], name="fk_results_run"),
        sa.PrimaryKeyConstraint("run", "agency", name="pk_results"),
    )
    op.create_table(
        "upload_parts",
        sa.Column("upload", sa.String(length=32), nullable=False),
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["upload"], ["uploads.id"], name="fk_upload_parts_upload"),
        sa.PrimaryKeyConstraint("upload", "number", name="pk_upload_parts"),
    )
