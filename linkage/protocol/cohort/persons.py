"""The ids of people in a payload: of one agency, for one analyst, in one round.

The agency draws a blinding key of 32 random bytes for each payload. A person's id is made from the
record's token under it, so that the analyst never sees a token, and no two analysts or rounds have
ids that join. The key goes to the matcher, beside the signed manifest, which holds its digest:
anybody can verify the manifest, and only the matcher can trace an id.
"""

from __future__ import annotations

import hashlib
import hmac

import numpy as np
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hmac import HMAC
from numpy.typing import NDArray

from linkage.errors import VerificationError

BLINDING_BYTES = 32
PERSON_BYTES = 16
_PREFIX = b"concord/1/blinding\n"


def blinding_digest(key: bytes) -> str:
    """Return what a manifest says of a blinding key (32 bytes): 64 hex digits."""
    if len(key) != BLINDING_BYTES:
        raise ValueError("a blinding key has 32 bytes")
    return hashlib.sha256(_PREFIX + key).hexdigest()


def verify_blinding(key: bytes, digest: str, source: str) -> None:
    """Raise `VerificationError` unless the key is the one that a manifest was signed for."""
    if len(key) != BLINDING_BYTES or not hmac.compare_digest(blinding_digest(key), digest):
        raise VerificationError(
            f"The blinding key that came with {source} isn't the one that it was signed for; push "
            "the payload again."
        )


def person_ids(key: bytes, tokens: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the ids, uint8 (n, 16), of records by their tokens, uint8 (n, 16)."""
    if len(key) != BLINDING_BYTES or tokens.shape[1:] != (PERSON_BYTES,):
        raise ValueError("a blinding key has 32 bytes and a token 16")
    made = keyed_ids(key, b"", np.ascontiguousarray(tokens).tobytes(), PERSON_BYTES)
    return np.frombuffer(made, np.uint8).reshape(-1, PERSON_BYTES)


def keyed_ids(key: bytes, prefix: bytes, messages: bytes, size: int) -> bytes:
    """Return the first 16 bytes of HMAC-SHA256 of each message, one after another.

    A message is ``prefix`` and the next ``size`` bytes of ``messages``.
    """
    # What the key and the prefix lead to is worked out once: that is most of a short message.
    begun = HMAC(key, SHA256())
    begun.update(prefix)
    made = []
    for at in range(0, len(messages), size):
        own = begun.copy()
        own.update(messages[at : at + size])
        made.append(own.finalize()[:PERSON_BYTES])
    return b"".join(made)
