"""Cluster ids that outlive a run, and what became of every cluster from one run to the next.

A person's cluster keeps its id while it stays as it was, grows by records that are new, or loses
some. **The rule for splits and merges:** an old id passes to the new cluster that holds the most
of the old cluster's records, provided that this new cluster has from no other old cluster more.
Of equal numbers the one with the smallest token among the records in common wins. So on a split
the largest part keeps the id, on a merge the largest contributor's id stays, and every other
cluster gets an id that the old run didn't use.

Records are known by agency and token. Where an agency encodes its extract anew all its tokens are
new, and its old records can't be told from its new ones: then lineage goes through the other
agencies' records. A cluster of that agency's records alone is gone, and comes back as a new one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

UNCHANGED, GROWN, SHRUNK, SPLIT, MERGED, NEW, GONE = (
    "unchanged", "grown", "shrunk", "split", "merged", "new", "gone",
)  # fmt: skip
KINDS = (UNCHANGED, GROWN, SHRUNK, SPLIT, MERGED, NEW, GONE)


@dataclass(frozen=True)
class Membership:
    """Which record is in which cluster, in any order.

    ``agency`` str (n,), ``token`` uint8 (n, 16), ``cluster`` int64 (n,) numbers the clusters from
    0 without a gap.
    """

    agency: NDArray[np.str_]
    token: NDArray[np.uint8]
    cluster: NDArray[np.int64]

    def sizes(self) -> NDArray[np.int64]:
        """Return the number of records of each cluster."""
        return np.bincount(self.cluster)


@dataclass(frozen=True)
class Descent:
    """One row of the lineage: ``records`` of the old cluster are in the new one.

    ``old`` is None for a ``new`` cluster, ``new`` is None for one that is ``gone``; then all of
    its records count. Where some records come and others go at once, as when an agency encodes
    anew, the kind is that of the cluster's size. A cluster that falls apart is ``split`` even
    where a part is merged with others.
    """

    old: str | None
    new: str | None
    records: int
    kind: str


@dataclass(frozen=True)
class Lineage:
    """``ids`` of the new clusters, by number, and the ``descents`` by old and new id."""

    ids: list[str]
    descents: list[Descent]


def trace(old: Membership, old_ids: list[str], new: Membership) -> Lineage:
    """Return the new clusters' ids and how they descend from the old ones.

    ``old_ids`` are the ids of the old clusters by number. The order of records and the numbers of
    clusters change nothing.
    """
    common = _in_common(old, new)
    inherited = _inherited(common)
    ids = _all_ids(new, {n: old_ids[o] for o, n in inherited}, set(old_ids))
    return Lineage(ids, _descents(common, old.sizes(), new.sizes(), old_ids, ids))


def fresh_id(token: bytes, taken: Collection[str]) -> str:
    """Return an id for a cluster whose first record has this token: 16 hex digits of a hash.

    None of the ids ``taken``, since a part of a split cluster may begin with the same token.
    """
    seed = b"cluster" + token
    while (own := hashlib.sha256(seed).hexdigest()[:16]) in taken:
        seed += b"+"
    return own


@dataclass(frozen=True)
class _InCommon:
    """Pairs of an old and a new cluster with ``records`` in common, the most first."""

    old: NDArray[np.int64]
    new: NDArray[np.int64]
    records: NDArray[np.int64]


def _in_common(old: Membership, new: Membership) -> _InCommon:
    old_keys, new_keys = _keys(old, new)
    _, here, there = np.intersect1d(old_keys, new_keys, assume_unique=True, return_indices=True)
    # The keys that both have come in rising order, so that a pair's first is its smallest.
    both = np.stack([old.cluster[here], new.cluster[there]], axis=1)
    pairs, first, records = np.unique(both, axis=0, return_index=True, return_counts=True)
    order = np.lexsort((first, -records))
    return _InCommon(pairs[order, 0], pairs[order, 1], records[order])


def _keys(*sides: Membership) -> list[NDArray[np.bytes_]]:
    """Return each record's token and agency as bytes that compare in that order."""
    names = np.unique(np.concatenate([side.agency for side in sides]))
    keys = []
    for side in sides:
        # A last byte that is never 0: numpy takes zeros at the end for padding.
        agency = np.searchsorted(names, side.agency).astype(">u4").view(np.uint8).reshape(-1, 4)
        closing = np.ones((len(agency), 1), np.uint8)
        whole = np.concatenate([side.token, agency, closing], axis=1)
        keys.append(np.ascontiguousarray(whole).view(f"S{whole.shape[1]}").ravel())
    return keys


def _inherited(common: _InCommon) -> list[tuple[int, int]]:
    """Return the pairs of clusters of which each is the other's first choice."""
    _, first_of_old = np.unique(common.old, return_index=True)
    _, first_of_new = np.unique(common.new, return_index=True)
    mutual = np.intersect1d(first_of_old, first_of_new)
    return list(zip(common.old[mutual].tolist(), common.new[mutual].tolist(), strict=True))


def _all_ids(new: Membership, inherited: dict[int, str], used: set[str]) -> list[str]:
    """Return an id for every cluster: inherited, or a hash of its first record's token.

    Records are taken by agency and token.
    """
    order = np.lexsort((np.ascontiguousarray(new.token).view("S16").ravel(), new.agency))
    _, first = np.unique(new.cluster[order], return_index=True)
    taken, ids = set(used), []
    for number, row in enumerate(order[first].tolist()):
        if number in inherited:
            ids.append(inherited[number])
            continue
        ids.append(fresh_id(new.token[row].tobytes(), taken))
        taken.add(ids[-1])
    return ids


def _descents(
    common: _InCommon,
    old_sizes: NDArray[np.int64],
    new_sizes: NDArray[np.int64],
    old_ids: list[str],
    new_ids: list[str],
) -> list[Descent]:
    parts = np.bincount(common.old, minlength=len(old_sizes))
    sources = np.bincount(common.new, minlength=len(new_sizes))
    rows = [
        Descent(
            old_ids[o], new_ids[n], records,
            SPLIT if parts[o] > 1 else MERGED if sources[n] > 1
            else _kind_by_size(int(old_sizes[o]), int(new_sizes[n])),
        )
        for o, n, records in zip(
            common.old.tolist(), common.new.tolist(), common.records.tolist(), strict=True
        )
    ]  # fmt: skip
    rows += [
        Descent(old_ids[o], None, int(old_sizes[o]), GONE)
        for o in np.flatnonzero(parts == 0).tolist()
    ]
    rows += [
        Descent(None, new_ids[n], int(new_sizes[n]), NEW)
        for n in np.flatnonzero(sources == 0).tolist()
    ]
    return sorted(rows, key=lambda row: (row.old or "", row.new or ""))


def _kind_by_size(before: int, after: int) -> str:
    if before == after:
        return UNCHANGED
    return GROWN if after > before else SHRUNK
