"""The newest checkpoint of each log that this keystore has witnessed.

A witness that forgot what it saw would sign for two histories.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from agency_client.keystore.store import OpenKeystore, make_private_folder
from agency_client.keystore.wrapping import unwrap_with_key, wrap_under_key
from agency_client.outputs import write_alone

LOGS_FOLDER = "logs"
_KIND = "witnessed-checkpoint"


def witnessed(store: OpenKeystore, log: str) -> bytes | None:
    """Return the signed checkpoint that was witnessed last, None if there was none."""
    path = _path(store, log)
    try:
        wrapped = path.read_bytes()
    except FileNotFoundError:
        return None
    return unwrap_with_key(_KIND, wrapped, str(path), store.storage_key)


def remember_witnessed(store: OpenKeystore, log: str, checkpoint: bytes) -> None:
    """Note the signed checkpoint that is being witnessed."""
    path = _path(store, log)
    make_private_folder(path.parent)
    write_alone(path, wrap_under_key(_KIND, checkpoint, store.storage_key))


def lock_file(store: OpenKeystore, log: str) -> Path:
    """Return the file to lock while what is witnessed of a log is read and then written."""
    path = _path(store, log)
    make_private_folder(path.parent)
    return path.with_suffix(".lock")


def _path(store: OpenKeystore, log: str) -> Path:
    # A log's name may hold what a file's can't.
    name = hashlib.sha256(log.encode()).hexdigest()[:32]
    return store.folder / LOGS_FOLDER / f"{name}.json"
