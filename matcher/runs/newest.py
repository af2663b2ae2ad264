"""The newest run of an agreement whose outcome can be read."""

from __future__ import annotations

from sqlalchemy import Connection, select

from matcher.store.tables import runs


def newest_run(connection: Connection, agreement: str) -> str | None:
    """Return the newest finished run of an agreement whose outcome is kept, None without one."""
    query = (
        select(runs.c.id)
        .where(runs.c.agreement == agreement, runs.c.state == "finished", runs.c.data == "kept")
        .order_by(runs.c.queued.desc())
        .limit(1)
    )
    return connection.execute(query).scalar_one_or_none()
