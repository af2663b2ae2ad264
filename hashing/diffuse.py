"""Keyed diffusion: every output bit is the XOR of t secret input bits.

The table of input bits, int64 (length, t), has one permutation of the input per column, so that
every input bit is used exactly once per column, and no input bit twice in a row. A diffused part
looks random to whoever lacks the key; two filters that differ in the share d of their bits agree
in the share (1 + (1 - 2d)^t) / 2 of their diffused bits.
"""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray

from hashing.compiled.filters import xor_bits, xor_lookups

# Beyond it the lookups, 4 bytes times the square of the length, cost more than they save.
_LONGEST_LOOKED_UP = 1024


def index_table(key: bytes, length: int, t: int) -> NDArray[np.int64]:
    """Return the input bits of every output bit, int64 (length, t), column by column.

    Column c sorts the ``length`` little-endian 64-bit words of SHAKE-256(key, le32(t), le32(c)).
    Where a row would repeat an input bit, its entry changes places with the next row's, cyclicly,
    that leaves both free of repeats. Raises `ValueError` where t is above the length, or so near
    to it that no such row is left.
    """
    if t > length:
        raise ValueError(f"{t} different bits can't be drawn from {length}")
    table = np.empty((length, t), np.int64)
    for column in range(t):
        table[:, column] = _permutation(key, length, t, column)
        _part_repeats(table[:, column], table[:, :column])
    return table


class Diffusion:
    """A table made ready for many filters, until it is wiped.

    The map is linear over GF(2), so for short filters it is tabulated for the 256 values of every
    input byte, and a filter's bytes are looked up and XORed (the method of the four Russians).
    """

    def __init__(self, table: NDArray[np.int64]) -> None:
        self._table = table
        self._lookups = _lookups(table) if len(table) <= _LONGEST_LOOKED_UP else None

    def __repr__(self) -> str:
        return "Diffusion(hidden)"

    def apply(self, filters: NDArray[np.uint64]) -> NDArray[np.uint64]:
        """Return the diffused filters, uint64 (rows, words) as the input."""
        if self._lookups is None:
            return xor_bits(filters, self._table)
        return xor_lookups(filters, self._lookups)

    def wipe(self) -> None:
        """Overwrite what the key decided; the diffusion is of no use afterwards."""
        self._table[:] = 0
        if self._lookups is not None:
            self._lookups[:] = 0


def diffuse(filters: NDArray[np.uint64], table: NDArray[np.int64]) -> NDArray[np.uint64]:
    """Return filters diffused once by a table, uint64 (rows, words) as the input."""
    return Diffusion(table).apply(filters)


def _permutation(key: bytes, length: int, t: int, column: int) -> NDArray[np.intp]:
    seed = key + t.to_bytes(4, "little") + column.to_bytes(4, "little")
    words = np.frombuffer(hashlib.shake_256(seed).digest(8 * length), "<u8")
    return np.argsort(words, kind="stable")


def _part_repeats(column: NDArray[np.int64], earlier: NDArray[np.int64]) -> None:
    """Exchange entries of ``column`` in place until none stands in its row of ``earlier``."""
    length = len(column)
    # An exchange leaves both its rows free of repeats, so it makes none that aren't listed here.
    for row in np.flatnonzero((earlier == column[:, None]).any(axis=1)):
        if column[row] not in earlier[row]:
            continue
        others = np.roll(np.arange(length), -row - 1)[:-1]
        free_here = ~np.isin(column[others], earlier[row])
        free_there = ~(earlier[others] == column[row]).any(axis=1)
        fitting = others[free_here & free_there]
        if not len(fitting):
            raise ValueError(f"{earlier.shape[1] + 1} columns of {length} bits leave no exchange")
        column[[row, fitting[0]]] = column[[fitting[0], row]]


def _lookups(table: NDArray[np.int64]) -> NDArray[np.uint64]:
    """Return what each value of each input byte adds to the output, uint64 (bytes, 256, words)."""
    length = len(table)
    flips = np.zeros((length, length), np.uint8)
    for column in table.T:
        flips[column, np.arange(length)] ^= 1
    single = np.packbits(flips, axis=1).view("<u8").astype(np.uint64).reshape(length // 8, 8, -1)
    lookups = np.zeros((length // 8, 256, length // 64), np.uint64)
    for bit in range(8):
        # The value 2^k and those below it, k counting from the byte's last bit.
        size = 1 << bit
        lookups[:, size : 2 * size] = lookups[:, :size] ^ single[:, None, 7 - bit]
    return lookups
