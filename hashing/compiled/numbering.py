"""Distinct numbers, in the order in which they first appear."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

_compiled = njit(nogil=True, cache=True, boundscheck=False, error_model="numpy")


def distinct_numbers(
    numbers: NDArray[np.uint64],
) -> tuple[NDArray[np.int64], NDArray[np.uint64]]:
    """Return per number the index of its distinct number, int64, and the distinct ones, uint64.

    Every number is below 2^64 - 1.
    """
    codes = np.empty(len(numbers), np.int64)
    capacity = 1024
    while True:
        found = np.empty(capacity, np.uint64)
        count = int(_number(numbers, codes, found, np.full(4 * len(found), -1, np.int64)))
        if count <= len(found):
            return codes, found[:count].copy()
        capacity = min(len(numbers), 16 * capacity)


@_compiled
def _number(numbers: Any, codes: Any, found: Any, slots: Any) -> Any:
    """Open addressing; returns more than ``len(found)`` where there are too many to hold."""
    count = 0
    size = len(slots)
    for i in range(len(numbers)):
        number = numbers[i]
        mixed = (number ^ (number >> np.uint64(32))) * np.uint64(0x9E3779B97F4A7C15)
        slot = np.int64((mixed >> np.uint64(20)) % np.uint64(size))
        while slots[slot] >= 0 and found[slots[slot]] != number:
            slot += 1
            if slot == size:
                slot = np.int64(0)
        if slots[slot] < 0:
            if count == len(found):
                return count + 1
            slots[slot] = count
            found[count] = number
            count += 1
        codes[i] = slots[slot]
    return count
