"""Where the log has that a lookup's answers were handed to its asker."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column."""
    op.add_column("lookups", sa.Column("opened", sa.BigInteger(), nullable=True))
