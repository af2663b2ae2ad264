"""Keyed Bloom filters, bit for bit those of clkhash 0.17 (BLAKE2 hashing).

A filter of ``length`` bits is ``length // 64`` little-endian words over its bytes; bit *i* is
byte ``i // 8``, mask ``0x80 >> (i % 8)``.

Every distinct token is hashed once per key, and the filters of distinct values are unions of
their tokens' filters. Nothing outlives the call: a cache would keep names and keys in memory.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hashing.tokenise import TokenTable
from linkage.protocol.scheme import Feature

_POSITIONS_PER_HASH = 32
_CHUNK_CELLS = 1 << 23


def value_filters(
    table: TokenTable, feature: Feature, key: bytes, length: int
) -> NDArray[np.uint64]:
    """Return the filters of a feature's distinct values, uint64 (values, length // 64)."""
    budgets = token_budgets(table.counts, feature)
    # A token may get a different budget in another value, so filters are per token and budget.
    base = int(budgets.max(initial=0)) + 1
    which, pairs = pd.factorize(table.occurrences * base + budgets)
    filters = _token_filters(table.tokens, pairs // base, pairs % base, key, length)
    return _unions(filters, which, table.counts)


def token_budgets(counts: NDArray[np.int64], feature: Feature) -> NDArray[np.int64]:
    """Return how many positions each occurrence of a token sets, value by value, int64.

    ``bits_per_feature`` shares a budget b among a value's m tokens: the first ``b % m`` get
    ``b // m + 1``, the others ``b // m``, which may be none.
    """
    if feature.bits_per_token is not None:
        return np.full(int(counts.sum()), feature.bits_per_token, np.int64)
    assert feature.bits_per_feature is not None
    many = np.repeat(counts, counts)
    rank = np.arange(len(many)) - np.repeat(np.cumsum(counts) - counts, counts)
    share, rest = np.divmod(feature.bits_per_feature, many)
    return share + (rank < rest)


def positions(tokens: Sequence[str], key: bytes, count: int, length: int) -> NDArray[np.intp]:
    """Return the first ``count`` positions of every token, (tokens, count) below ``length``.

    ``BLAKE2b(token, key, salt = str(i))`` for i = 0, 1, .. gives 32 little-endian 16-bit numbers
    each, taken modulo the length. Where the length isn't a power of two, low positions are more
    likely by less than one part in ``65536 // length``.
    """
    hashes = -(-count // _POSITIONS_PER_HASH)
    salts = [str(i).encode("ascii") for i in range(hashes)]
    stream = b"".join(
        hashlib.blake2b(data, key=key, salt=salt).digest()
        for data in (token.encode("utf-8") for token in tokens)
        for salt in salts
    )
    numbers = np.frombuffer(stream, "<u2").reshape(len(tokens), hashes * _POSITIONS_PER_HASH)
    return numbers[:, :count].astype(np.intp) % length


def _token_filters(
    tokens: Sequence[str],
    which: NDArray[np.int64],
    budgets: NDArray[np.int64],
    key: bytes,
    length: int,
) -> NDArray[np.uint64]:
    """Return one filter per pair of a token (its index) and a budget, uint64 (pairs, words)."""
    filters = np.zeros((len(which), length // 64), np.uint64)
    most = int(budgets.max(initial=0))
    step = max(1, _CHUNK_CELLS // max(length, most))
    for start in range(0, len(which), step):
        chunk = slice(start, start + step)
        used, place = np.unique(which[chunk], return_inverse=True)
        spots = positions([tokens[token] for token in used], key, most, length)[place]
        set_now = np.arange(most) < budgets[chunk, None]
        bits = np.zeros((len(spots), length), np.bool_)
        bits[np.nonzero(set_now)[0], spots[set_now]] = True
        filters[chunk] = np.packbits(bits, axis=1).view("<u8")
    return filters


def _unions(
    filters: NDArray[np.uint64], which: NDArray[np.intp], counts: NDArray[np.int64]
) -> NDArray[np.uint64]:
    """Return per value the OR of its occurrences' filters, uint64 (values, words).

    Values are taken in order of falling counts, so that those with an r-th token lie in front.
    """
    order = np.argsort(-counts, kind="stable")
    falling, starts = counts[order], (np.cumsum(counts) - counts)[order]
    unions = np.zeros((len(counts), filters.shape[1]), np.uint64)
    for rank in range(int(counts.max(initial=0))):
        live = int(np.searchsorted(-falling, -rank))
        unions[:live] |= filters[which[starts[:live] + rank]]
    back = np.empty_like(unions)
    back[order] = unions
    return back
