"""Opening the store of objects that the settings name."""

from __future__ import annotations

from pathlib import Path

from matcher.config.settings import OBJECTS_MARKER, Settings
from matcher.objects.failures import ObjectsError
from matcher.objects.folder import Folder
from matcher.objects.objects import Objects, in_words


def open_objects(settings: Settings) -> Objects:
    """Return the store of objects; none of them is read yet.

    Raises `ObjectsError`, also for a folder that isn't marked as one: to take the mount point of a
    disk that is missing for an empty store would be to say that all is erased.
    """
    if settings.objects_bucket is None and not _is_marked(settings.objects_folder):
        raise _unmarked(settings.objects_folder)
    return _opened(settings)


def open_new_objects(settings: Settings) -> Objects:
    """Return the store for a restore: as `open_objects`, or a folder that is missing or empty.

    That becomes one of objects by `Objects.make_ready`.
    """
    folder = settings.objects_folder
    if settings.objects_bucket is None and not _is_marked(folder) and not _is_free(folder):
        raise _unmarked(folder)
    return _opened(settings)


def _is_marked(folder: Path) -> bool:
    try:
        return (folder / OBJECTS_MARKER).is_file()
    except OSError as error:
        raise in_words(error) from error


def _is_free(folder: Path) -> bool:
    try:
        return not folder.exists() or not any(folder.iterdir())
    except OSError as error:
        raise in_words(error) from error


def _unmarked(folder: Path) -> ObjectsError:
    return ObjectsError(
        f"{folder} isn't the folder of a matcher's objects, as there is no {OBJECTS_MARKER} in it: "
        "mount its disk, or mend [objects] url. If it shall become one, make that file in it."
    )


def _opened(settings: Settings) -> Objects:
    bucket = settings.objects_bucket
    if bucket is None:
        return Folder(settings.objects_folder)
    # Only who keeps objects in S3 waits for its library to load.
    from matcher.objects.bucket import Bucket  # noqa: PLC0415

    return Bucket(*bucket)
