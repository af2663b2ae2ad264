"""Keyed Bloom filters, bit for bit those of clkhash 0.17.

A filter of ``length`` bits is ``length // 64`` little-endian words over its bytes; bit *i* is
byte ``i // 8``, mask ``0x80 >> (i % 8)``.

Every distinct token is hashed once per key, and the filters of distinct values are unions of
their tokens' filters. Nothing outlives the call: a cache would keep names and keys in memory.
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from hashing.compiled.arrow import string_buffers
from hashing.compiled.blake2 import blake2b
from hashing.compiled.filters import set_bits, unions
from hashing.compiled.numbering import distinct_numbers
from hashing.tokenise import TokenTable
from linkage.protocol.scheme import Feature

_POSITIONS_PER_HASH = 32
_CHUNK_CELLS = 1 << 23


def value_filters(
    table: TokenTable, feature: Feature, key: bytes, length: int
) -> NDArray[np.uint64]:
    """Return the filters of a feature's distinct values, uint64 (values, length // 64).

    ``key`` is a feature's of `hashing.keys.PartKeys`.
    """
    hashed = _Hash(feature, key, length)
    if feature.bits_per_token is not None:
        filters = _alike_filters(table.tokens, feature.bits_per_token, hashed)
        return unions(filters, table.occurrences, table.counts)
    budgets = token_budgets(table.counts, feature)
    # A token may get a different budget in another value, so filters are per token and budget.
    base = int(budgets.max(initial=0)) + 1
    which, found = distinct_numbers((table.occurrences * base + budgets).astype(np.uint64))
    pairs = found.astype(np.int64)
    filters = _token_filters(table.tokens, pairs // base, pairs % base, hashed)
    return unions(filters, which, table.counts)


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
    return _blake_positions(*string_buffers(pa.array(tokens, pa.string())), key, count, length)


def blake_positions(
    tokens: Sequence[bytes], key: bytes, count: int, length: int
) -> NDArray[np.intp]:
    """Return what `positions` returns for tokens that are bytes already."""
    offsets = np.zeros(len(tokens) + 1, np.int32)
    np.cumsum([len(token) for token in tokens], out=offsets[1:])
    return _blake_positions(np.frombuffer(b"".join(tokens), np.uint8), offsets, key, count, length)


def _blake_positions(
    data: NDArray[np.uint8], offsets: NDArray[np.int32], key: bytes, count: int, length: int
) -> NDArray[np.intp]:
    hashes = -(-count // _POSITIONS_PER_HASH)
    salts = [str(i).encode("ascii") for i in range(hashes)]
    digests = blake2b(data, offsets, key, salts)
    numbers = digests.view("<u2").reshape(len(digests), hashes * _POSITIONS_PER_HASH)
    return numbers[:, :count].astype(np.intp) % length


def double_positions(
    tokens: Sequence[bytes], keys: tuple[bytes, bytes], count: int, length: int, *, nonzero: bool
) -> NDArray[np.intp]:
    """Return clkhash's doubly hashed positions, (tokens, count) below ``length``.

    They are ``a + i * m`` for i = 0, 1, .., where a is HMAC-SHA-1 and m HMAC-MD5 of the token as
    big-endian numbers. With ``nonzero`` m is taken anew from the token and a counter while it is
    a multiple of the length.
    """
    starts = [_mac(keys[0], token, "sha1", length) for token in tokens]
    steps = [_step(keys[1], token, length, nonzero=nonzero) for token in tokens]
    reach = np.arange(count, dtype=np.intp)
    return (np.array(starts, np.intp)[:, None] + reach * np.array(steps, np.intp)[:, None]) % length


def fold(filters: NDArray[np.uint64], folds: int) -> NDArray[np.uint64]:
    """Return filters whose halves are XORed ``folds`` times, uint64 (rows, words >> folds)."""
    for _ in range(folds):
        half = filters.shape[1] // 2
        filters = filters[:, :half] ^ filters[:, half:]
    return filters


@dataclass(frozen=True, repr=False)
class _Hash:
    """How a feature's tokens become positions."""

    feature: Feature
    key: bytes
    length: int

    def positions(self, tokens: Sequence[str], count: int) -> NDArray[np.intp]:
        if self.feature.hashing == "blake" and self.feature.encoding == "utf-8":
            return positions(tokens, self.key, count, self.length)
        data = [_encoded(token, self.feature.encoding) for token in tokens]
        if self.feature.hashing == "blake":
            return blake_positions(data, self.key, count, self.length)
        half = len(self.key) // 2
        keys, nonzero = (self.key[:half], self.key[half:]), self.feature.prevent_singularity
        return double_positions(data, keys, count, self.length, nonzero=nonzero)


def _encoded(token: str, encoding: str) -> bytes:
    """Return a token's bytes; UTF-16 and UTF-32 are little-endian after a byte-order mark."""
    if encoding == "utf-8":
        return token.encode("utf-8")
    return ("\ufeff" + token).encode(f"{encoding}-le")


def _mac(key: bytes, data: bytes, hash_name: str, length: int) -> int:
    return int.from_bytes(hmac.digest(key, data, hash_name), "big") % length


def _step(key: bytes, token: bytes, length: int, *, nonzero: bool) -> int:
    step, counter = _mac(key, token, "md5", length), 0
    while nonzero and not step:
        step, counter = _mac(key, token + chr(counter).encode("utf-8"), "md5", length), counter + 1
    return step


def _alike_filters(tokens: Sequence[str], budget: int, hashed: _Hash) -> NDArray[np.uint64]:
    """Return one filter per token, all with the same budget, uint64 (tokens, words)."""
    filters = np.empty((len(tokens), hashed.length // 64), np.uint64)
    step = max(1, _CHUNK_CELLS // budget)
    for start in range(0, len(tokens), step):
        spots = hashed.positions(tokens[start : start + step], budget)
        budgets = np.full(len(spots), budget, np.int64)
        filters[start : start + step] = set_bits(spots, budgets, hashed.length)
    return filters


def _token_filters(
    tokens: Sequence[str], which: NDArray[np.int64], budgets: NDArray[np.int64], hashed: _Hash
) -> NDArray[np.uint64]:
    """Return one filter per pair of a token (its index) and a budget, uint64 (pairs, words)."""
    length = hashed.length
    filters = np.zeros((len(which), length // 64), np.uint64)
    most = int(budgets.max(initial=0))
    step = max(1, _CHUNK_CELLS // max(1, most))
    for start in range(0, len(which), step):
        chunk = slice(start, start + step)
        used, place = np.unique(which[chunk], return_inverse=True)
        spots = hashed.positions([tokens[token] for token in used], most)[place]
        filters[chunk] = set_bits(spots, budgets[chunk], length)
    return filters
