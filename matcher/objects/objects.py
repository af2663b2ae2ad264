"""What every store of objects can do, whatever it keeps them in.

A key is a path such as ``uploads/0a1b/parts/000001``: names of lower-case letters, digits, dots,
underscores and hyphens, none of which begins with a dot.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import IO

from matcher.objects.failures import ObjectsError
from matcher.objects.streams import Discarded

_KEY = re.compile(r"[a-z0-9_-][a-z0-9._-]*(/[a-z0-9_-][a-z0-9._-]*)*")


class Draft(Discarded):
    """An object that is being written, of which nobody sees anything before it is stored whole.

    Leaving the context without `store` discards it.
    """

    def __init__(
        self, file: IO[bytes], store: Callable[[], None], drop: Callable[[], None]
    ) -> None:
        self._file = file
        self._store = store
        self._drop = drop
        self._ended = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Add bytes at the end; raises `ObjectsError`."""
        try:
            self._file.write(data)
        except OSError as error:
            raise in_words(error) from error

    def store(self) -> None:
        """Put the object in its place, for good once this returns; raises `ObjectsError`."""
        if self._ended:
            raise RuntimeError("The draft was stored or discarded before.")
        try:
            self._store()
        except OSError as error:
            raise in_words(error) from error
        finally:
            self.discard()

    def discard(self) -> None:
        """Forget what was written; nothing happens if it was stored."""
        if not self._ended:
            self._ended = True
            with suppress(OSError):  # what a full disk didn't take doesn't matter any more
                self._drop()


class Objects(ABC):
    """Objects by key. Safe to use from several threads and processes."""

    def make_ready(self) -> None:  # noqa: B027 - most stores need nothing
        """Make a new store one that can be opened from now on; raises `ObjectsError`."""

    def is_to_be_made(self) -> bool:
        """Return whether there is no store yet: it holds nothing before `make_ready`."""
        return False

    def put(self, key: str, data: bytes | Iterable[bytes]) -> None:
        """Store an object whole or not at all, in place of an earlier one; raises `ObjectsError`.

        When this returns, the object outlives a loss of power.
        """
        with self.draft(key) as draft:
            for chunk in [data] if isinstance(data, bytes) else data:
                draft.write(chunk)
            draft.store()

    def get(self, key: str) -> bytes:
        """Return a whole object; raises `ObjectMissingError`, `ObjectsError`."""
        with self.open(key) as file:
            return file.read()

    @abstractmethod
    def draft(self, key: str) -> Draft:
        """Begin an object, to be written piece by piece; raises `ObjectsError`."""

    @abstractmethod
    def open(self, key: str) -> IO[bytes]:
        """Open an object, which can be sought in; raises `ObjectMissingError`, `ObjectsError`."""

    @abstractmethod
    def size(self, key: str) -> int:
        """Return the bytes of an object; raises `ObjectMissingError`, `ObjectsError`."""

    @abstractmethod
    def delete(self, key: str) -> None:
        """Delete an object for good, if it is there; raises `ObjectsError`."""

    @abstractmethod
    def list(self, prefix: str = "") -> Iterator[str]:
        """Yield the keys below ``prefix`` (``runs/0a1b``), or all, in order."""

    @abstractmethod
    def forget_drafts(self, older_than: float) -> None:
        """Delete what killed processes left half written, if touched last before POSIX seconds."""

    def delete_below(self, prefix: str) -> None:
        """Delete every object below a prefix; raises `ObjectsError`."""
        for key in tuple(self.list(require_key(prefix))):
            self.delete(key)


def require_key(key: str) -> str:
    """Return the key, or raise `ValueError` for what is none."""
    if not _KEY.fullmatch(key):
        raise ValueError(f"{key!r} is not a key of an object")
    return key


def in_words(error: Exception) -> ObjectsError:
    """Return the error as a sentence for people."""
    reason = error.strerror if isinstance(error, OSError) and error.strerror else _reason(error)
    return ObjectsError(
        f"The store of objects can't be used ({reason}); nothing was stored, so make room or mend "
        "it and try again."
    )


def _reason(error: Exception) -> str:
    """Return the kind of error alone, since a store's messages may hold addresses and answers."""
    return type(error).__name__
