"""The console: who is signed in, what was refused, and what the log is searched by."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0004"
branch_labels = None
depends_on = None

_BATCH = 5000
_SORTS = sa.table(
    "log_sorts",
    *(sa.column(name) for name in ("id", "agreement", "kind", "verb", "party", "purpose", "count")),
)
_INDEX = sa.table("log_index", *(sa.column(name) for name in ("leaf", "sort", "at")))


def upgrade() -> None:
    """Make the tables, and enter the events that are there into the index."""
    _make_console()
    _make_index()
    _fill_index(op.get_bind())
    op.create_index("ix_log_index_sort_at_leaf", "log_index", ["sort", "at", "leaf"])
    op.create_index("ix_log_index_at_leaf", "log_index", ["at", "leaf"])


def _make_console() -> None:
    op.create_table(
        "console_sessions",
        sa.Column("token", sa.String(length=64), nullable=False),
        sa.Column("agreement", sa.String(length=64), nullable=False),
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column("opened", sa.BigInteger(), nullable=False),
        sa.Column("seen", sa.BigInteger(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["agreement"], ["agreements.digest"], name="fk_console_sessions_agreement"
        ),
        sa.PrimaryKeyConstraint("token", name="pk_console_sessions"),
    )
    op.create_index("ix_console_sessions_until", "console_sessions", ["until"])
    op.create_table(
        "refused_requests",
        sa.Column("day", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("agreement", sa.String(length=64), nullable=False),
        sa.Column("party", sa.String(length=64), nullable=False),
        sa.Column("endpoint", sa.String(length=160), nullable=False),
        sa.Column("problem", sa.String(length=40), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.Column("last", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint(
            "day", "agreement", "party", "endpoint", "problem", name="pk_refused_requests"
        ),
    )


def _make_index() -> None:
    op.create_table(
        "log_sorts",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("agreement", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column("verb", sa.String(length=16), nullable=False),
        sa.Column("party", sa.String(length=64), nullable=False),
        sa.Column("purpose", sa.String(length=500), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_log_sorts"),
        sa.UniqueConstraint("agreement", "kind", "party", "purpose", name="uq_log_sorts_agreement"),
    )
    op.create_table(
        "log_index",
        sa.Column("leaf", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("sort", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["sort"], ["log_sorts.id"], name="fk_log_index_sort"),
        sa.PrimaryKeyConstraint("leaf", name="pk_log_index"),
    )
    op.create_table(
        "log_verified",
        sa.Column("id", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("sound", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_log_verified"),
        sa.CheckConstraint("id = 1", name="ck_log_verified_id"),
    )


def _fill_index(connection: sa.Connection) -> None:
    """Read every event once; the sorts come first, since the rows name them."""
    sorts: dict[tuple[str, ...], dict[str, Any]] = {}
    for rows in _batches(connection):
        for _, event in rows:
            sort = sorts.setdefault(_key(event), _new_sort(event, len(sorts)))
            sort["count"] += 1
    if sorts:
        connection.execute(sa.insert(_SORTS), list(sorts.values()))
    for rows in _batches(connection):
        values = [
            {"leaf": leaf, "sort": sorts[_key(event)]["id"], "at": _seconds(event)}
            for leaf, event in rows
        ]
        connection.execute(sa.insert(_INDEX), values)


def _batches(connection: sa.Connection) -> Iterator[list[tuple[int, dict[str, Any]]]]:
    query = sa.text(
        "SELECT leaf, event FROM log_events WHERE leaf >= :first ORDER BY leaf LIMIT :most"
    )
    first = 0
    while rows := connection.execute(query, {"first": first, "most": _BATCH}).all():
        yield [(leaf, json.loads(bytes(event))) for leaf, event in rows]
        first = rows[-1][0] + 1


def _key(event: dict[str, Any]) -> tuple[str, ...]:
    return event["agreement"]["id"], event["kind"], event["party"], event["purpose"]


def _new_sort(event: dict[str, Any], number: int) -> dict[str, Any]:
    agreement, kind, party, purpose = _key(event)
    sort = {"agreement": agreement, "kind": kind, "party": party, "purpose": purpose}
    return sort | {"id": number, "verb": event["verb"], "count": 0}


def _seconds(event: dict[str, Any]) -> int:
    return int(datetime.fromisoformat(event["at"]).timestamp())
