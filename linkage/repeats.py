"""Rows that say exactly the same, many times over: a test entry, or a form sent in empty.

Where k rows of an agency are alike there are k (k - 1) / 2 pairs of them, which soon are more than
all pairs that are worth a look, and would crowd these out. Where there are many, only the pairs
with the first of them are met, which join the others if any do.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from linkage.sources import Sources

_CHUNK = 100_000
_SEED = 1


@dataclass(frozen=True)
class Repeats:
    """The rows that repeat an earlier one of their agency which many others repeat, too.

    ``content`` uint64 (rows of the sources,) is the same for rows that are alike; ``later`` bool
    (rows of the sources,) says which are such repeats.
    """

    content: NDArray[np.uint64]
    later: NDArray[np.bool_]

    @classmethod
    def of(cls, sources: Sources, most: int) -> Repeats:
        """Find those of which an agency that isn't clean has more than ``most`` alike."""
        content = _content(sources)
        later = np.zeros(len(content), np.bool_)
        for agency in np.flatnonzero(~sources.clean).tolist():
            rows = sources.rows(agency)
            _, first, own, number = np.unique(
                content[rows], return_index=True, return_inverse=True, return_counts=True
            )
            nth = np.arange(rows.stop - rows.start)
            later[rows] = (number[own] > most) & (first[own] != nth)
        return cls(content, later)

    def among(
        self, left: NDArray[np.signedinteger], right: NDArray[np.signedinteger]
    ) -> NDArray[np.bool_]:
        """Say of each pair of rows whether both repeat the same, bool (pairs,)."""
        both = self.later[left] & self.later[right]
        return np.asarray(both & (self.content[left] == self.content[right]), np.bool_)


def _content(sources: Sources) -> NDArray[np.uint64]:
    """Return a hash of each row's bits and present groups, uint64 (rows,)."""
    data = sources.encodings
    words, groups = data.bits[0].size if len(data) else 0, data.present.shape[1]
    rng = np.random.default_rng(_SEED)
    factors = rng.integers(0, 2**64, words + groups, np.uint64) | np.uint64(1)
    content = np.empty(len(data), np.uint64)
    for start in range(0, len(data), _CHUNK):
        rows = slice(start, start + _CHUNK)
        content[rows] = data.bits[rows].reshape(-1, words) @ factors[:words]
        content[rows] += data.present[rows].astype(np.uint64) @ factors[words:]
    return content
