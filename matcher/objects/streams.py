"""What files that are read by ranges have in common, and what is discarded unless it is ended."""

from __future__ import annotations

import hashlib
import io
from abc import ABC, abstractmethod
from types import TracebackType
from typing import IO, Self

_PIECE = 2**20


def sha256_of(file: IO[bytes]) -> str:
    """Return the SHA-256, in hex, of what is left of a file; in little memory."""
    # Not hashlib.file_digest, which copies all of a file that is in memory.
    digest = hashlib.sha256()
    while piece := file.read(_PIECE):
        digest.update(piece)
    return digest.hexdigest()


class Ranged(io.RawIOBase):
    """Bytes of a known size that can be read anywhere; `readinto` goes on from ``_at``."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._at = 0

    def readable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to a place, which may be beyond the end, and return it."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        self._at = max(0, base + offset)
        return self._at


class Discarded(ABC):
    """What leaving its context discards, unless it has come to its end."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.discard()

    @abstractmethod
    def discard(self) -> None:
        """Forget what there is so far; nothing happens after the end."""
