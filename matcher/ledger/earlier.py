"""An earlier state of the log, kept outside of its database."""

from __future__ import annotations

from pathlib import Path

from linkage.audit.bundle import MOST_LINE, read_note
from linkage.audit.checkpoint import Checkpoint, verify_checkpoint
from linkage.audit.failures import LogError
from linkage.audit.keys import VerifierKey
from linkage.errors import VerificationError


def read_earlier(path: Path, key: VerifierKey) -> Checkpoint:
    """Return the checkpoint in a file, of a bundle or alone; raises `VerificationError`."""
    try:
        with path.open("rb") as file:
            lines = iter(lambda: file.readline(MOST_LINE + 1), b"")
            return verify_checkpoint(read_note(lines), key)
    except LogError as error:
        raise VerificationError(f"{path.name}, the earlier state, can't be used: {error}") from None
