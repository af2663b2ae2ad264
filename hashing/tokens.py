"""Random names for records, and a random order: neither tells anything about the extract."""

from __future__ import annotations

import secrets
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hashing.compiled.arrow import string_buffers
from hashing.compiled.blake2 import blake2b
from linkage.encodings import TOKEN_BYTES

_KEY_BYTES = 32


class RecordTokens:
    """Names records by a key that is drawn anew for every run and thrown away after it.

    The token is BLAKE2b of the record id, of 128 bits: to whoever lacks the key it is random. Rows
    with the same record id get the same token, without a table of the ids.
    """

    def __init__(self) -> None:
        self._key = bytearray(secrets.token_bytes(_KEY_BYTES))

    def __repr__(self) -> str:
        return "RecordTokens(hidden)"

    def of(self, record_ids: Any) -> NDArray[np.uint8]:
        """Return the tokens of record ids, an Arrow array of strings: uint8 (n, 16)."""
        data, offsets = string_buffers(record_ids)
        return blake2b(data, offsets, self._key, size=TOKEN_BYTES)[:, 0]

    def wipe(self) -> None:
        """Overwrite the key."""
        self._key[:] = bytes(_KEY_BYTES)


def random_order(count: int) -> NDArray[np.intp]:
    """Return a random permutation of ``count`` rows, from the system's cryptographic source."""
    words = np.frombuffer(secrets.token_bytes(count * 8), np.uint64)
    return np.argsort(words)
