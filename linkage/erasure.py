"""Erasing records from a finished linkage, without encodings and without a new model.

What the erased records showed of others goes with them: their links, and every pair that only
they joined. Each cluster that held one is drawn anew from the links between the records that
remain in it; it may fall apart, and never joins another. All other clusters stay as they are,
since links between clusters are left aside. The model and the probabilities of the remaining
links stay, too: one record among thousands doesn't move them.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from linkage.estimates import EstimateBasis
from linkage.outcome import Evidence, LevelsOf, Links, Outcome, Thresholds, conclude
from linkage.sources import Sources, records_alone


def erase(
    sources: Sources,
    cluster_of: NDArray[np.int64],
    evidence: Evidence,
    erased: NDArray[np.bool_],
    thresholds: Thresholds,
    basis: EstimateBasis,
) -> tuple[Sources, Outcome]:
    """Return the records that remain and what their links and clusters are.

    ``cluster_of`` int64 and ``erased`` bool, both (records,), say of each record of ``sources``
    which cluster it is in and whether it goes. ``basis`` is that of the linkage's estimates.
    """
    number = np.cumsum(~erased, dtype=np.int32) - np.int32(1)
    remaining = records_alone(
        sources.names, sources.clean, sources.source[~erased], sources.tokens[~erased]
    )
    (assigned, kept), (implied, _) = (
        _remaining(part, erased, number) for part in (evidence.assigned, evidence.implied)
    )
    cluster_now = cluster_of[~erased]
    within = cluster_now[assigned.left] == cluster_now[assigned.right]
    levels_of = _known_levels(len(remaining), assigned, implied)
    hints = evidence.hints[kept]
    return remaining, conclude(remaining, assigned, hints, within, thresholds, basis, levels_of)


def _remaining(
    links: Links, erased: NDArray[np.bool_], number: NDArray[np.int32]
) -> tuple[Links, NDArray[np.int64]]:
    """Return the links of records that remain, by the records' new numbers, and their places."""
    places = np.flatnonzero(~(erased[links.left] | erased[links.right]))
    kept = links.take(places)
    own = Links(number[kept.left], number[kept.right], kept.weight, kept.probability, kept.levels)
    return own, places


def _known_levels(records: int, assigned: Links, implied: Links) -> LevelsOf:
    """Look levels up: a pair within a part of a cluster was a pair within the cluster."""
    left = np.concatenate([assigned.left, implied.left])
    keys = left * np.int64(records) + np.concatenate([assigned.right, implied.right])
    order = np.argsort(keys)
    levels = np.concatenate([assigned.levels, implied.levels])[order]

    def levels_of(left: NDArray[np.int32], right: NDArray[np.int32]) -> NDArray[np.int8]:
        wanted = left * np.int64(records) + right
        return np.asarray(levels[np.searchsorted(keys[order], wanted)], np.int8)

    return levels_of
