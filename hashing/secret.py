"""The linkage secret of an epoch: one file that every agency of a project holds.

Whoever has the secret and a list of people can test which of them an encoding stands for, so it
never appears in a message, a representation or a pickle.
"""

from __future__ import annotations

import os
import secrets
import stat
import string
from io import FileIO
from pathlib import Path
from typing import NoReturn

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from linkage.errors import PolicyError
from linkage.protocol.scheme import KdfHash

LEAST_BYTES = 32
_TEXT = frozenset(string.printable.encode("ascii"))
_HASHES: dict[KdfHash, hashes.HashAlgorithm] = {
    "SHA256": hashes.SHA256(),
    "SHA512": hashes.SHA512(),
}


class LinkageSecret:
    """At least 32 bytes of key material that show themselves only to `derive`."""

    __slots__ = ("_material",)

    def __init__(self, material: bytes | bytearray) -> None:
        if len(material) < LEAST_BYTES:
            raise PolicyError(
                f"A linkage secret has at least {LEAST_BYTES} bytes, this one has {len(material)}; "
                "make one with 'agency-client secret create'."
            )
        self._material = bytearray(material)

    def __repr__(self) -> str:
        return "LinkageSecret(hidden)"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a linkage secret is not pickled or copied")

    def derive(
        self, info: bytes, length: int, salt: bytes | None = None, hash_name: KdfHash = "SHA256"
    ) -> bytes:
        """Return ``length`` bytes by HKDF (RFC 5869); at most 255 times its hash's length."""
        if not self._material:
            raise ValueError("the linkage secret was wiped")
        return HKDF(_HASHES[hash_name], length, salt, info).derive(self._material)

    def commitment(self, agreement: str, epoch: int) -> str:
        """Return what shows, to whoever has a secret, whether it is this one: 64 hex digits.

        It binds one agreement's id and epoch, and gives nothing away of 32 random bytes.
        """
        info = f"concord/1/secret-commitment\n{agreement}\n{epoch}".encode("ascii")
        return self.derive(info, 32).hex()

    def wipe(self) -> None:
        """Overwrite the secret, which can't be used afterwards."""
        _wipe(self._material)
        self._material.clear()


def derive(
    secret: LinkageSecret,
    info: bytes,
    length: int,
    salt: bytes | None = None,
    hash_name: KdfHash = "SHA256",
) -> bytes:
    """Return the key of ``length`` bytes that ``info`` names (HKDF, RFC 5869)."""
    return secret.derive(info, length, salt, hash_name)


def read_secret(path: Path) -> LinkageSecret:
    """Read a secret that only its owner can read.

    Whitespace around a secret of printable ASCII is not part of it, so that an editor's newline
    does no harm; a file of exactly 32 bytes, or with any other byte in it, is taken as it is.
    Raises `PolicyError` where others may read the file or where it is shorter than 32 bytes.
    """
    with path.open("rb", buffering=0) as source:
        _refuse_shared(os.fstat(source.fileno()).st_mode, path)
        content = _read_whole(source)
    if len(content) != LEAST_BYTES and _TEXT.issuperset(content):
        whole, content = content, content.strip()
        _wipe(whole)
    if len(content) < LEAST_BYTES:
        raise PolicyError(
            f"The secret in {path} has {len(content)} bytes and needs at least {LEAST_BYTES}; make "
            "one with 'agency-client secret create' and share it with the other agencies."
        )
    secret = LinkageSecret(content)
    _wipe(content)
    return secret


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


def _read_whole(source: FileIO) -> bytearray:
    """Read a file of any length into one place, without buffers that stay behind."""
    content, block = bytearray(), bytearray(4096)
    while count := source.readinto(block):
        content += memoryview(block)[:count]
    _wipe(block)
    return content


def _wipe(content: bytearray) -> None:
    content[:] = bytes(len(content))


def _refuse_shared(mode: int, path: Path) -> None:
    if os.name == "posix" and stat.S_ISREG(mode) and mode & 0o077:
        raise PolicyError(
            f"The secret in {path} can be read by others than its owner; "
            f"run 'chmod 600 {path}', and make a new secret if others may have read this one."
        )
