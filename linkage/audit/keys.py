"""Keys of a log and of its witnesses, and their text form (C2SP ``signed-note``).

A *verifier key* is written ``NAME+KEYID+BASE64``: who signs, the first four bytes of SHA-256 over
name, newline, type and public key, and type and public key themselves.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from hashlib import sha256
from typing import Protocol

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from linkage.audit.failures import MalformedError, SignatureError
from linkage.audit.strict import canonical_base64, to_base64
from linkage.small_order import is_small_order

KEY_ID_BYTES = 4
PUBLIC_BYTES = 32
SIGNATURE_BYTES = 64
_NAME = re.compile(r"[!-*,-~]{1,128}")


class SignatureType(IntEnum):
    """The signature types of C2SP ``signed-note`` that occur here."""

    LOG = 0x01
    WITNESS = 0x04


@dataclass(frozen=True)
class VerifierKey:
    """A name with the Ed25519 public key (32 bytes, RFC 8032) that signs under it."""

    name: str
    type: SignatureType
    public: bytes

    def __post_init__(self) -> None:
        require_key_name(self.name)
        if len(self.public) != PUBLIC_BYTES:
            raise MalformedError(f"The public key of {self.name} doesn't have 32 bytes.")
        if is_small_order(self.public):
            raise MalformedError(f"The public key of {self.name} is one that proves nothing.")

    @property
    def id(self) -> bytes:
        """The key ID: 4 bytes."""
        return sha256(f"{self.name}\n".encode() + self._typed).digest()[:KEY_ID_BYTES]

    @property
    def fingerprint(self) -> str:
        """The whole key in one hash, as eight groups of four hex digits to read out: 128 bits."""
        hashed = sha256(f"{self.name}\n".encode() + self._typed).hexdigest()
        return " ".join(hashed[i : i + 4] for i in range(0, 32, 4))

    def __str__(self) -> str:
        return f"{self.name}+{self.id.hex()}+{to_base64(self._typed)}"

    def verify(self, signature: bytes, message: bytes) -> None:
        """Raise `SignatureError` unless this key has made the signature over the message."""
        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(signature, message)
        except InvalidSignature:
            raise SignatureError(
                f"The signature of {self.name} doesn't fit the text; either was altered, or "
                "another key has signed."
            ) from None

    @property
    def _typed(self) -> bytes:
        return bytes([self.type]) + self.public


class PrivateKey(Protocol):
    """What signs: an Ed25519 private key of ``cryptography``, or whatever keeps one."""

    def sign(self, data: bytes, /) -> bytes:
        """Return the signature, 64 bytes."""

    def public_key(self) -> Ed25519PublicKey:
        """Return the key that verifies it."""


@dataclass(frozen=True)
class Signer:
    """A name with the private key that signs under it."""

    name: str
    type: SignatureType
    private: PrivateKey = field(repr=False)

    @property
    def verifier(self) -> VerifierKey:
        """What others need to verify this signer's signatures."""
        return VerifierKey(self.name, self.type, self.private.public_key().public_bytes_raw())


def parse_verifier_key(text: str) -> VerifierKey:
    """Parse the text form; raises `MalformedError`."""
    parts = text.split("+", 2)
    if len(parts) != 3:
        raise MalformedError("A verifier key has three parts joined by +: name, key ID, key.")
    name, key_id, encoded = parts
    require_key_name(name)
    typed = canonical_base64(encoded, f"the verifier key of {name}")
    if len(typed) != 1 + PUBLIC_BYTES or typed[0] not in set(SignatureType):
        raise MalformedError(
            f"The verifier key of {name} is of a type that isn't known here; known are Ed25519 "
            "keys of logs (1) and of witnesses (4)."
        )
    key = VerifierKey(name, SignatureType(typed[0]), typed[1:])
    if key_id != key.id.hex():
        raise MalformedError(f"The verifier key of {name} was altered: its key ID doesn't fit.")
    return key


def require_key_name(name: str) -> None:
    """Raise `MalformedError` unless the name can stand before a signature and on a screen."""
    if not _NAME.fullmatch(name):
        raise MalformedError("A key's name has 1 to 128 visible ASCII characters and no +.")


@dataclass(frozen=True)
class LogKeys:
    """Whose signatures count: the log's own, and those of its witnesses."""

    log: VerifierKey
    witnesses: tuple[VerifierKey, ...] = ()

    def __post_init__(self) -> None:
        types = [key.type for key in (self.log, *self.witnesses)]
        if types != [SignatureType.LOG] + [SignatureType.WITNESS] * len(self.witnesses):
            raise MalformedError("The keys must be one key of a log, then keys of witnesses.")
        if len({key.name for key in self.witnesses}) < len(self.witnesses):
            raise MalformedError("Two keys of witnesses have the same name.")

    def __str__(self) -> str:
        return "".join(f"{key}\n" for key in (self.log, *self.witnesses))


def parse_keys(lines: Sequence[str]) -> LogKeys:
    """Parse verifier keys, one a line, the log's first; raises `MalformedError`."""
    keys = [parse_verifier_key(line) for line in lines]
    if not keys:
        raise MalformedError("There is no key of a log.")
    return LogKeys(keys[0], tuple(keys[1:]))
