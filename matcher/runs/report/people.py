"""Who is known to whom: counts of people by their records and agencies, and of records.

A *person* is a cluster: the records that the linkage takes to be one human being.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from linkage.clustering import Clusters
from linkage.fellegi_sunter import probability
from linkage.linking import Linkage
from linkage.patterns import NULL
from linkage.sources import Sources
from matcher.runs.report.cells import Cells, Tally

MOST_RECORDS = 10  # people with more records than this share the last bar


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


def people_by_agencies(known: NDArray[np.bool_], cells: Cells) -> list[Tally]:
    """Return how many people are known to exactly 1, 2, ... agencies."""
    agencies = known.shape[1]
    counts = np.bincount(known.sum(axis=1), minlength=agencies + 1)[1:]
    names = [_counted(k, "agency", "agencies") for k in range(1, agencies + 1)]
    return cells.parts_of_a_whole(names, counts)


def people_by_records(clusters: Clusters, cells: Cells) -> list[Tally]:
    """Return how many people have 1, 2, ... records; the last bar takes all with more."""
    sizes = np.minimum(clusters.sizes(), MOST_RECORDS)
    counts = np.bincount(sizes, minlength=2)[1:]
    names = [_counted(k, "record", "records") for k in range(1, len(counts) + 1)]
    if len(names) == MOST_RECORDS:
        names[-1] = f"{MOST_RECORDS} or more"
    return cells.parts_of_a_whole(names, counts)


def _counted(number: int, one: str, more: str) -> str:
    return f"{number} {one if number == 1 else more}"


def unlinkable_records(sources: Sources, linkage: Linkage, link: float) -> NDArray[np.int64]:
    """Return how many records of each agency are too incomplete to be linked, (agencies,).

    Such a record would not reach the link probability ``link`` against an identical copy of
    itself: of alternates, against the most telling one. Where no pair ever had the pattern of
    such a copy, the uncalibrated model decides; it is too sure rather than not sure enough.
    """
    shapes, shape_of = np.unique(sources.encodings.present, axis=0, return_inverse=True)
    highest = np.array([c.level_count - 1 for c in linkage.model.comparisons])
    copies = np.where(shapes, highest, NULL).astype(np.int8)
    seen = linkage.histogram.find(copies)
    of_copy = np.where(
        seen >= 0,
        np.append(linkage.pattern_probability, 0.0)[seen],
        probability(linkage.model.log_odds(copies)),
    )
    linkable = np.zeros(len(sources), np.bool_)
    linkable[sources.record[of_copy[shape_of] >= link]] = True
    return np.bincount(sources.source[~linkable], minlength=len(sources.names))
