"""The objects that rows name: what a backup must hold beside the rows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import Connection, select

from matcher.objects.objects import Objects
from matcher.store.tables import runs, upload_parts, uploads

PREFIXES = ("runs", "uploads")
"""Below these lie all objects that rows can name."""
_WITH_PARTS = ("open", "committed")


@dataclass(frozen=True)
class Named:
    """An object; ``sha256`` (hex) is what its row says, empty if no row does."""

    key: str
    sha256: str = ""


def named_objects(connection: Connection, objects: Objects) -> Iterator[Named]:
    """Yield the parts of uploads that aren't refused or erased, and the files of finished runs."""
    parts = (
        select(upload_parts.c.upload, upload_parts.c.number, upload_parts.c.sha256)
        .join(uploads)
        .where(uploads.c.state.in_(_WITH_PARTS))
        .order_by(upload_parts.c.upload, upload_parts.c.number)
    )
    for upload, number, sha256 in connection.execute(parts).all():
        yield Named(f"uploads/{upload}/parts/{number:06}.{sha256}", sha256)
    finished = (runs.c.state == "finished") & (runs.c.data == "kept")
    for run in connection.execute(select(runs.c.id).where(finished).order_by(runs.c.id)).scalars():
        yield from (Named(key) for key in objects.list(f"runs/{run}"))
