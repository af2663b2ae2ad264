"""How requests to a matcher are signed, and how its answers carry the state of the log.

A request is signed by an HTTP message signature (RFC 9421) with the caller's Ed25519 key, labelled
``concord``. It covers the method, the target, the digest of the body where there is one (RFC 9530),
and the size of the log that the caller has pinned. Of all spellings that the RFCs allow, one counts
here, so that not a bit of it can be changed. See SPEC.md, Requests.

Every answer carries the log's newest checkpoint and the proof that it contains the pinned one.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass

from linkage.errors import PolicyError, VerificationError
from linkage.protocol.canonical import decode_base64, encode_base64
from linkage.protocol.keys import SIGNATURE_BYTES

LABEL = "concord"
CONTENT_DIGEST = "Content-Digest"
SIGNATURE_INPUT = "Signature-Input"
SIGNATURE = "Signature"
PINNED = "Concord-Pinned"
CHECKPOINT = "Concord-Checkpoint"
CONSISTENCY = "Concord-Consistency"

MOST_AGE = 120
"""How many seconds after it was signed a request is taken."""
CLOCK_SKEW = 30
"""By how many seconds the clocks of two parties may differ."""
NONCE_BYTES = 16

_HASH_BYTES = 32
_MOST_HASHES = 128
_DECIMAL = re.compile(r"0|[1-9][0-9]{0,17}")
_INPUT = re.compile(
    LABEL + r'=\((?P<covered>[a-z"@ -]{1,100})\)'
    r";created=(?P<created>[1-9][0-9]{0,11})"
    r';keyid="(?P<key>[0-9a-f]{64})"'
    r';nonce="(?P<nonce>[0-9a-f]{32})"'
)


class UnsignedError(VerificationError):
    """A request isn't signed as it should be."""


class ReplayedError(VerificationError):
    """A request's nonce was used before."""

    def __init__(self) -> None:
        super().__init__(
            "The request was sent before; make a new one, and if you didn't send it, somebody "
            "repeats what you sent."
        )


class UnknownKeyError(PolicyError):
    """A request is signed with a key that belongs to nobody here."""


class StaleError(VerificationError):
    """A request was signed too long ago, or by a clock that is ahead."""


@dataclass(frozen=True)
class SignatureInput:
    """What a request says of its signature: when (POSIX seconds), with which key, and its nonce."""

    created: int
    key: str
    nonce: str

    @property
    def expires(self) -> int:
        """The POSIX second after which no clock takes the request any more."""
        return self.created + MOST_AGE + CLOCK_SKEW


def covered(*, has_body: bool) -> tuple[str, ...]:
    """Return the components that a signature covers, in their order."""
    digest = (CONTENT_DIGEST.lower(),) if has_body else ()
    return ("@method", "@target-uri", *digest, PINNED.lower())


def content_digest(body: bytes) -> str:
    """Return the value of ``Content-Digest`` for a body."""
    return digest_value(hashlib.sha256(body).digest())


def digest_value(sha256: bytes) -> str:
    """Return the value of ``Content-Digest`` for the SHA-256 of a body."""
    return f"sha-256=:{encode_base64(sha256)}:"


def parse_content_digest(text: str) -> bytes:
    """Return the SHA-256 that a ``Content-Digest`` says; raises `UnsignedError`."""
    digest = _field_bytes(text, "sha-256", _HASH_BYTES)
    if digest is None:
        raise UnsignedError(
            f"The {CONTENT_DIGEST} of the request isn't one SHA-256 in its one form; see SPEC.md."
        )
    return digest


def parse_signature_input(text: str, *, has_body: bool) -> SignatureInput:
    """Return what ``Signature-Input`` says; raises `UnsignedError` for another spelling."""
    found = _INPUT.fullmatch(text)
    wanted = " ".join(f'"{name}"' for name in covered(has_body=has_body))
    if found is None or found["covered"] != wanted:
        raise UnsignedError(
            f"The {SIGNATURE_INPUT} of the request isn't {LABEL} over {wanted} with created, keyid "
            "and nonce, in that order; see SPEC.md."
        )
    return SignatureInput(int(found["created"]), found["key"], found["nonce"])


def parse_signature(text: str) -> bytes:
    """Return the 64 bytes that ``Signature`` holds; raises `UnsignedError`."""
    signature = _field_bytes(text, LABEL, SIGNATURE_BYTES)
    if signature is None:
        raise UnsignedError(
            f"The {SIGNATURE} of the request isn't {LABEL} with 64 bytes in their one form."
        )
    return signature


def require_fresh(created: int, now: float) -> None:
    """Raise `StaleError` unless a request of that time may be taken at ``now`` (POSIX seconds)."""
    if created - CLOCK_SKEW > now:
        raise StaleError(
            f"The request was signed {created - now:.0f} seconds in the future; set the clock of "
            "the machine that has signed it."
        )
    if now - created > MOST_AGE + CLOCK_SKEW:
        raise StaleError(
            f"The request was signed {now - created:.0f} seconds ago and is taken for "
            f"{MOST_AGE}; sign it again, and set the clock of the machine if it happens again."
        )


def parse_pinned(text: str) -> int:
    """Return the size of the log that the caller has pinned; raises `UnsignedError`."""
    if not _DECIMAL.fullmatch(text):
        raise UnsignedError(f"The {PINNED} of the request is not a number of events.")
    return int(text)


def checkpoint_value(note: bytes) -> str:
    """Return the value of ``Concord-Checkpoint`` for a signed note."""
    return encode_base64(note)


def parse_checkpoint_value(text: str, source: str) -> bytes:
    """Return the signed note; raises `VerificationError`."""
    return decode_base64(text, f"The {CHECKPOINT} of {source}")


def consistency_value(first: int, second: int, proof: Sequence[bytes]) -> str:
    """Return the value of ``Concord-Consistency``: both sizes, then the hashes of the proof."""
    return " ".join([str(first), str(second), *map(encode_base64, proof)])


def parse_consistency_value(text: str, source: str) -> tuple[int, int, list[bytes]]:
    """Return sizes and hashes of a proof; raises `VerificationError`."""
    first, _, rest = text.partition(" ")
    second, *hashes = rest.split(" ")
    name = f"The {CONSISTENCY} of {source}"
    if not _DECIMAL.fullmatch(first) or not _DECIMAL.fullmatch(second):
        raise VerificationError(f"{name} doesn't begin with two numbers of events; ask again.")
    if len(hashes) > _MOST_HASHES:
        raise VerificationError(f"{name} is longer than any proof; ask again.")
    proof = [decode_base64(hashed, name) for hashed in hashes]
    if any(len(hashed) != _HASH_BYTES for hashed in proof):
        raise VerificationError(f"{name} has something in place of a hash; ask again.")
    return int(first), int(second), proof


def _field_bytes(text: str, name: str, length: int) -> bytes | None:
    """Return the bytes of a dictionary with one member (RFC 9651), None for another spelling."""
    encoded = text.removeprefix(f"{name}=:").removesuffix(":")
    if text != f"{name}=:{encoded}:":
        return None
    try:
        found = decode_base64(encoded, name)
    except VerificationError:
        return None
    return found if len(found) == length else None
