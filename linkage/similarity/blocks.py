"""Columns laid out for the kernels: transposed in blocks of 64, so that vectors load them whole."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

BLOCK = 64


@dataclass(frozen=True)
class Blocks:
    """Columns in blocks of 64.

    ``bits`` uint64 (blocks, groups, words, 64); ``present`` uint64 (blocks, groups), whose bit *c*
    says that column *c* of the block has the group; ``counts`` int32 (blocks, groups, 64), the
    set bits; ``size`` the number of real columns. Columns beyond it are never present.
    """

    bits: NDArray[np.uint64]
    present: NDArray[np.uint64]
    counts: NDArray[np.int32]
    size: int

    def part(self, start: int, end: int | None) -> Blocks:
        """Return the blocks from ``start`` up to ``end``, without a copy."""
        own = slice(start, end)
        first, last = start * BLOCK, self.size if end is None else min(end * BLOCK, self.size)
        return Blocks(self.bits[own], self.present[own], self.counts[own], max(last - first, 0))


def to_blocks(
    bits: NDArray[np.uint64], present: NDArray[np.bool_], counts: NDArray[np.int32]
) -> Blocks:
    """Lay out columns: ``bits`` (n, groups, words), ``present`` and ``counts`` (n, groups)."""
    size, groups, words = bits.shape
    blocks = -(-size // BLOCK)
    laid_out = Blocks(
        np.zeros((blocks, groups, words, BLOCK), np.uint64),
        np.zeros((blocks, groups), np.uint64),
        np.zeros((blocks, groups, BLOCK), np.int32),
        size,
    )
    for block in range(blocks):
        columns = slice(block * BLOCK, min((block + 1) * BLOCK, size))
        width = columns.stop - columns.start
        laid_out.bits[block, :, :, :width] = bits[columns].transpose(1, 2, 0)
        laid_out.counts[block, :, :width] = counts[columns].T
        has_group = np.zeros((groups, BLOCK), np.bool_)
        has_group[:, :width] = present[columns].T
        laid_out.present[block] = np.packbits(has_group, axis=1, bitorder="little").view("<u8")[
            :, 0
        ]
    return laid_out
