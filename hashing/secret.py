"""The linkage secret of an epoch: one file that every agency of a project holds.

Whoever has the secret and a list of people can test which of them an encoding stands for, so it
never appears in a message, a representation or a pickle.
"""

from __future__ import annotations

import os
import secrets
import stat
import string
from pathlib import Path
from typing import NoReturn

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from linkage.errors import PolicyError

LEAST_BYTES = 32
_TEXT = frozenset(string.printable.encode("ascii"))


class LinkageSecret:
    """At least 32 bytes of key material that show themselves only to `derive`."""

    __slots__ = ("_material",)

    def __init__(self, material: bytes) -> None:
        if len(material) < LEAST_BYTES:
            raise PolicyError(
                f"A linkage secret has at least {LEAST_BYTES} bytes, this one has {len(material)}; "
                "make one with 'agency-client secret create'."
            )
        self._material = bytes(material)

    def __repr__(self) -> str:
        return "LinkageSecret(hidden)"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a linkage secret is not pickled or copied")

    def derive(self, info: bytes, length: int, salt: bytes | None = None) -> bytes:
        """Return ``length`` bytes by HKDF with SHA-256 (RFC 5869); at most 8,160."""
        return HKDF(hashes.SHA256(), length, salt, info).derive(self._material)


def derive(secret: LinkageSecret, info: bytes, length: int, salt: bytes | None = None) -> bytes:
    """Return the key of ``length`` bytes that ``info`` names (HKDF with SHA-256, RFC 5869)."""
    return secret.derive(info, length, salt)


def read_secret(path: Path) -> LinkageSecret:
    """Read a secret that only its owner can read.

    Whitespace around a secret of printable ASCII is not part of it, so that an editor's newline
    does no harm; a file of exactly 32 bytes, or with any other byte in it, is taken as it is.
    Raises `PolicyError` where others may read the file or where it is shorter than 32 bytes.
    """
    with path.open("rb") as source:
        _refuse_shared(os.fstat(source.fileno()).st_mode, path)
        content = source.read()
    if len(content) != LEAST_BYTES and _TEXT.issuperset(content):
        content = content.strip()
    if len(content) < LEAST_BYTES:
        raise PolicyError(
            f"The secret in {path} has {len(content)} bytes and needs at least {LEAST_BYTES}; make "
            "one with 'agency-client secret create' and share it with the other agencies."
        )
    return LinkageSecret(content)


def create_secret(path: Path) -> None:
    """Write a new secret of 256 random bits as 64 hex digits, readable by its owner only.

    Raises `PolicyError` where ``path`` exists: encodings under a lost secret can't be repeated.
    """
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise PolicyError(
            f"{path} exists already and a secret is never overwritten; choose another name."
        ) from None
    with os.fdopen(descriptor, "w", encoding="ascii") as sink:
        sink.write(secrets.token_hex(32) + "\n")
        sink.flush()
        os.fsync(sink.fileno())


def _refuse_shared(mode: int, path: Path) -> None:
    if os.name == "posix" and stat.S_ISREG(mode) and mode & 0o077:
        raise PolicyError(
            f"The secret in {path} can be read by others than its owner; "
            f"run 'chmod 600 {path}', and make a new secret if others may have read this one."
        )
