"""Random names for rows, and a random order, so that neither tells anything about the extract."""

from __future__ import annotations

import secrets

import numpy as np
from numpy.typing import NDArray

from linkage.encodings import TOKEN_BYTES


def random_tokens(count: int) -> NDArray[np.uint8]:
    """Return ``count`` random record tokens, uint8 (count, 16)."""
    stream = secrets.token_bytes(count * TOKEN_BYTES)
    return np.frombuffer(stream, np.uint8).reshape(count, TOKEN_BYTES)


def random_order(count: int) -> NDArray[np.intp]:
    """Return a random permutation of ``count`` rows, from the system's cryptographic source."""
    words = np.frombuffer(secrets.token_bytes(count * 8), np.uint64)
    return np.argsort(words)
