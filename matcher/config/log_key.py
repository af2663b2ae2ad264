"""The log's private key: an Ed25519 key in PKCS #8 (RFC 8410), in a file of its owner's alone."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from linkage.audit.keys import SignatureType, Signer, VerifierKey
from linkage.errors import InputError, PolicyError, VerificationError

_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_MOST_BYTES = 1 << 12


def create_signer(name: str) -> Signer:
    """Return a new key under a name; raises `MalformedError` for a name that no key can have."""
    signer = Signer(name, SignatureType.LOG, Ed25519PrivateKey.generate())
    _ = signer.verifier
    return signer


def key_bytes(signer: Signer) -> bytes:
    """Return the file of a private key; it is secret."""
    if not isinstance(signer.private, Ed25519PrivateKey):
        raise TypeError("this key is kept elsewhere and can't be written out")
    return signer.private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def read_signer(path: Path, public: VerifierKey) -> Signer:
    """Read the private key that belongs to the log's public key.

    Raises `PolicyError` if others may read the file, `InputError` if it holds no such key, and
    `VerificationError` if it is another log's.
    """
    private = _parse(_read_private(path), path)
    signer = Signer(public.name, public.type, private)
    if signer.verifier != public:
        raise VerificationError(
            f"The key in {path} is not that of the log {public.name}; put the right one back."
        )
    return signer


def _read_private(path: Path) -> bytes:
    with path.open("rb") as file:
        if os.fstat(file.fileno()).st_mode & _OTHERS:
            raise PolicyError(
                f"Others may read {path}, and whoever has that key can forge the log; run "
                "'chmod 600' on it and find out who could."
            )
        return file.read(_MOST_BYTES)


def _parse(data: bytes, path: Path) -> Ed25519PrivateKey:
    try:
        private = load_pem_private_key(data, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        private = None
    if not isinstance(private, Ed25519PrivateKey):
        raise InputError(f"{path} holds no Ed25519 key in PKCS #8; put the log's key back.")
    return private
