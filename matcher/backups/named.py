"""The objects that rows name: what a backup must hold beside the rows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import Connection, select

from matcher.objects.keys import part_key
from matcher.runs.finished import parse_outcome
from matcher.store.tables import runs, upload_parts, uploads

PREFIXES = ("runs", "uploads")
"""Below these lie all objects that rows can name."""
_WITH_PARTS = ("open", "committed")


@dataclass(frozen=True)
class Named:
    """An object; ``sha256`` (hex) is what its row says."""

    key: str
    sha256: str


def named_objects(connection: Connection) -> Iterator[Named]:
    """Yield the parts of uploads that aren't refused or erased, and the files of finished runs.

    Raises `VerificationError` for a row that doesn't say what its run has stored.
    """
    parts = (
        select(upload_parts.c.upload, upload_parts.c.number, upload_parts.c.sha256)
        .join(uploads)
        .where(uploads.c.state.in_(_WITH_PARTS))
        .order_by(upload_parts.c.upload, upload_parts.c.number)
    )
    for upload, number, sha256 in connection.execute(parts).all():
        yield Named(part_key(upload, number, sha256), sha256)
    finished = (runs.c.state == "finished") & (runs.c.data == "kept")
    outcomes = select(runs.c.id, runs.c.outcome).where(finished).order_by(runs.c.id)
    for run, content in connection.execute(outcomes).all():
        outcome = parse_outcome(bytes(content), run)
        for path, file in sorted(outcome.files.items()):
            yield Named(f"{outcome.folder}/{path}", file.sha256)
