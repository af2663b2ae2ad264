"""The objects that rows name: what a backup must hold beside the rows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import Connection, select

from matcher.objects.keys import (
    COHORTS,
    PAYLOADS,
    RUNS,
    UPLOADS,
    map_key,
    part_key,
    piece_key,
)
from matcher.runs.finished import parse_outcome
from matcher.store.tables import (
    cohorts,
    payload_pieces,
    payloads,
    runs,
    upload_parts,
    uploads,
)

PREFIXES = (COHORTS, PAYLOADS, RUNS, UPLOADS)
"""Below these lie all objects that rows can name."""
_WITH_PARTS = ("open", "committed")


@dataclass(frozen=True)
class Named:
    """An object; ``sha256`` (hex) is what its row says."""

    key: str
    sha256: str


def named_objects(connection: Connection) -> Iterator[Named]:
    """Yield the objects of uploads, finished runs, payloads and cohorts that aren't erased.

    Raises `VerificationError` for a row that doesn't say what its run has stored.
    """
    yield from _of_uploads(connection)
    yield from _of_runs(connection)
    yield from _of_cohorts(connection)


def _of_uploads(connection: Connection) -> Iterator[Named]:
    parts = (
        select(upload_parts.c.upload, upload_parts.c.number, upload_parts.c.sha256)
        .join(uploads)
        .where(uploads.c.state.in_(_WITH_PARTS))
        .order_by(upload_parts.c.upload, upload_parts.c.number)
    )
    for upload, number, sha256 in connection.execute(parts).all():
        yield Named(part_key(upload, number, sha256), sha256)


def _of_runs(connection: Connection) -> Iterator[Named]:
    finished = (runs.c.state == "finished") & (runs.c.data == "kept")
    outcomes = select(runs.c.id, runs.c.outcome).where(finished).order_by(runs.c.id)
    for run, content in connection.execute(outcomes).all():
        outcome = parse_outcome(bytes(content), run)
        for path, file in sorted(outcome.files.items()):
            yield Named(f"{outcome.folder}/{path}", file.sha256)


def _of_cohorts(connection: Connection) -> Iterator[Named]:
    pieces = (
        select(payload_pieces.c.payload, payload_pieces.c.number, payload_pieces.c.sha256)
        .join(payloads)
        .where(payloads.c.state.in_(_WITH_PARTS))
        .order_by(payload_pieces.c.payload, payload_pieces.c.number)
    )
    for payload, number, sha256 in connection.execute(pieces).all():
        yield Named(piece_key(payload, number, sha256), sha256)
    maps = select(cohorts.c.id, cohorts.c.map).where(cohorts.c.data == "kept")
    for cohort, sha256 in connection.execute(maps.order_by(cohorts.c.id)).all():
        yield Named(map_key(cohort, sha256), sha256)
