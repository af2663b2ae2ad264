"""Hamming distances by plain numpy: the oracle of the kernel, and enough for samples of pairs."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from linkage.patterns import NULL_DISTANCE

_CHUNK = 65_536


def hamming_distances(
    bits: NDArray[np.uint64],
    present: NDArray[np.bool_],
    left: NDArray[np.signedinteger],
    right: NDArray[np.signedinteger],
) -> NDArray[np.uint16]:
    """Return the distances of the pairs (left[k], right[k]), uint16 (pairs, groups).

    ``bits`` uint64 (n, groups, words) and ``present`` bool (n, groups); `NULL_DISTANCE` where
    either record lacks the group.
    """
    distances = np.empty((len(left), bits.shape[1]), np.uint16)
    for start in range(0, len(left), _CHUNK):
        rows = slice(start, start + _CHUNK)
        differing = np.bitwise_count(bits[left[rows]] ^ bits[right[rows]])
        distances[rows] = differing.sum(axis=2, dtype=np.uint16)
    distances[~(present[left] & present[right])] = NULL_DISTANCE
    return distances
