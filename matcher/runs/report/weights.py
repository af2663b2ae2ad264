"""The pairs by match weight: how clearly the links stand apart from the rest."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from linkage.linking import Links
from matcher.runs.report.fates import Fate

_LOWEST_DRAWN = 10.0  # bits below the link weight where the histogram's first bin gathers the rest
_MOST_BINS = 40


@dataclass(frozen=True)
class WeightHistogram:
    """Pairs by match weight and fate.

    ``edges`` in bits, rising, (bins + 1,); ``counts`` int64 (fates, bins) in the order of `Fate`;
    ``gathers_lower`` where the first bin also holds what lies below it; ``link_weight`` the least
    weight that is linked on its own evidence, None where nothing is.
    """

    edges: NDArray[np.float64]
    counts: NDArray[np.int64]
    gathers_lower: bool
    link_weight: float | None

    def total(self, fate: Fate) -> int:
        """Return the number of pairs of one fate."""
        return int(self.counts[list(Fate).index(fate)].sum())


def weight_histogram(links: Links, link: float) -> WeightHistogram:
    """Count the pairs by weight; ``link`` is the probability from which pairs are linked."""
    linked = links.probability >= link
    threshold = link_weight(links, linked)
    own = linked & (links.weight >= (np.inf if threshold is None else threshold))
    edges, gathers_lower = _edges(links.weight, threshold)
    drawn = np.clip(links.weight, edges[0], edges[-1])
    counts = [np.histogram(drawn[fate], edges)[0] for fate in (own, linked & ~own, ~linked)]
    return WeightHistogram(edges, np.array(counts, np.int64), gathers_lower, threshold)


def link_weight(links: Links, linked: NDArray[np.bool_]) -> float | None:
    """Return the least weight above every pair that isn't linked.

    A pair's own probability never falls as its weight rises, so that linked pairs of less weight
    were linked only because other records join them.
    """
    bar = links.weight[~linked].max(initial=-np.inf)
    above = links.weight[linked & (links.weight > bar)]
    return float(above.min()) if len(above) else None


def _edges(
    weight: NDArray[np.float64], threshold: float | None
) -> tuple[NDArray[np.float64], bool]:
    """Return edges whole bits apart, one of them at the threshold, so that no bin lies astride it.

    Also return whether weights below the first edge are to be gathered in the first bin.
    """
    if not len(weight):
        return np.array([0.0, 10.0]), False
    origin = 0.0 if threshold is None else threshold
    low, high = float(weight.min()), float(weight.max())
    least = low if threshold is None else max(low, threshold - _LOWEST_DRAWN)
    width = max(1.0, np.ceil((high - least) / _MOST_BINS))
    first, last = np.floor((least - origin) / width), np.floor((high - origin) / width) + 1
    edges = origin + width * np.arange(first, last + 1)
    return edges, bool(low < edges[0])
