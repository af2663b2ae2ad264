"""Objects as files of a folder, each readable by its owner only and on disk before it counts."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import IO

from matcher.config.settings import MARKER_TEXT, OBJECTS_MARKER
from matcher.durable import sync_folder, write_new
from matcher.objects.failures import ObjectMissingError
from matcher.objects.objects import Draft, Objects, in_words, require_key

# Keys can't begin with a dot, as the names of what isn't an object do. On the same file system, so
# that a rename is enough.
_DRAFTS = ".drafts"


class Folder(Objects):
    """A folder that exists. obstore's own local store leaves out the syncs, so this writes itself.

    A file is written apart, synced, renamed into its place, and the folder of its name synced.
    """

    def __init__(self, root: Path) -> None:
        self._root = root

    def __repr__(self) -> str:
        return "Folder()"

    def make_ready(self) -> None:
        """Make and mark the folder, unless it is; see `Objects.make_ready`."""
        try:
            _make_durably(self._root)
            with suppress(FileExistsError):
                write_new(self._root / OBJECTS_MARKER, MARKER_TEXT)
            sync_folder(self._root)
        except OSError as error:
            raise in_words(error) from error

    def is_to_be_made(self) -> bool:
        """Return whether the folder isn't there; see `Objects.is_to_be_made`."""
        return not self._root.exists()

    def draft(self, key: str) -> Draft:
        """Begin an object; see `Objects.draft`."""
        place = self._path(key)
        written = self._root / _DRAFTS / secrets.token_hex(16)
        try:
            _make_durably(written.parent)
            descriptor = os.open(written, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except OSError as error:
            raise in_words(error) from error
        file = os.fdopen(descriptor, "wb")

        def store() -> None:
            file.flush()
            os.fsync(file.fileno())
            _move(written, place)

        def drop() -> None:
            try:
                file.close()
            finally:
                written.unlink(missing_ok=True)

        return Draft(file, store, drop)

    def open(self, key: str) -> IO[bytes]:
        """Open an object; see `Objects.open`."""
        try:
            return self._path(key).open("rb")
        except FileNotFoundError:
            raise ObjectMissingError(key) from None
        except OSError as error:
            raise in_words(error) from error

    def size(self, key: str) -> int:
        """Return the bytes of an object; see `Objects.size`."""
        try:
            return self._path(key).stat().st_size
        except FileNotFoundError:
            raise ObjectMissingError(key) from None
        except OSError as error:
            raise in_words(error) from error

    def delete(self, key: str) -> None:
        """Delete an object, and the folders that it leaves empty; see `Objects.delete`."""
        path = self._path(key)
        try:
            path.unlink(missing_ok=True)
            self._remove_empty(path.parent)
        except OSError as error:
            raise in_words(error) from error

    def list(self, prefix: str = "") -> Iterator[str]:
        """Yield the keys below a prefix; see `Objects.list`."""
        top = self._path(prefix) if prefix else self._root
        walked = os.walk(top, onerror=self._refuse_unlisted)
        paths = (Path(folder, name) for folder, _, names in walked for name in names)
        keys = (path.relative_to(self._root).as_posix() for path in paths)
        yield from sorted(key for key in keys if not key.startswith("."))

    def forget_drafts(self, older_than: float) -> None:
        """Delete old drafts; see `Objects.forget_drafts`."""
        drafts = self._root / _DRAFTS
        for draft in drafts.iterdir() if drafts.is_dir() else ():
            try:
                if draft.stat().st_mtime < older_than:
                    draft.unlink()
            except FileNotFoundError:  # its writer was quicker
                continue

    def _path(self, key: str) -> Path:
        return self._root / require_key(key)

    def _refuse_unlisted(self, error: OSError) -> None:
        """Raise for a folder that can't be listed: what is in it isn't gone.

        One that isn't there holds nothing, unless it is all of the store that isn't there.
        """
        if not isinstance(error, FileNotFoundError) or not self._root.is_dir():
            raise in_words(error) from error

    def _remove_empty(self, folder: Path) -> None:
        """Remove folders up to the root, as long as they are empty, and make that last."""
        while folder != self._root:
            try:
                folder.rmdir()
            except FileNotFoundError:
                pass  # another process was quicker, or there never was one
            except OSError:
                break  # it holds something
            folder = folder.parent
        with suppress(FileNotFoundError):  # who has removed it since syncs what is above it
            sync_folder(folder)


def _move(written: Path, place: Path) -> None:
    """Rename a file into its place for good, whose folder another process may just remove."""
    for attempt in range(5):
        try:
            _make_durably(place.parent)
            written.replace(place)
            sync_folder(place.parent)
        except FileNotFoundError:
            if attempt == 4 or not written.exists():
                raise
        else:
            return


def _make_durably(folder: Path) -> None:
    """Make a folder, and those above it, so that their names outlive a loss of power."""
    if folder.is_dir():
        return
    _make_durably(folder.parent)
    # Not `exist_ok`, which looks again at what is there, when another process may have removed it.
    with suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    sync_folder(folder.parent)
