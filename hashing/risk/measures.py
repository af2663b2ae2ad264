"""Properties of encodings that random bits wouldn't have, group by group."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from hashing.encoder import EncodedRows
from hashing.risk.results import Measure
from linkage.encodings import GroupLayout

NEAR = 0.9
_NEAR_CONSTANT = 0.05
_LEAST_RECORDS = 2

Bits = NDArray[np.bool_]

FILL = "fill"
DIVERGENCE = "bit-frequency divergence"
CONSTANT = "near-constant bits"
CORRELATION = "largest bit correlation"
DUPLICATES = "records with a duplicate"
NEAR_DUPLICATES = "records with a near-duplicate"


def measure(
    encoded: EncodedRows, layout: tuple[GroupLayout, ...], rng: np.random.Generator
) -> tuple[Measure, ...]:
    """Measure every group beside random bits of the same size and fill.

    Groups that fewer than two records have are left out. See `_properties` for the units.
    """
    measures = []
    for g, group in enumerate(layout):
        words = encoded.bits[encoded.present[:, g], g, : group.length // 64]
        if len(words) < _LEAST_RECORDS:
            continue
        packed = np.ascontiguousarray(words).astype("<u8").view(np.uint8)
        bits = np.unpackbits(packed, axis=1).astype(bool)
        found = _properties(bits)
        random = _properties(rng.random(bits.shape) < found[FILL])
        measures += [Measure(group.name, name, found[name], random[name]) for name in found]
    return tuple(measures)


def _properties(bits: Bits) -> Mapping[str, float]:
    """Return the properties of one group's bits, bool (n, length).

    The fill and near-constant bits are shares of bits; the divergence is the mean
    Kullback-Leibler divergence of a bit's frequency from the fill, in bits; the correlation is
    Pearson's, without its sign; duplicates are counts of records that are equal to another, or
    agree with one that isn't equal in all but (1 - NEAR) / 2 of their bits.
    """
    frequency = bits.mean(axis=0)
    equal, near = _copies(bits)
    return {
        FILL: float(bits.mean()),
        DIVERGENCE: _divergence(frequency, float(bits.mean())),
        CONSTANT: float((np.minimum(frequency, 1 - frequency) < _NEAR_CONSTANT).mean()),
        CORRELATION: _largest_correlation(bits),
        DUPLICATES: float(equal),
        NEAR_DUPLICATES: float(near),
    }


def _divergence(frequency: NDArray[np.float64], fill: float) -> float:
    if not 0 < fill < 1:
        return 0.0
    with np.errstate(divide="ignore", invalid="ignore"):
        ones = np.nan_to_num(frequency * np.log2(frequency / fill))
        zeros = np.nan_to_num((1 - frequency) * np.log2((1 - frequency) / (1 - fill)))
    return float((ones + zeros).mean())


def _largest_correlation(bits: Bits) -> float:
    centred = bits.astype(np.float32) - bits.mean(axis=0, dtype=np.float32)
    norms = np.sqrt((centred**2).sum(axis=0))
    varying = centred[:, norms > 0] / norms[norms > 0]
    correlation = np.abs(varying.T @ varying)
    np.fill_diagonal(correlation, 0)
    return float(correlation.max(initial=0.0))


def _copies(bits: Bits) -> tuple[int, int]:
    signs = 1 - 2 * bits.astype(np.float32)
    agreement = signs @ signs.T / bits.shape[1]
    np.fill_diagonal(agreement, -1)
    equal = agreement >= 1
    near = (agreement >= NEAR) & ~equal
    return int(equal.any(axis=1).sum()), int(near.any(axis=1).sum())
