"""Deleting what nobody will ever ask for: uploads too old, and objects that belong to none.

A process killed between a change and the deletion of its objects leaves them behind; so does a part
that came after its upload had ended.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from matcher.objects.keys import UPLOADS, upload_objects
from matcher.objects.objects import Objects
from matcher.store.database import Database
from matcher.uploads import rows

_DRAFTS = timedelta(days=1)
_BATCH = 500


def tidy_uploads(database: Database, objects: Objects, days: int, now: datetime) -> int:
    """Forget open uploads older than ``days``, and objects and drafts that belong to nothing.

    Returns how many uploads were forgotten. Can be repeated and interrupted at any moment, and run
    beside everything else. Raises `DatabaseError`, `ObjectsError`.
    """
    before = int((now - timedelta(days=days)).timestamp())
    with database.reading() as connection:
        outdated = rows.opened_before(connection, before)
    forgotten = 0
    for upload in outdated:
        with database.writing() as connection:
            forgotten += rows.remove_open(connection, upload)
    # An upload has its row before any object, so what has objects and no row now never will.
    for batch in _batches(_ids(objects)):
        with database.reading() as connection:
            kept = rows.with_objects(connection, batch)
        for upload in sorted(set(batch) - kept):
            objects.delete_below(upload_objects(upload))
    objects.forget_drafts((now - _DRAFTS).timestamp())
    return forgotten


def _ids(objects: Objects) -> list[str]:
    """Return the ids of uploads that have objects."""
    return sorted({key.split("/")[1] for key in objects.list(UPLOADS)})


def _batches(ids: list[str]) -> Iterable[list[str]]:
    return (ids[start : start + _BATCH] for start in range(0, len(ids), _BATCH))
