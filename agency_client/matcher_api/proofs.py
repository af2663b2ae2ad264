"""Asking for the proof that the log of one size begins with that of another."""

from __future__ import annotations

from pydantic import TypeAdapter

from linkage.errors import VerificationError
from linkage.protocol.canonical import decode_base64
from linkage.protocol.replies import ConsistencyProof, parse_reply

_PROOF = TypeAdapter(ConsistencyProof)


def proof_path(first: int, second: int) -> str:
    """Return where a matcher answers with the proof; what follows ``/v1``."""
    return f"/log/consistency?first={first}&second={second}"


def parse_proof(content: bytes, first: int, second: int, source: str) -> list[bytes]:
    """Return the hashes of an answer; raises `VerificationError` for a proof of other sizes."""
    found = parse_reply(_PROOF, content, source)
    if (found.first, found.second) != (first, second):
        raise VerificationError(f"{source} is a proof about other states than asked for.")
    return [decode_base64(hashed, source) for hashed in found.proof]
