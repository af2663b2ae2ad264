"""Filters made, united, diffused and joined, one row at a time."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

_ROWS_AT_ONCE = 256
_compiled = njit(nogil=True, cache=True, boundscheck=False, error_model="numpy")


def set_bits(
    positions: NDArray[np.integer[Any]], budgets: NDArray[np.int64], length: int
) -> NDArray[np.uint64]:
    """Return filters with the first ``budgets[i]`` of the positions of row i set.

    uint64 (rows, length // 64); bit *i* is byte ``i // 8``, mask ``0x80 >> (i % 8)``.
    """
    filters = np.zeros((len(positions), length // 64), np.uint64)
    _set_bits(positions, budgets, filters)
    return filters


def unions(
    filters: NDArray[np.uint64], which: NDArray[np.int64], counts: NDArray[np.int64]
) -> NDArray[np.uint64]:
    """Return per value the OR of ``filters[w]`` for its w in ``which``, uint64 (values, words).

    Value by value, ``counts`` (values,) says how many of ``which`` are its own.
    """
    united = np.zeros((len(counts), filters.shape[1]), np.uint64)
    _unite(filters, which, counts, united)
    return united


def add_union(
    union: NDArray[np.uint64], filters: NDArray[np.uint64], codes: NDArray[np.int64]
) -> None:
    """OR ``filters[codes[i]]`` into row i of ``union`` (rows, words)."""
    _add_union(union, filters, codes)


def add_xor(
    bits: NDArray[np.uint64], filters: NDArray[np.uint64], codes: NDArray[np.int64]
) -> None:
    """XOR ``filters[codes[i]]`` into row i of ``bits`` (rows, words)."""
    _add_xor(bits, filters, codes)


def xor_lookups(filters: NDArray[np.uint64], lookups: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Return per filter the XOR of what its bytes look up, uint64 (rows, words).

    ``lookups`` uint64 (bytes, 256, words), byte by byte.
    """
    out = np.zeros_like(filters)
    _xor_lookups(filters, lookups, out)
    return out


def xor_bits(filters: NDArray[np.uint64], table: NDArray[np.int64]) -> NDArray[np.uint64]:
    """Return filters whose bit j is the XOR of the bits ``table[j]``; the same without lookups."""
    out = np.zeros_like(filters)
    _xor_bits(filters, table, out)
    return out


@_compiled
def _set_bits(positions: Any, budgets: Any, filters: Any) -> None:
    for i in range(len(positions)):
        for k in range(budgets[i]):
            bit = positions[i, k]
            filters[i, bit >> 6] |= np.uint64(1) << np.uint64((bit & 63) ^ 7)


@_compiled
def _unite(filters: Any, which: Any, counts: Any, united: Any) -> None:
    at = 0
    for i in range(len(counts)):
        row = united[i]
        for _ in range(counts[i]):
            token = filters[which[at]]
            for w in range(len(row)):
                row[w] |= token[w]
            at += 1


@_compiled
def _add_union(union: Any, filters: Any, codes: Any) -> None:
    for i in range(len(codes)):
        source = filters[codes[i]]
        for w in range(union.shape[1]):
            union[i, w] |= source[w]


@_compiled
def _add_xor(bits: Any, filters: Any, codes: Any) -> None:
    for i in range(len(codes)):
        source = filters[codes[i]]
        for w in range(bits.shape[1]):
            bits[i, w] ^= source[w]


@_compiled
def _xor_lookups(filters: Any, lookups: Any, out: Any) -> None:
    words = filters.shape[1]
    byte = np.uint64(255)
    # One byte's lookups stay in the innermost cache while a block of rows passes.
    for start in range(0, len(filters), _ROWS_AT_ONCE):
        for place in range(8 * words):
            shift = np.uint64(8 * (place & 7))
            values = lookups[place]
            for i in range(start, min(start + _ROWS_AT_ONCE, len(filters))):
                row = values[(filters[i, place >> 3] >> shift) & byte]
                for first in range(0, words - 7, 8):
                    # A loop of known length becomes a vector instruction.
                    for k in range(8):
                        out[i, first + k] ^= row[first + k]
                for k in range(words - words % 8, words):
                    out[i, k] ^= row[k]


@_compiled
def _xor_bits(filters: Any, table: Any, out: Any) -> None:
    for i in range(len(filters)):
        for j in range(len(table)):
            value = np.uint64(0)
            for c in range(table.shape[1]):
                bit = table[j, c]
                value ^= filters[i, bit >> 6] >> np.uint64((bit & 63) ^ 7)
            out[i, j >> 6] |= (value & np.uint64(1)) << np.uint64((j & 63) ^ 7)
