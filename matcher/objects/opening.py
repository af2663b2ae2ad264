"""Opening the store of objects that the settings name."""

from __future__ import annotations

from matcher.config.settings import Settings
from matcher.objects.folder import Folder
from matcher.objects.objects import Objects


def open_objects(settings: Settings) -> Objects:
    """Return the store of objects; nothing is read or written yet. Raises `ObjectsError`."""
    bucket = settings.objects_bucket
    if bucket is None:
        return Folder(settings.objects_folder)
    # Only who keeps objects in S3 waits for its library to load.
    from matcher.objects.bucket import Bucket  # noqa: PLC0415

    return Bucket(*bucket)
