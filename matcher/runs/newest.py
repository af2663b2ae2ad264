"""The newest run of an agreement whose outcome can be read."""

from __future__ import annotations

from sqlalchemy import Connection, select

from linkage.protocol.agreement import Agreement
from matcher.store.tables import agreements, runs


def newest_run(connection: Connection, agreement: str) -> str | None:
    """Return the newest finished run of an agreement whose outcome is kept, None without one."""
    query = (
        select(runs.c.id)
        .where(runs.c.agreement == agreement, runs.c.state == "finished", runs.c.data == "kept")
        .order_by(runs.c.queued.desc())
        .limit(1)
    )
    return connection.execute(query).scalar_one_or_none()


def newest_run_since(connection: Connection, agreement: Agreement) -> str | None:
    """Return the newest such run of an agreement, or of a later version of the same epoch.

    Within an epoch the agencies' encodings, and with them the tokens of records, can go on.
    """
    terms = agreement.agreement
    query = (
        select(runs.c.id)
        .join(agreements, agreements.c.digest == runs.c.agreement)
        .where(
            agreements.c.id == terms.id,
            agreements.c.epoch == terms.epoch,
            agreements.c.version >= terms.version,
            runs.c.state == "finished",
            runs.c.data == "kept",
        )
        .order_by(runs.c.queued.desc())
        .limit(1)
    )
    return connection.execute(query).scalar_one_or_none()
