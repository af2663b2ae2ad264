"""Bytes wrapped under a passphrase (Argon2id, RFC 9106) or a key (ChaCha20-Poly1305, RFC 8439).

A wrapped file is canonical JSON. Its checksum tells damage from a wrong passphrase; that nobody
changed it is what the cipher's tag says, which is over the whole head.
"""

from __future__ import annotations

import hashlib
import secrets
from typing import Annotated

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from pydantic import ConfigDict, Field, TypeAdapter
from pydantic.dataclasses import dataclass

from linkage.errors import VerificationError
from linkage.protocol.canonical import (
    canonical_json,
    decode_base64,
    encode_base64,
    parse_message,
)
from linkage.protocol.signing import Digest, Kind

_STRICT = ConfigDict(extra="forbid", strict=True)
KEY_BYTES = 32
_NONCE_BYTES = 12
_SALT_BYTES = 16


@dataclass(frozen=True, config=_STRICT)
class Argon2Parameters:
    """How much work a guess at the passphrase costs: passes, lanes, and memory in KiB.

    The limits keep a damaged or planted file from using up the machine.
    """

    iterations: Annotated[int, Field(ge=1, le=32)] = 3
    lanes: Annotated[int, Field(ge=1, le=64)] = 4
    memory_kib: Annotated[int, Field(ge=8, le=2 * 2**20)] = 128 * 1024

    def derive(self, passphrase: bytes, salt: bytes) -> bytes:
        """Return a key of 32 bytes (Argon2id)."""
        memory = max(self.memory_kib, 8 * self.lanes)
        kdf = Argon2id(
            salt=salt,
            length=KEY_BYTES,
            iterations=self.iterations,
            lanes=self.lanes,
            memory_cost=memory,
        )
        return kdf.derive(passphrase)


# About a second on a laptop; above the second choice of RFC 9106, section 4.
DEFAULT_PARAMETERS = Argon2Parameters()


@dataclass(frozen=True, config=_STRICT)
class _Head:
    """What stands in the clear; ``argon2id`` and ``salt`` only where a passphrase opens it."""

    kind: Kind
    nonce: str
    argon2id: Argon2Parameters | None
    salt: str | None


@dataclass(frozen=True, config=_STRICT)
class _Wrapped:
    head: _Head
    ciphertext: str
    checksum: Digest


_WRAPPED = TypeAdapter(_Wrapped)


def wrap_under_passphrase(
    kind: str, content: bytes, passphrase: bytes, parameters: Argon2Parameters
) -> bytes:
    """Return ``content`` as a file of that kind that only the passphrase opens."""
    salt = secrets.token_bytes(_SALT_BYTES)
    return _wrapped(kind, content, parameters.derive(passphrase, salt), parameters, salt)


def wrap_under_key(kind: str, content: bytes, key: bytes) -> bytes:
    """Return ``content`` as a file of that kind that only the key (32 bytes) opens."""
    return _wrapped(kind, content, key, None, None)


def unwrap_with_passphrase(kind: str, wrapped: bytes, source: str, passphrase: bytes) -> bytes:
    """Return what `wrap_under_passphrase` wrapped, or raise `VerificationError`."""
    found = require_sound(kind, wrapped, source)
    if found.head.argon2id is None or found.head.salt is None:
        raise VerificationError(f"{source} is not under a passphrase; it was replaced.")
    key = found.head.argon2id.derive(passphrase, decode_base64(found.head.salt, source))
    return _opened(found, source, key, "the passphrase is another one; try again")


def unwrap_with_key(kind: str, wrapped: bytes, source: str, key: bytes) -> bytes:
    """Return what `wrap_under_key` wrapped, or raise `VerificationError`."""
    found = require_sound(kind, wrapped, source)
    return _opened(found, source, key, "it belongs to another keystore, or was changed")


def require_sound(kind: str, wrapped: bytes, source: str) -> _Wrapped:
    """Raise `VerificationError` where a wrapped file is damaged or of another kind.

    Needs no passphrase: it finds accidents, not attacks.
    """
    found = parse_message(_WRAPPED, wrapped, source)
    if found.checksum != _checksum(found.head, found.ciphertext):
        raise VerificationError(f"{source} is damaged; bring it back from a backup.")
    if found.head.kind != kind:
        raise VerificationError(f"{source} holds {found.head.kind!r} and not {kind!r}.")
    return found


def _wrapped(
    kind: str, content: bytes, key: bytes, parameters: Argon2Parameters | None, salt: bytes | None
) -> bytes:
    nonce = secrets.token_bytes(_NONCE_BYTES)
    head = _Head(
        kind=kind,
        nonce=encode_base64(nonce),
        argon2id=parameters,
        salt=None if salt is None else encode_base64(salt),
    )
    ciphertext = encode_base64(ChaCha20Poly1305(key).encrypt(nonce, content, _associated(head)))
    table = _Wrapped(head, ciphertext, _checksum(head, ciphertext))
    return canonical_json(_table(table))


def _opened(found: _Wrapped, source: str, key: bytes, otherwise: str) -> bytes:
    nonce = decode_base64(found.head.nonce, source)
    ciphertext = decode_base64(found.ciphertext, source)
    try:
        return ChaCha20Poly1305(key).decrypt(nonce, ciphertext, _associated(found.head))
    except (InvalidTag, ValueError):
        raise VerificationError(f"{source} doesn't open: {otherwise}.") from None


def _table(wrapped: _Wrapped) -> dict[str, object]:
    return {
        "head": _head_table(wrapped.head),
        "ciphertext": wrapped.ciphertext,
        "checksum": wrapped.checksum,
    }


def _head_table(head: _Head) -> dict[str, object]:
    """Return the head with every member, those at their defaults included."""
    cost = head.argon2id
    return {
        "kind": head.kind,
        "nonce": head.nonce,
        "salt": head.salt,
        "argon2id": cost
        and {
            "iterations": cost.iterations,
            "lanes": cost.lanes,
            "memory_kib": cost.memory_kib,
        },
    }


def _associated(head: _Head) -> bytes:
    return b"concord/1/wrapped\n" + canonical_json(_head_table(head))


def _checksum(head: _Head, ciphertext: str) -> str:
    content = _associated(head) + b"\n" + ciphertext.encode("ascii", "replace")
    return hashlib.sha256(content).hexdigest()
