"""Rare values say more: where encodings recur, an agreement weighs by how often its value does.

An undiffused group of one field is the same for all who share the value, so that its encodings can
be counted without knowing what they stand for. To agree on a value that a share f of all records
has is as likely by chance as f, for two records of which one has it; the model's u-probability is
that of a typical agreement. So the difference of their logarithms is added to what an agreement
says (Fellegi and Sunter 1969, section 3.3.1; Winkler 2000). Diffused groups hold two fields or
more, hardly recur, and are left as they are.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from linkage.patterns import GroupComparison
from linkage.sources import Sources


def rarity_of_pairs(
    sources: Sources,
    comparisons: tuple[GroupComparison, ...],
    left: NDArray[np.int32],
    right: NDArray[np.int32],
) -> NDArray[np.float64] | None:
    """Return what identical groups add to the log odds of each pair of records, (pairs,).

    None where no group is undiffused. Records with alternates get nothing, since it isn't known
    which of them speaks.
    """
    undiffused = [g for g, comparison in enumerate(comparisons) if comparison.kind == "dice"]
    if not undiffused:
        return None
    first = np.searchsorted(sources.record, np.arange(len(sources) + 1))
    single = np.diff(first) == 1
    total = np.zeros(len(left))
    for g in undiffused:
        value, log_share, typical = recurring_values(sources, g)
        rows, other_rows = first[left], first[right]
        same = (value[rows] == value[other_rows]) & (value[rows] >= 0)
        same &= single[left] & single[right]
        total[same] += typical - log_share[value[rows[same]]]
    return total


def recurring_values(
    sources: Sources, group: int
) -> tuple[NDArray[np.int64], NDArray[np.float64], float]:
    """Return which encoding of a group each row has, and how common they are.

    Encodings are numbered, int64 (rows,), -1 for a null group. Of each encoding float64 (k,) the
    log of its share of the rows; and the log of the chance that two random rows have the same.
    """
    present = np.flatnonzero(sources.encodings.present[:, group])
    bits = np.ascontiguousarray(sources.encodings.bits[present, group])
    value = np.full(len(sources.record), -1, np.int64)
    if not len(present):
        return value, np.empty(0), 0.0
    keys = bits.view(f"V{bits.shape[1] * bits.itemsize}").ravel()
    _, value[present], counts = np.unique(keys, return_inverse=True, return_counts=True)
    share = counts / len(present)
    return value, np.log(share), float(np.log((share**2).sum()))
