"""The objects that rows name: what a backup must hold beside the rows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import Connection, select

from matcher.objects.keys import part_key, run_objects
from matcher.objects.objects import Objects
from matcher.store.tables import runs, upload_parts, uploads

_WITH_PARTS = ("open", "committed")


@dataclass(frozen=True)
class Named:
    """An object; ``sha256`` (hex) is what its row says, empty if no row does."""

    key: str
    sha256: str = ""


@dataclass(frozen=True)
class NamedByRows:
    """What the rows of one moment name: parts of uploads, and finished runs."""

    parts: tuple[Named, ...]
    runs: tuple[str, ...]

    def objects(self, objects: Objects) -> Iterator[Named]:
        """Yield the objects; which files a run has, only their store knows.

        That may take long, so no transaction should be open meanwhile.
        """
        yield from self.parts
        for run in self.runs:
            yield from (Named(key) for key in objects.list(run_objects(run)))


def named_by_rows(connection: Connection) -> NamedByRows:
    """Return the parts of uploads that aren't refused or erased, and the runs that have files."""
    parts = (
        select(upload_parts.c.upload, upload_parts.c.number, upload_parts.c.sha256)
        .join(uploads)
        .where(uploads.c.state.in_(_WITH_PARTS))
        .order_by(upload_parts.c.upload, upload_parts.c.number)
    )
    finished = (runs.c.state == "finished") & (runs.c.data == "kept")
    ids = connection.execute(select(runs.c.id).where(finished).order_by(runs.c.id)).scalars()
    return NamedByRows(
        tuple(
            Named(part_key(upload, number, sha256), sha256)
            for upload, number, sha256 in connection.execute(parts)
        ),
        tuple(ids),
    )
