"""One-to-one assignment: within a clean agency, no record has a second partner elsewhere."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from linkage.sources import Sources


def best_first(score: NDArray[np.float64], closeness: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the order of falling score; equal scores by closeness, then by position."""
    return np.lexsort((-closeness, -score))


def assign_one_to_one(
    sources: Sources,
    left: NDArray[np.int32],
    right: NDArray[np.int32],
    order: NDArray[np.int64],
    *,
    as_if_clean: bool = False,
) -> NDArray[np.bool_]:
    """Return which pairs a greedy assignment keeps, bool (pairs,).

    Pairs are taken in ``order``. A pair is kept unless one of its records already has a partner
    in the other's agency and that agency is clean; an agency that isn't clean may hold several
    records of one person. With ``as_if_clean`` every agency counts as clean: what the best partner
    of each record looks like is what can be learnt from, however often people occur.
    """
    clean = np.ones_like(sources.clean) if as_if_clean else sources.clean
    return np.asarray(_greedy(left, right, order, sources.source, clean), np.bool_)


@njit(nogil=True, cache=True)
def _greedy(left: Any, right: Any, order: Any, source: Any, clean: Any) -> Any:
    taken = np.zeros((len(source), len(clean)), np.bool_)
    keep = np.zeros(len(order), np.bool_)
    for k in order:
        a, b = left[k], right[k]
        source_a, source_b = source[a], source[b]
        if (clean[source_b] and taken[a, source_b]) or (clean[source_a] and taken[b, source_a]):
            continue
        taken[a, source_b] = True
        taken[b, source_a] = True
        keep[k] = True
    return keep
