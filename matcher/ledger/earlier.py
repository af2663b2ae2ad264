"""An earlier state of the log, kept outside of its database."""

from __future__ import annotations

from pathlib import Path

from linkage.audit.bundle import FORMAT, MOST_LINE, read_head
from linkage.audit.checkpoint import Checkpoint, verify_checkpoint
from linkage.audit.failures import LogError
from linkage.audit.keys import VerifierKey
from linkage.audit.notes import MOST_BYTES, SignedNote, parse_note
from linkage.errors import VerificationError


def read_earlier(path: Path, key: VerifierKey) -> Checkpoint:
    """Return the checkpoint in a file, of a bundle or alone; raises `VerificationError`."""
    try:
        return verify_checkpoint(_read_note(path), key)
    except LogError as error:
        raise VerificationError(f"{path.name}, the earlier state, can't be used: {error}") from None


def _read_note(path: Path) -> SignedNote:
    with path.open("rb") as file:
        start = file.read(MOST_BYTES + 1)
        if not start.startswith(f"{FORMAT}\n".encode()):
            return parse_note(start)
        file.seek(0)
        return read_head(iter(lambda: file.readline(MOST_LINE + 1), b"")).note
