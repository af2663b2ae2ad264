"""The receipt of a committed file, verified and kept beside it as ``FILE.receipt``."""

from __future__ import annotations

from pathlib import Path

from agency_client.matcher_api.proofs import parse_proof, proof_path
from agency_client.outputs import write_alone
from agency_client.uploads.file import SendableFile
from agency_client.uploads.matcher import Matcher
from linkage.audit.keys import VerifierKey
from linkage.errors import VerificationError
from linkage.protocol.agreement import Agreement
from linkage.receipts import VerifiedReceipt, verify_receipt

SUFFIX = ".receipt"
_TRIES = 5


def receipt_path(file: Path) -> Path:
    """Return where the receipt of a file belongs."""
    return file.with_name(file.name + SUFFIX)


def keep_receipt(
    content: bytes, file: SendableFile, agreement: Agreement, agency: str, matcher: Matcher,
    log: VerifierKey,
) -> VerifiedReceipt:  # fmt: skip
    """Verify a receipt, hold it against the log's history that is pinned, and keep it.

    Raises `VerificationError`; then nothing is kept.
    """
    path = receipt_path(file.path)
    verified = verify_receipt(content, "The receipt", agreement, agency, log)
    if verified.manifest.sha256 != file.sha256:
        raise VerificationError(
            f"The receipt is for another file than {file.path}; push it again, and ask the "
            "matcher's operator if it happens again."
        )
    _require_in_history(verified, matcher)
    write_alone(path, content)
    return verified


def _require_in_history(verified: VerifiedReceipt, matcher: Matcher) -> None:
    """Have it proved that the receipt's checkpoint belongs to the history of every answer."""
    first = verified.checkpoint.size
    for _ in range(_TRIES):
        pinned = matcher.trusted.pinned.size
        if first > pinned:
            break
        proof = [] if first == pinned else _proof(matcher, first, pinned)
        # The answer with the proof may have brought a later state, and then another proof is due.
        if matcher.trusted.pinned.size == pinned:
            matcher.trusted.compare(verified.note, proof)
            return
    raise VerificationError(
        "The receipt's checkpoint could not be held against the log's history; push the file "
        "again, which changes nothing, to get the receipt again."
    )


def _proof(matcher: Matcher, first: int, second: int) -> list[bytes]:
    content = matcher.ask("GET", proof_path(first, second))
    return parse_proof(content, first, second, "The matcher's answer")
