"""What is due to be erased: uploads and runs older than the days of their agreement."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import ColumnElement, Connection, select

from linkage.protocol.agreement import Agreement, parse_content
from matcher.jobs.states import ENDED, UNENDED
from matcher.objects.keys import run_objects, upload_objects
from matcher.retention.days import due_since
from matcher.store.tables import agreements, committed_uploads, runs, uploads

Kind = Literal["upload", "run"]


@dataclass(frozen=True)
class Due:
    """An upload or a run to erase, of an agreement.

    ``counts`` and ``digests`` are what the log will say, of what went in alone: nothing that
    depends on who is known to whom.
    """

    kind: Kind
    id: str
    agreement: Agreement
    counts: dict[str, int]
    digests: dict[str, str]

    @property
    def prefix(self) -> str:
        """The beginning of the keys of its objects."""
        return upload_objects(self.id) if self.kind == "upload" else run_objects(self.id)


def due_at(connection: Connection, now: int) -> Iterator[Due]:
    """Yield what is due at ``now`` (POSIX seconds), or was begun to be erased, the oldest first."""
    for agreement in _agreements(connection):
        yield from _uploads(connection, agreement, due_since(agreement, "upload", now))
        yield from _runs(connection, agreement, due_since(agreement, "run", now))


def in_use(connection: Connection, due: Due) -> bool:
    """Whether a run waits or is carried out that reads it.

    A run chooses which earlier one it goes on from when it begins, so all of its agreement's count.
    """
    query = select(runs.c.inputs).where(
        runs.c.agreement == due.agreement.digest(), runs.c.state.in_(UNENDED)
    )
    inputs = connection.execute(query).scalars().all()
    if due.kind == "run":
        return bool(inputs)
    return any(due.id.encode() in one for one in inputs)


def _agreements(connection: Connection) -> list[Agreement]:
    query = select(agreements.c.content).order_by(agreements.c.id, agreements.c.version)
    contents = connection.execute(query).scalars().all()
    return [parse_content(bytes(content), "An admitted agreement") for content in contents]


def _uploads(connection: Connection, agreement: Agreement, before: int | None) -> Iterator[Due]:
    received = committed_uploads.c
    query = (
        select(uploads.c.id, uploads.c.sha256, received.rows, received.manifest)
        .join(committed_uploads, received.upload == uploads.c.id)
        .where(
            uploads.c.agreement == agreement.digest(),
            begun_or_due(uploads.c.state == "erasing", uploads.c.state == "committed",
                         received.committed, before),
        )
        .order_by(received.committed, uploads.c.id)
    )  # fmt: skip
    for id_, sha256, rows, manifest in connection.execute(query).all():
        digests = {"file": sha256, "manifest": hashlib.sha256(manifest).hexdigest()}
        yield Due("upload", id_, agreement, {"rows": rows}, digests)


def _runs(connection: Connection, agreement: Agreement, before: int | None) -> Iterator[Due]:
    kept = (runs.c.data == "kept") & runs.c.state.in_(ENDED)
    query = (
        select(runs.c.id, runs.c.inputs)
        .where(
            runs.c.agreement == agreement.digest(),
            begun_or_due(runs.c.data == "erasing", kept, runs.c.ended, before),
        )
        .order_by(runs.c.ended, runs.c.id)
    )
    for id_, inputs in connection.execute(query).all():
        digests = {"inputs": hashlib.sha256(inputs).hexdigest()}
        yield Due("run", id_, agreement, {"runs": 1}, digests)


def begun_or_due(
    begun: ColumnElement[bool],
    kept: ColumnElement[bool],
    time: ColumnElement[int | None],
    before: int | None,
) -> ColumnElement[bool]:
    """Return the condition that something was begun to be erased, or is kept and due."""
    return begun if before is None else begun | (kept & (time <= before))
