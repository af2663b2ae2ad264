"""Folders that runs are worked in: one per run, which one process holds at a time.

A run that was cut short finds here what it has done so far. Another process that can't be reached
any more may hold the folder still; then the run begins in one of its own.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_LOCK = "lock"
_NAME = re.compile(r"([0-9a-f]{32})(-[0-9]+)?")


@contextmanager
def work_folder(root: Path, run: str, lease: int) -> Iterator[Path]:
    """Hold the folder of a run, made if need be, readable by its owner only."""
    names = (run, f"{run}-{lease}")
    for name in names:
        descriptor = _hold(root / name)
        if descriptor is not None:
            break
    else:
        raise OSError(None, "is held by another process", str(root / names[-1]))
    try:
        yield root / name
    finally:
        os.close(descriptor)


def runs_in(root: Path) -> dict[str, list[Path]]:
    """Return the folders that there are, by the run that they are of."""
    found: dict[str, list[Path]] = {}
    for path in sorted(root.iterdir()) if root.is_dir() else ():
        if name := _NAME.fullmatch(path.name):
            found.setdefault(name[1], []).append(path)
    return found


def remove_folder(path: Path) -> None:
    """Remove a folder that no process holds."""
    descriptor = _hold(path)
    if descriptor is not None:
        try:
            shutil.rmtree(path, ignore_errors=True)
        finally:
            os.close(descriptor)


def write_durably(path: Path, content: bytes) -> None:
    """Write a file whole or not at all."""
    path.parent.mkdir(exist_ok=True, mode=0o700)
    draft = path.with_name(f"{path.name}.partial")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(descriptor)
    draft.replace(path)


def _hold(folder: Path) -> int | None:
    """Return the descriptor whose lock holds a folder, until it is closed; None if another does."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    except OSError:
        with suppress(OSError):
            os.close(descriptor)
        raise
    return descriptor
