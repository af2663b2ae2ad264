"""Whether a keystore is as it should be: its modes, its files, and its keys if it is opened."""

from __future__ import annotations

import os
import stat
from datetime import datetime
from pathlib import Path

from agency_client.keystore.store import (
    KEYS_FILE,
    OpenKeystore,
    require_sound_keystore,
)
from linkage.errors import LinkageError
from linkage.protocol.sealing import Context, open_sealed, seal
from linkage.protocol.signing import sign, verify_signed

# A file from so far in the future, in seconds, says that the clock is behind.
_CLOCK_SLACK = 86_400


def shared_places(folder: Path) -> list[str]:
    """Return the folders and files of a keystore that others than its owner can reach."""
    if os.name != "posix":
        return []
    places = [folder, *sorted(folder.rglob("*"))]
    return [str(path) for path in places if stat.S_IMODE(path.lstat().st_mode) & 0o077]


def damage(folder: Path) -> str:
    """Return what is wrong with a keystore as far as that shows unopened, or ''."""
    try:
        require_sound_keystore(folder)
    except (LinkageError, OSError) as error:
        return str(error)
    return ""


def is_from_the_future(folder: Path, moment: datetime) -> bool:
    """Whether the keys were written after ``moment``, so that the clock must be behind."""
    path = folder / KEYS_FILE
    return path.exists() and path.stat().st_mtime > moment.timestamp() + _CLOCK_SLACK


def require_working_keys(store: OpenKeystore) -> None:
    """Sign, verify, seal and open with the keystore's keys; raise `LinkageError` if one fails."""
    own, public = store.identity, store.identity.public
    verify_signed(sign("self-test", b"text", own), "the self-test", "self-test", [public])
    context = Context(agreement="0" * 64, epoch=0, round=0, kind="self-test", sequence=0)
    open_sealed(seal(public, context, b"text", own), "the self-test", context, public, own)
