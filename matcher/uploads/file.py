"""An upload's file: its parts one after another, read as one file."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import IO

from matcher.objects.objects import Objects
from matcher.objects.streams import Ranged
from matcher.uploads.rows import Upload

_READ_AHEAD = 2**20


def opened_upload(objects: Objects, upload: Upload, parts: Mapping[int, str]) -> IO[bytes]:
    """Open the file of an upload, of which all ``parts`` (digests by number) are there.

    Reading raises `ObjectMissingError` or `ObjectsError`.
    """
    keys = [upload.key(number, sha256) for number, sha256 in sorted(parts.items())]
    return io.BufferedReader(_Parts(objects, keys, upload.part_size, upload.size), _READ_AHEAD)


class _Parts(Ranged):
    """Has at most one part open at a time."""

    def __init__(self, objects: Objects, keys: Sequence[str], part_size: int, size: int) -> None:
        super().__init__(size)
        self._objects = objects
        self._keys = keys
        self._part_size = part_size
        self._open: tuple[int, IO[bytes]] | None = None

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        number, start = divmod(self._at, self._part_size)
        length = min(len(buffer), self._part_size - start, self._size - self._at)
        if length <= 0:
            return 0
        part = self._part(number)
        part.seek(start)
        count: int = part.readinto(buffer[:length])  # type: ignore[attr-defined]
        self._at += count
        return count

    def close(self) -> None:
        if self._open is not None:
            self._open[1].close()
            self._open = None
        super().close()

    def _part(self, number: int) -> IO[bytes]:
        if self._open is None or self._open[0] != number:
            if self._open is not None:
                self._open[1].close()
                self._open = None
            self._open = (number, self._objects.open(self._keys[number]))
        return self._open[1]
