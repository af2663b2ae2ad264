"""Counts of people whose links are only probable, with intervals.

How many of n people are linked rightly, each with a probability of their own, is the sum of
independent draws of different chances: the Poisson-binomial distribution. It is taken whole, from
its characteristic function (Hong 2013, doi:10.1016/j.csda.2012.10.006), in a window so wide that
what lies outside couldn't be told from nothing in floating point.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

LEVEL = 0.95
# Probabilities this near each other are taken for one, their mean.
_STEP = 1e-3
# Half the window, in standard deviations, and what is added for very small ones.
_DEVIATIONS, _MARGIN = 12.0, 32


@dataclass(frozen=True)
class Count:
    """How many are expected, and between what the number lies with the probability `LEVEL`."""

    expected: float
    low: float
    high: float


def expected_count(probabilities: NDArray[np.float64]) -> Count:
    """Return how many of independent events with these probabilities, (n,), happen."""
    start, chances = _distribution(probabilities)
    tail = (1 - LEVEL) / 2
    # So little that it is only rounding must not move the end of an interval.
    places = np.searchsorted(np.cumsum(chances), (tail + 1e-12, 1 - tail - 1e-12))
    low, high = (start + np.minimum(places, len(chances) - 1)).tolist()
    return Count(float(probabilities.sum()), float(low), float(high))


def _distribution(probabilities: NDArray[np.float64]) -> tuple[int, NDArray[np.float64]]:
    """Return a first number, and the probabilities, float64 (width,), of it and those after it."""
    count, mean = len(probabilities), float(probabilities.sum())
    deviation = float(np.sqrt((probabilities * (1 - probabilities)).sum()))
    width = min(count + 1, 2 * (int(_DEVIATIONS * deviation) + _MARGIN))
    start = min(max(0, round(mean) - width // 2), count + 1 - width)
    turns = np.exp(-2j * np.pi * np.arange(width // 2 + 1) / width)
    chances, counts = _classes(probabilities)
    with np.errstate(divide="ignore"):  # at a half, one of the turns is exactly zero
        logs = np.log(1 + np.multiply.outer(turns - 1, chances)) @ counts
    # Numbers that are equal modulo the width fall together; only those of the window have weight.
    wrapped = np.clip(np.fft.irfft(np.exp(logs), width), 0, None)
    return start, np.roll(wrapped, -(start % width)) / wrapped.sum()


def _classes(
    probabilities: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the mean of each class of nearly equal probabilities, and how many are in it."""
    _, of = np.unique(np.round(probabilities / _STEP), return_inverse=True)
    counts = np.bincount(of).astype(np.float64)
    return np.bincount(of, probabilities) / counts, counts
