"""BLAKE2b (RFC 7693), keyed and salted, over many short messages at once.

`hashlib.blake2b` sets up its parameters and mixes in the key for every message anew, and holds
the GIL. Here the state after the key block is computed once per salt.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

BLOCK_BYTES = 128
_WORDS = 8
_IV = np.array(
    [
        0x6A09E667F3BCC908, 0xBB67AE8584CAA73B, 0x3C6EF372FE94F82B, 0xA54FF53A5F1D36F1,
        0x510E527FADE682D1, 0x9B05688C2B3E6C1F, 0x1F83D9ABFB41BD6B, 0x5BE0CD19137E2179,
    ],
    np.uint64,
)  # fmt: skip
_SIGMA = np.array(
    [
        [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15],
        [14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3],
        [11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4],
        [7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8],
        [9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13],
        [2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9],
        [12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11],
        [13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10],
        [6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5],
        [10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0],
        [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15],
        [14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3],
    ],
    np.int64,
)
_compiled = njit(nogil=True, cache=True, boundscheck=False, error_model="numpy")


def blake2b(
    data: NDArray[np.uint8],
    offsets: NDArray[np.int32],
    key: bytes | bytearray,
    salts: Sequence[bytes] = (b"",),
    size: int = 64,
) -> NDArray[np.uint8]:
    """Return the digest of every message under every salt, uint8 (messages, salts, size).

    Message i is ``data[offsets[i]:offsets[i + 1]]``. ``key`` has 1 to 64 bytes, a salt at most
    16, a digest 1 to 64.
    """
    if not 1 <= len(key) <= 64 or not 1 <= size <= 64 or any(len(salt) > 16 for salt in salts):
        raise ValueError("BLAKE2b takes keys and digests of 1 to 64 bytes and salts of at most 16")
    block = np.zeros(BLOCK_BYTES, np.uint8)
    block[: len(key)] = np.frombuffer(key, np.uint8)
    starts = np.stack([_start(len(key), salt, size) for salt in salts])
    digests = np.empty((len(offsets) - 1, len(salts), _WORDS), np.uint64)
    try:
        _hash_all(data, offsets, block.view("<u8"), starts, digests)
    finally:
        block[:] = 0
    octets = digests.astype("<u8", copy=False).view(np.uint8)
    return octets.reshape(len(digests), len(salts), 64)[:, :, :size]


def _start(key_bytes: int, salt: bytes, size: int) -> NDArray[np.uint64]:
    """Return the state before the first block: the constants and the parameter block."""
    start = _IV.copy()
    start[0] ^= np.uint64(0x01010000 | key_bytes << 8 | size)
    start[4:6] ^= np.frombuffer(salt.ljust(16, b"\0"), "<u8")
    return start


@_compiled
def _hash_all(data: Any, offsets: Any, key_block: Any, starts: Any, digests: Any) -> None:
    keyed = starts.copy()
    message = np.empty(16, np.uint64)
    for s in range(len(starts)):
        _compress(keyed[s], key_block, np.uint64(128), False)
    for i in range(len(offsets) - 1):
        first, last = offsets[i], offsets[i + 1]
        for s in range(len(starts)):
            h = digests[i, s]
            if first == last:
                h[:] = starts[s]
                _compress(h, key_block, np.uint64(128), True)
                continue
            h[:] = keyed[s]
            at = first
            while at < last:
                end = min(at + 128, last)
                _load(data, at, end, message)
                _compress(h, message, np.uint64(128 + end - first), end == last)
                at = end
    # What the key was mixed into doesn't outlive the call.
    keyed[:] = np.uint64(0)
    message[:] = np.uint64(0)


@_compiled
def _load(data: Any, start: Any, end: Any, message: Any) -> None:
    message[:] = np.uint64(0)
    for at in range(end - start):
        octet = np.uint64(data[start + at])
        message[at >> 3] |= octet << np.uint64(8 * (at & 7))


@_compiled
def _compress(h: Any, m: Any, count: Any, last: Any) -> None:
    v0, v1, v2, v3, v4, v5, v6, v7 = h[0], h[1], h[2], h[3], h[4], h[5], h[6], h[7]
    v8, v9, v10, v11, v12, v13, v14, v15 = (
        _IV[0], _IV[1], _IV[2], _IV[3], _IV[4], _IV[5], _IV[6], _IV[7],
    )  # fmt: skip
    v12 ^= count
    if last:
        v14 = ~v14
    for r in range(12):
        s = _SIGMA[r]
        v0, v4, v8, v12 = _mix(v0, v4, v8, v12, m[s[0]], m[s[1]])
        v1, v5, v9, v13 = _mix(v1, v5, v9, v13, m[s[2]], m[s[3]])
        v2, v6, v10, v14 = _mix(v2, v6, v10, v14, m[s[4]], m[s[5]])
        v3, v7, v11, v15 = _mix(v3, v7, v11, v15, m[s[6]], m[s[7]])
        v0, v5, v10, v15 = _mix(v0, v5, v10, v15, m[s[8]], m[s[9]])
        v1, v6, v11, v12 = _mix(v1, v6, v11, v12, m[s[10]], m[s[11]])
        v2, v7, v8, v13 = _mix(v2, v7, v8, v13, m[s[12]], m[s[13]])
        v3, v4, v9, v14 = _mix(v3, v4, v9, v14, m[s[14]], m[s[15]])
    h[0] ^= v0 ^ v8
    h[1] ^= v1 ^ v9
    h[2] ^= v2 ^ v10
    h[3] ^= v3 ^ v11
    h[4] ^= v4 ^ v12
    h[5] ^= v5 ^ v13
    h[6] ^= v6 ^ v14
    h[7] ^= v7 ^ v15


@_compiled
def _mix(a: Any, b: Any, c: Any, d: Any, x: Any, y: Any) -> Any:
    a = a + b + x
    d = _rotated(d ^ a, np.uint64(32))
    c = c + d
    b = _rotated(b ^ c, np.uint64(24))
    a = a + b + y
    d = _rotated(d ^ a, np.uint64(16))
    c = c + d
    b = _rotated(b ^ c, np.uint64(63))
    return a, b, c, d


@_compiled
def _rotated(word: Any, by: Any) -> Any:
    return (word >> by) | (word << (np.uint64(64) - by))
