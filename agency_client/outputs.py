"""Files written whole or not at all: one alone, or encodings with the map of whose they are."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from linkage.errors import InputError

PARTIAL_SUFFIX = ".partial"
_OWNER_ONLY = 0o600

Write = Callable[[IO[bytes]], object]


def refuse_unusable(outputs: Iterable[Path], inputs: Iterable[Path]) -> None:
    """Raise `InputError` for an output that can't be written or would overwrite an input.

    Meant to be called before any work: an earlier output may be overwritten, a folder, a device
    and a file of another output or input may not.
    """
    taken = {path.resolve() for path in inputs}
    for path in outputs:
        if not path.parent.is_dir():
            raise InputError(f"The folder {path.parent} for {path.name} doesn't exist; make it.")
        if path.exists() and not stat.S_ISREG(path.stat().st_mode):
            raise InputError(f"{path} is not a file and can't be overwritten; choose another name.")
        if path.resolve() in taken:
            raise InputError(f"{path} is another file of this command; choose another name.")
        taken.add(path.resolve())


@contextmanager
def written_whole(path: Path) -> Iterator[IO[bytes]]:
    """Open a file, readable by its owner only, that takes its place when the context ends well.

    It is written beside its place as ``NAME.partial``. A failure, or a kill at any moment, leaves
    what was there before.
    """
    try:
        with _new_partial(path) as sink:
            yield sink
            sink.flush()
            os.fsync(sink.fileno())
        _partial(path).replace(path)
        _sync_folder(path.parent)
    finally:
        _partial(path).unlink(missing_ok=True)


def write_together(first: Path, write_first: Write, second: Path, write_second: Write) -> None:
    """Write two files by a function each; see `written_together`."""
    with written_together(first, second) as (first_sink, second_sink):
        write_first(first_sink)
        write_second(second_sink)


@contextmanager
def written_together(first: Path, second: Path) -> Iterator[tuple[IO[bytes], IO[bytes]]]:
    """Open two files, readable by their owner only, so that ``second`` is never without ``first``.

    Both are written beside their places as ``NAME.partial`` and renamed when both are on disk, at
    the end of the context. A process killed at any moment leaves no ``second`` that isn't whole and
    of the same run as ``first``; what it leaves under ``.partial`` the next run replaces. A failure
    while writing leaves what was there before; one while renaming leaves neither file.
    """
    try:
        with _new_partial(first) as first_sink, _new_partial(second) as second_sink:
            yield first_sink, second_sink
            for sink in (first_sink, second_sink):
                sink.flush()
                os.fsync(sink.fileno())
        second.unlink(missing_ok=True)
        try:
            _partial(first).replace(first)
            _partial(second).replace(second)
        except BaseException:
            first.unlink(missing_ok=True)
            raise
        for folder in {first.parent, second.parent}:
            _sync_folder(folder)
    finally:
        for path in (first, second):
            _partial(path).unlink(missing_ok=True)


def write_alone(path: Path, content: bytes) -> None:
    """Write one file, readable by its owner only, so that it is always the old one or the new one.

    A process killed at any moment leaves at most ``NAME.partial``, which the next run replaces.
    """
    with written_whole(path) as sink:
        sink.write(content)


def _partial(path: Path) -> Path:
    return path.with_name(path.name + PARTIAL_SUFFIX)


def _new_partial(path: Path) -> IO[bytes]:
    partial = _partial(path)
    partial.unlink(missing_ok=True)
    # O_EXCL: never through a link or into a file that somebody else has made readable.
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _OWNER_ONLY)
    return os.fdopen(descriptor, "wb")


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
