"""What is read back from the store of objects, held to the SHA-256 under which it was named."""

from __future__ import annotations

import hashlib
from typing import IO

from linkage.errors import VerificationError
from matcher.objects.objects import Objects
from matcher.objects.streams import sha256_of


def read_verified(objects: Objects, key: str, sha256: str, what: str) -> bytes:
    """Return a whole object, which errors call ``what``.

    Raises `VerificationError` for other bytes, `ObjectMissingError` and `ObjectsError`.
    """
    content = objects.get(key)
    if hashlib.sha256(content).hexdigest() != sha256:
        raise altered(what)
    return content


def require_stored(file: IO[bytes], sha256: str, what: str) -> None:
    """Raise `VerificationError` unless an open file is what was stored; it stands at its start."""
    if sha256_of(file) != sha256:
        raise altered(what)
    file.seek(0)


def altered(what: str) -> VerificationError:
    """Return the error for what isn't what was stored."""
    return VerificationError(
        f"{what} isn't what was stored; the operator restores it from a backup."
    )
