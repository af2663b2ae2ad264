"""The keys of a party: one pair to sign with, one pair that others seal to.

Signatures are Ed25519 (RFC 8032). What is sealed goes to a hybrid of ML-KEM-768 and X25519
(X-Wing, draft-connolly-cfrg-xwing-kem; MLKEM768-X25519 in draft-ietf-hpke-pq): whoever keeps a
message for the day of the quantum computer has to break both. A private key is 32 random bytes,
its seed, which the caller draws.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Annotated, NoReturn

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric import ed25519, mlkem, x25519
from cryptography.hazmat.primitives.hpke import (
    AEAD,
    KDF,
    KEM,
    MLKEM768X25519PrivateKey,
    MLKEM768X25519PublicKey,
    Suite,
)
from pydantic import AfterValidator

from linkage.errors import InputError, VerificationError
from linkage.protocol.canonical import canonical_json, decode_base64, encode_base64
from linkage.small_order import is_small_order

SEED_BYTES = 32
SIGNATURE_BYTES = 64
# What HPKE adds to a plaintext: the encapsulated key (1,088 + 32) and the tag.
SEALING_OVERHEAD = 1120 + 16
_SIGNING = "ed25519:"
_SEALING = "mlkem768-x25519:"
_MLKEM_BYTES = 1184
_X25519_BYTES = 32
_SHORT_DIGITS = 32
# ChaCha20-Poly1305 runs in constant time on machines without instructions for AES, too.
_SUITE = Suite(KEM.MLKEM768_X25519, KDF.HKDF_SHA256, AEAD.CHACHA20_POLY1305)


@dataclass(frozen=True)
class VerifyingKey:
    """The public half of a signing key: 32 bytes."""

    raw: bytes

    def __post_init__(self) -> None:
        if len(self.raw) != 32 or is_small_order(self.raw):
            raise InputError("A signing key is not a usable Ed25519 key; ask its owner for it.")

    def __str__(self) -> str:
        return _SIGNING + encode_base64(self.raw)

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the key, domain-separated, in 64 hex digits."""
        return hashlib.sha256(b"concord/1/signing-key\n" + self.raw).hexdigest()

    def verify(self, signature: bytes, message: bytes) -> None:
        """Raise `VerificationError` unless ``signature`` is this key's under ``message``."""
        try:
            ed25519.Ed25519PublicKey.from_public_bytes(self.raw).verify(signature, message)
        except (InvalidSignature, ValueError):
            raise VerificationError("The signature doesn't fit.") from None


@dataclass(frozen=True)
class SealingKey:
    """The public half of an opening key: an ML-KEM-768 key (1,184 bytes) and an X25519 key (32)."""

    raw: bytes

    def __post_init__(self) -> None:
        if len(self.raw) != _MLKEM_BYTES + _X25519_BYTES:
            raise InputError("A sealing key has another length than it should; ask its owner.")
        try:
            self.seal(b"", b"")
        except ValueError:
            raise InputError("A sealing key is not a usable key; ask its owner for it.") from None

    def __str__(self) -> str:
        return _SEALING + encode_base64(self.raw)

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the key, domain-separated, in 64 hex digits."""
        return hashlib.sha256(b"concord/1/sealing-key\n" + self.raw).hexdigest()

    def seal(self, plaintext: bytes, info: bytes) -> bytes:
        """Encrypt by HPKE in base mode (RFC 9180): encapsulated key, ciphertext, tag."""
        key = MLKEM768X25519PublicKey(
            mlkem.MLKEM768PublicKey.from_public_bytes(self.raw[:_MLKEM_BYTES]),
            x25519.X25519PublicKey.from_public_bytes(self.raw[_MLKEM_BYTES:]),
        )
        return _SUITE.encrypt(plaintext, key, info)


class SigningKey:
    """The private half of a signing key. It shows itself nowhere and is never copied."""

    __slots__ = ("_key", "verifying_key")

    def __init__(self, seed: bytes | bytearray) -> None:
        if len(seed) != SEED_BYTES:
            raise ValueError("a seed has 32 bytes")
        self._key = ed25519.Ed25519PrivateKey.from_private_bytes(seed)
        self.verifying_key = VerifyingKey(self._key.public_key().public_bytes_raw())

    def __repr__(self) -> str:
        return "SigningKey(hidden)"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a private key is not pickled or copied")

    def sign(self, message: bytes) -> bytes:
        """Return the signature (64 bytes) under ``message``."""
        return self._key.sign(message)


class OpeningKey:
    """The private half of a sealing key. It shows itself nowhere and is never copied."""

    __slots__ = ("_key", "sealing_key")

    def __init__(self, seed: bytes | bytearray) -> None:
        """Expand a seed as X-Wing does: SHAKE-256 gives ML-KEM's seed (64 bytes) and X25519's."""
        if len(seed) != SEED_BYTES:
            raise ValueError("a seed has 32 bytes")
        expanded = hashlib.shake_256(seed).digest(96)
        kem = mlkem.MLKEM768PrivateKey.from_seed_bytes(expanded[:64])
        curve = x25519.X25519PrivateKey.from_private_bytes(expanded[64:])
        self._key = MLKEM768X25519PrivateKey(kem, curve)
        self.sealing_key = SealingKey(
            kem.public_key().public_bytes_raw() + curve.public_key().public_bytes_raw()
        )

    def __repr__(self) -> str:
        return "OpeningKey(hidden)"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a private key is not pickled or copied")

    def open(self, ciphertext: bytes, info: bytes) -> bytes:
        """Decrypt what `SealingKey.seal` made with the same ``info``, or raise."""
        try:
            return _SUITE.decrypt(ciphertext, self._key, info)
        except (InvalidTag, ValueError):
            raise VerificationError("The seal doesn't open.") from None


@dataclass(frozen=True)
class PublicIdentity:
    """What others know of a party: its name and its public keys."""

    name: str
    signing_key: VerifyingKey
    sealing_key: SealingKey

    @property
    def fingerprint(self) -> str:
        """The first 128 bits of a digest of name and keys, in eight groups to read out."""
        table = {
            "name": self.name,
            "sealing_key": str(self.sealing_key),
            "signing_key": str(self.signing_key),
        }
        digest = hashlib.sha256(b"concord/1/identity\n" + canonical_json(table)).hexdigest()
        return "-".join(digest[i : i + 4] for i in range(0, _SHORT_DIGITS, 4))


@dataclass(frozen=True, repr=False)
class Identity:
    """A party's own name and private keys."""

    name: str
    signing_key: SigningKey
    opening_key: OpeningKey

    def __repr__(self) -> str:
        return f"Identity({self.name!r}, hidden)"

    @property
    def public(self) -> PublicIdentity:
        """What may be handed to others."""
        return PublicIdentity(
            self.name, self.signing_key.verifying_key, self.opening_key.sealing_key
        )


def parse_verifying_key(text: str) -> VerifyingKey:
    """Read a key as an agreement has it, or raise `InputError`."""
    return VerifyingKey(_decoded(text, _SIGNING))


def parse_sealing_key(text: str) -> SealingKey:
    """Read a key as an agreement has it, or raise `InputError`."""
    return SealingKey(_decoded(text, _SEALING))


def _decoded(text: str, prefix: str) -> bytes:
    if not text.startswith(prefix):
        raise InputError(
            f"A key begins with {prefix!r}; copy the whole line from its owner's card."
        )
    try:
        return decode_base64(text.removeprefix(prefix), "A key")
    except VerificationError:
        raise InputError("A key is cut short or mistyped; copy it from its owner's card.") from None


def _usable_signing_key(text: str) -> str:
    """Raise `ValueError`, as pydantic asks for, unless the text is a signing key."""
    try:
        parse_verifying_key(text)
    except InputError as error:
        raise ValueError(str(error)) from None
    return text


def _usable_sealing_key(text: str) -> str:
    """Raise `ValueError`, as pydantic asks for, unless the text is a sealing key."""
    try:
        parse_sealing_key(text)
    except InputError as error:
        raise ValueError(str(error)) from None
    return text


SigningKeyText = Annotated[str, AfterValidator(_usable_signing_key)]
SealingKeyText = Annotated[str, AfterValidator(_usable_sealing_key)]
