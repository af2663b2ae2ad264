"""Run folders in the store of objects: written before a run counts as finished, and fetched."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from matcher.objects.objects import Objects
from matcher.objects.verified import altered, read_verified
from matcher.runs.finished import RunOutcome, StoredFile

if TYPE_CHECKING:  # linking loads compilers, which whoever only reads files does without
    from matcher.runs.linking import Contents

_PIECE = 1 << 20


def store_contents(
    objects: Objects, folder: str, contents: Contents, stored: Callable[[int, int], None]
) -> None:
    """Store the files of a run below ``folder``; ``stored`` hears of each, and of how many."""
    for number, (path, content) in enumerate(sorted(contents.items()), start=1):
        objects.put(f"{folder}/{path}", content)
        stored(number, len(contents))


def read_run_file(objects: Objects, outcome: RunOutcome, path: str) -> bytes:
    """Return a file of a finished run by its path in the run's folder.

    Raises `KeyError` where the run has none of that path, `VerificationError` for one that isn't
    what the run has stored.
    """
    key = f"{outcome.folder}/{path}"
    return read_verified(objects, key, outcome.files[path].sha256, f"The object {key}")


def fetch_run(
    objects: Objects,
    outcome: RunOutcome,
    to: Path,
    is_wanted: Callable[[str], bool] = lambda _: True,
) -> None:
    """Write files of a finished run into the folder ``to``, which is made if need be.

    All of them, or those whose paths in the run's folder are wanted. Raises `VerificationError` for
    a file that isn't what the run had stored.
    """
    for path, file in outcome.files.items():
        if not is_wanted(path):
            continue
        (to / path).parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        _fetch(objects, f"{outcome.folder}/{path}", to / path, file)


def delete_others(objects: Objects, below: str, kept: str | None) -> None:
    """Delete the objects below a prefix but those below ``kept``."""
    keys: Iterable[str] = tuple(objects.list(below))
    for key in keys:
        if kept is None or not key.startswith(f"{kept}/"):
            objects.delete(key)


def _fetch(objects: Objects, key: str, path: Path, expected: StoredFile) -> None:
    digest, size = hashlib.sha256(), 0
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as sink, objects.open(key) as source:
        while piece := source.read(_PIECE):
            digest.update(piece)
            size += len(piece)
            sink.write(piece)
    if StoredFile(digest.hexdigest(), size) != expected:
        raise altered(f"The object {key}")
