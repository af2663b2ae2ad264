"""The journal of tiles: what each finished tile found, so that a run goes on where it was killed.

A file for each time that a scan maps tiles. It begins with a line that names the format and a
SHA-256 of all that the outcomes depend on: what the caller says they do, the function, and every
tile. A journal that begins otherwise is not of this scan and is begun anew. A record follows for
each finished tile, in the order in which they finish::

    number of the tile, length of the outcome    8 bytes each, big-endian
    the outcome                                  as `matcher.engine.structures` packs it
    SHA-256                                      of the beginning and of all of the record

A record that is torn or altered ends the journal: it and what follows is cut off and done again.
A process that is killed loses no record; a machine that fails loses a second's work.
"""

from __future__ import annotations

import hashlib
import os
import struct
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from linkage.tiles import MapTiles
from matcher.engine.structures import digest_of, outcome_type, pack, unpack

T = TypeVar("T")
R = TypeVar("R")
Progress = Callable[[int, int], None]

_FORMAT = b"concord.tiles/1\n"
_NUMBERS = struct.Struct(">QQ")
_DIGEST_BYTES = 32
_SYNC_SECONDS = 1.0


class TileJournal:
    """The outcomes of finished tiles in a file; any number of threads may add to it."""

    def __init__(self, path: Path, binding: str) -> None:
        self._beginning = _FORMAT + bytes.fromhex(binding)
        self._lock = threading.Lock()
        self._places: dict[int, tuple[int, int]] = {}
        self._file = os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), "r+b")
        self._end = self._find_records()
        self._file.truncate(self._end)
        self._synced = time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()

    def __contains__(self, tile: int) -> bool:
        return tile in self._places

    def keep(self, tile: int, outcome: bytes) -> None:
        """Add the outcome of a tile."""
        with self._lock:
            record = _NUMBERS.pack(tile, len(outcome)) + outcome
            self._file.seek(self._end)
            self._file.write(record + self._digest(record))
            self._file.flush()
            self._places[tile] = (self._end + _NUMBERS.size, len(outcome))
            self._end += len(record) + _DIGEST_BYTES
            self._sync_now_and_then()

    def read(self, tile: int) -> bytes:
        """Return the outcome of a tile that is in the journal."""
        with self._lock:
            start, length = self._places[tile]
            self._file.seek(start)
            return self._file.read(length)

    def _find_records(self) -> int:
        """Find the whole records and return where they end; begin the file where it isn't ours."""
        if self._file.read(len(self._beginning)) != self._beginning:
            self._file.seek(0)
            self._file.truncate()
            self._file.write(self._beginning)
            self._file.flush()
            return len(self._beginning)
        end = len(self._beginning)
        size = os.fstat(self._file.fileno()).st_size
        while (found := self._read_record(size - end)) is not None:
            tile, length = found
            self._places[tile] = (end + _NUMBERS.size, length)
            end += _NUMBERS.size + length + _DIGEST_BYTES
        return end

    def _read_record(self, left: int) -> tuple[int, int] | None:
        numbers = self._file.read(_NUMBERS.size)
        if len(numbers) < _NUMBERS.size:
            return None
        tile, length = _NUMBERS.unpack(numbers)
        if length > left - _NUMBERS.size - _DIGEST_BYTES:  # torn, or a length that was altered
            return None
        record = numbers + self._file.read(length)
        return (tile, length) if self._file.read(_DIGEST_BYTES) == self._digest(record) else None

    def _digest(self, record: bytes) -> bytes:
        return hashlib.sha256(self._beginning + record).digest()

    def _sync_now_and_then(self) -> None:
        if time.monotonic() - self._synced >= _SYNC_SECONDS:
            os.fdatasync(self._file.fileno())
            self._synced = time.monotonic()


@contextmanager
def journalled(
    map_tiles: MapTiles, folder: Path, binding: Mapping[str, Any], progress: Progress
) -> Iterator[MapTiles]:
    """Yield a `MapTiles` that keeps what each tile finds, and never maps a finished tile again.

    ``binding``, plain data, is all that the outcomes depend on beside the functions and the tiles
    themselves. ``folder`` gets a journal for each time that tiles are mapped, in order. Progress
    is told as by `thread_engine`.
    """
    with ExitStack() as journals:
        mapped = 0

        def map_once(function: Callable[[T], R], items: Iterable[T]) -> Iterator[R]:
            nonlocal mapped
            tiles, path = list(items), folder / f"{mapped}.tiles"
            mapped += 1
            if not tiles:
                return iter(())
            bound = digest_of([repr(sorted(binding.items())), function.__qualname__, tiles])
            journal = journals.enter_context(TileJournal(path, bound))
            return _map_rest(map_tiles, journal, function, tiles, progress)

        yield map_once


def _map_rest(
    map_tiles: MapTiles,
    journal: TileJournal,
    function: Callable[[T], R],
    tiles: list[T],
    progress: Progress,
) -> Iterator[R]:
    kind = outcome_type(function)
    known = {number for number in range(len(tiles)) if number in journal}

    def find_and_keep(number: int) -> R:
        outcome = function(tiles[number])
        journal.keep(number, pack(outcome))
        return outcome

    rest = iter(map_tiles(find_and_keep, [n for n in range(len(tiles)) if n not in known]))
    for number in range(len(tiles)):
        outcome: R = unpack(kind, journal.read(number)) if number in known else next(rest)
        progress(number + 1, len(tiles))
        yield outcome
