"""Local suppression: what two records of one extract have in common doesn't leave the agency.

Equal groups in one extract belong to different people with, say, the same name and birthday. To
the matcher they are of no use (an extract holds each person once), but a graph of who shares what
with whom is all an attacker needs: lay it beside a list of the population, and everybody who
stands in an unusual place is known. So each such group is replaced by random bits, which nobody
can tell from an encoding. (Statistical disclosure control calls it local suppression; see
Hundepool et al., Statistical Disclosure Control, 2012, section 3.3. There a hole is left; here a
hole would itself say that somebody else has the same name.)

Random is a keyed function of the record's id: bits that differed from run to run, while all others
stay, would show who is hidden to whoever holds two encodings of one extract.

What one extract doesn't repeat, extracts of several agencies together still may.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from hashing.compiled.arrow import string_buffers
from hashing.compiled.blake2 import blake2b
from hashing.secret import LinkageSecret, derive
from linkage.encodings import GroupLayout

# Returns random bits for a group of rows, given by their positions: uint64 (rows, words).
Fill = Callable[[GroupLayout, NDArray[np.intp]], NDArray[np.uint64]]

_KEY_BYTES = 32
_DIGEST_WORDS = 8
_HALF_WORD = np.uint64(32)


@dataclass(frozen=True, repr=False)
class Repeats:
    """The groups that several records of an extract share.

    ``fingerprints`` holds per group a sorted uint64 array.
    """

    layout: tuple[GroupLayout, ...]
    fingerprints: tuple[NDArray[np.uint64], ...]

    def hide(
        self,
        bits: NDArray[np.uint64],
        present: NDArray[np.bool_],
        fill: Fill,
    ) -> tuple[NDArray[np.uint64], NDArray[np.bool_]]:
        """Return the bits, uint64 (n, groups, words), with those of ``fill`` where one is repeated.

        And where that was, bool (n, groups). The bits given are left as they are.
        """
        prints = fingerprints(bits)
        hidden = np.zeros(present.shape, np.bool_)
        shown = bits.copy()
        for g, (group, repeated) in enumerate(zip(self.layout, self.fingerprints, strict=True)):
            hidden[:, g] = present[:, g] & _among(prints[:, g], repeated)
            rows = np.flatnonzero(hidden[:, g])
            shown[rows, g, : group.length // 64] = fill(group, rows)
        return shown, hidden


def keyed_fill(secret: LinkageSecret, agency: str, record_ids: Any) -> Fill:
    """Return what fills the hidden groups of rows with these ids, an Arrow array of strings.

    The bits are BLAKE2b of the record id under a key of the group, 512 at a time with the block's
    number, from 0, as salt; the same at every run, and of no two records alike.
    """

    def fill(group: GroupLayout, rows: NDArray[np.intp]) -> NDArray[np.uint64]:
        words = group.length // 64
        info = f"concord/1/hidden/{agency}/{group.name}".encode("ascii")
        key = derive(secret, info, _KEY_BYTES)
        blocks = range(-(-words // _DIGEST_WORDS))
        salts = [block.to_bytes(2, "little") for block in blocks]
        data, offsets = string_buffers(record_ids.take(pa.array(rows)))
        digests = np.ascontiguousarray(blake2b(data, offsets, key, salts))
        width = _DIGEST_WORDS * len(salts)
        return digests.view("<u8").astype(np.uint64).reshape(len(rows), width)[:, :words]

    return fill


class RepeatFinder:
    """Takes in an extract piece by piece and says which groups are repeated in it.

    It holds 8 bytes for each group of a row, and with ``alternates`` 8 more for each row. Rows
    with the same token are one record; without ``alternates`` every row is a record of its own.
    """

    def __init__(self, layout: Sequence[GroupLayout], *, alternates: bool) -> None:
        self._layout = tuple(layout)
        self._alternates = alternates
        self._prints: list[NDArray[np.uint64]] = []
        self._present: list[NDArray[np.bool_]] = []
        self._records: list[NDArray[np.uint64]] = []

    def add(
        self, tokens: NDArray[np.uint8], bits: NDArray[np.uint64], present: NDArray[np.bool_]
    ) -> None:
        """Take in rows: tokens uint8 (n, 16), bits uint64 (n, groups, words), bool (n, groups)."""
        self._prints.append(fingerprints(bits))
        self._present.append(present)
        if self._alternates:
            self._records.append(np.ascontiguousarray(tokens).view(np.uint64)[:, 0])

    def repeats(self) -> Repeats:
        """Return what is repeated in all that was taken in."""
        found = [self._repeated(g) for g in range(len(self._layout))]
        return Repeats(self._layout, tuple(found))

    def _repeated(self, g: int) -> NDArray[np.uint64]:
        if not self._prints:
            return np.empty(0, np.uint64)
        has = np.concatenate([present[:, g] for present in self._present])
        prints = np.concatenate([piece[:, g] for piece in self._prints])[has]
        if not self._alternates:
            prints.sort()
            return np.unique(prints[1:][prints[1:] == prints[:-1]])
        records = np.concatenate(self._records)[has]
        order = np.lexsort((records, prints))
        prints, records = prints[order], records[order]
        again = (prints[1:] == prints[:-1]) & (records[1:] != records[:-1])
        return np.unique(prints[1:][again])


def fingerprints(bits: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Return a 64-bit hash of every group, uint64 (n, groups): equal where the bits are equal."""
    total = np.zeros(bits.shape[:2], np.uint64)
    for word in range(bits.shape[2]):
        mixed = (bits[:, :, word] ^ (total >> _HALF_WORD)) * _odd(word)
        total += mixed ^ (mixed >> _HALF_WORD)
    return total


def _odd(word: int) -> np.uint64:
    """Return a multiplier of its own for a word's place: odd, with bits all over."""
    return np.uint64((0x9E3779B97F4A7C15 * (2 * word + 1)) & (2**64 - 1))


def _among(prints: NDArray[np.uint64], repeated: NDArray[np.uint64]) -> NDArray[np.bool_]:
    """Say which of ``prints`` stand in the sorted ``repeated``."""
    if not len(repeated):
        return np.zeros(len(prints), np.bool_)
    place = np.minimum(np.searchsorted(repeated, prints), len(repeated) - 1)
    return np.asarray(repeated[place] == prints)
