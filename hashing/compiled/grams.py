"""Values cut into q-grams, by code points, straight from an Arrow string array."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from hashing.compiled.numbering import distinct_numbers

# A code point takes 21 bits of a gram's number, and a position what is left of 64.
_POINT_BITS = 21
_MOST_PACKED = 3
_compiled = njit(nogil=True, cache=True, boundscheck=False, error_model="numpy")

GramTable = tuple[tuple[str, ...], NDArray[np.int64], NDArray[np.int64]]


def can_cut(q: int, *, positional: bool) -> bool:
    """Whether grams of this kind fit a number of 64 bits."""
    return q + positional <= _MOST_PACKED


def gram_table(
    data: NDArray[np.uint8],
    offsets: NDArray[np.int32],
    q: int,
    *,
    positional: bool,
    without_unknown: bool,
) -> GramTable:
    """Return the distinct grams, every value's grams as indices into them, and counts per value.

    Value i is the UTF-8 text ``data[offsets[i]:offsets[i + 1]]``. As `hashing.tokenise.qgrams`
    has them, in the order of the first appearance; ``without_unknown`` leaves out grams with
    ``_``. int64 (sum of counts,) and int64 (values,).
    """
    counts = np.empty(len(offsets) - 1, np.int64)
    most = int(offsets[-1] - offsets[0]) + (q - 1) * len(counts)
    numbers = np.empty(most, np.uint64)
    points = np.empty(int(np.diff(offsets).max(initial=0)) + 2 * (q - 1), np.uint64)
    used = _cut(data, offsets, q, positional, without_unknown, points, numbers, counts)
    occurrences, found = distinct_numbers(numbers[:used])
    points[:] = 0
    return tuple(_text(int(n), q, positional=positional) for n in found), occurrences, counts


def _text(number: int, q: int, *, positional: bool) -> str:
    mask = (1 << _POINT_BITS) - 1
    gram = "".join(chr(number >> _POINT_BITS * i & mask) for i in reversed(range(q)))
    return f"{number >> _POINT_BITS * q} {gram}" if positional else gram


@_compiled
def _cut(  # noqa: PLR0913, PLR0917 - a compiled loop takes no dataclass
    data: Any, offsets: Any, q: Any, positional: Any, without: Any, points: Any,
    numbers: Any, counts: Any,
) -> Any:  # fmt: skip
    used = 0
    bits = np.uint64(21)
    for i in range(len(offsets) - 1):
        length = _padded(data, offsets[i], offsets[i + 1], q - 1, points)
        before = used
        for start in range(length - q + 1):
            number = np.uint64(start + 1) if positional else np.uint64(0)
            unknown = False
            for k in range(q):
                point = points[start + k]
                unknown |= point == np.uint64(95)
                number = (number << bits) | point
            if not (without and unknown):
                numbers[used] = number
                used += 1
        counts[i] = used - before
    return used


@_compiled
def _padded(data: Any, at: Any, end: Any, padding: Any, points: Any) -> Any:
    """Decode UTF-8 between spaces; returns the number of code points, 0 for an empty text."""
    if at == end:
        return 0
    length = 0
    for _ in range(padding):
        points[length] = np.uint64(32)
        length += 1
    while at < end:
        first = np.uint64(data[at])
        more = 0
        if first >= 0xF0:
            more, first = 3, first & np.uint64(0x07)
        elif first >= 0xE0:
            more, first = 2, first & np.uint64(0x0F)
        elif first >= 0xC0:
            more, first = 1, first & np.uint64(0x1F)
        for k in range(more):
            first = (first << np.uint64(6)) | (np.uint64(data[at + 1 + k]) & np.uint64(0x3F))
        points[length] = first
        length += 1
        at += 1 + more
    for _ in range(padding):
        points[length] = np.uint64(32)
        length += 1
    return length
