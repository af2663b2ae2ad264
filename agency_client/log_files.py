"""Log bundles, and what a verifier holds against them, as files."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from agency_client.textfiles import read_text
from linkage.audit.bundle import MOST_LINE, read_head, read_note
from linkage.audit.checkpoint import Checkpoint, verify_checkpoint
from linkage.audit.failures import LogError
from linkage.audit.keys import LogKeys, VerifierKey, parse_keys
from linkage.audit.verification import Trust
from linkage.errors import InputError, VerificationError


@contextmanager
def opened_bundle(path: Path) -> Iterator[Iterator[bytes]]:
    """Open a bundle for its lines, each with its newline and none longer than a line can be."""
    with path.open("rb") as file:
        yield iter(lambda: file.readline(MOST_LINE + 1), b"")


def read_keys(path: Path) -> LogKeys:
    """Read verifier keys from a file that people may have edited.

    One key a line, the log's first; empty lines, and lines that begin with #, are left out. Raises
    `InputError`.
    """
    lines = [line.strip() for line in read_text(path).splitlines()]
    try:
        return parse_keys([line for line in lines if line and not line.startswith("#")])
    except LogError as error:
        raise InputError(f"{path.name} isn't a file of keys: {error}") from None


def carried_keys(path: Path) -> LogKeys:
    """Return the keys that a bundle carries, which prove nothing; raises `LogError`."""
    with opened_bundle(path) as lines:
        return read_head(lines).keys


def trust(keys: LogKeys, witnesses: int | None, earlier: Path | None) -> Trust:
    """Return what a verifier trusts; all witnesses must have signed unless ``witnesses`` says less.

    Raises `InputError`, or `VerificationError` for an earlier checkpoint that isn't of this log.
    """
    least = len(keys.witnesses) if witnesses is None else witnesses
    if least > len(keys.witnesses):
        raise InputError(
            f"{least} witnesses can't be asked for, since {len(keys.witnesses)} have a key in the "
            "file of keys; add theirs or ask for fewer."
        )
    return Trust(keys, least, None if earlier is None else _read_earlier(earlier, keys.log))


def _read_earlier(path: Path, log: VerifierKey) -> Checkpoint:
    try:
        with opened_bundle(path) as lines:
            return verify_checkpoint(read_note(lines), log)
    except LogError as error:
        raise VerificationError(f"{path.name}, the earlier state, can't be used: {error}") from None
