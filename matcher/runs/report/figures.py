"""The counts behind the report's charts and tables, small ones withheld.

A *person* is a cluster: the records that the linkage takes to be one human being.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from linkage.clustering import Clusters
from linkage.linking import Links
from linkage.sources import Sources

LEAST_CELL_COUNT = 10
"""Counts of people or pairs below this, zero included, are shown as '<10' and drawn as nothing.

It is the default of the agreement's ``[outputs]``: few people can be found out by who knows them.
"""

MOST_RECORDS = 10  # people with more records than this share the last bar
_LOWEST_DRAWN = 10.0  # bits below the link weight where the histogram's first bin gathers the rest
_MOST_BINS = 40


def shown(count: int) -> str:
    """Return a count as it may be shown."""
    return f"{count:,}" if count >= LEAST_CELL_COUNT else f"<{LEAST_CELL_COUNT}"


@dataclass(frozen=True)
class Tally:
    """A count by name; ``count`` is None where it is withheld and ``label`` then says so."""

    name: str
    count: int | None
    label: str


def tallies(names: list[str], counts: NDArray[np.int64]) -> list[Tally]:
    """Return the counts as they may be shown.

    Where exactly one is small, the least of the others is withheld too: all of them together
    add up to numbers of records, which the report shows.
    """
    small = counts < LEAST_CELL_COUNT
    withheld = small.copy()
    if small.sum() == 1 and len(counts) > 1:
        withheld[np.argmin(np.where(small, np.iinfo(np.int64).max, counts))] = True
    labels = [
        "withheld" if hidden and not few else shown(int(count))
        for hidden, few, count in zip(withheld, small, counts, strict=True)
    ]
    return [
        Tally(name, None if hidden else int(count), label)
        for name, hidden, count, label in zip(names, withheld, counts, labels, strict=True)
    ]


def known_to(sources: Sources, clusters: Clusters) -> NDArray[np.bool_]:
    """Return which agencies know each person, bool (people, agencies)."""
    known = np.zeros((len(clusters.sizes()), len(sources.names)), np.bool_)
    known[clusters.cluster_of, sources.source] = True
    return known


def overlaps(known: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return how many people two agencies both know, (agencies, agencies).

    The diagonal counts the people that an agency knows at all.
    """
    known_by = known.astype(np.float64)  # a product of floats is fast, and exact below 2**53
    return np.rint(known_by.T @ known_by).astype(np.int64)


def people_by_agencies(known: NDArray[np.bool_]) -> list[Tally]:
    """Return how many people are known to exactly 1, 2, ... agencies."""
    agencies = known.shape[1]
    counts = np.bincount(known.sum(axis=1), minlength=agencies + 1)[1:]
    return tallies([_counted(k, "agency", "agencies") for k in range(1, agencies + 1)], counts)


def people_by_records(clusters: Clusters) -> list[Tally]:
    """Return how many people have 1, 2, ... records; the last bar takes all with more."""
    sizes = np.minimum(clusters.sizes(), MOST_RECORDS)
    counts = np.bincount(sizes, minlength=2)[1:]
    names = [_counted(k, "record", "records") for k in range(1, len(counts) + 1)]
    if len(names) == MOST_RECORDS:
        names[-1] = f"{MOST_RECORDS} or more"
    return tallies(names, counts)


def _counted(number: int, one: str, more: str) -> str:
    return f"{number} {one if number == 1 else more}"


class Fate(StrEnum):
    """What became of a pair; the values are what the legend says."""

    LINKED = "linked"
    THROUGH_OTHERS = "linked through other records"
    FOR_REVIEW = "for review"


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
