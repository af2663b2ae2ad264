"""Clusters over many agencies: one per person, with at most one record per clean agency."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from linkage.sources import Sources


@dataclass(frozen=True)
class Clusters:
    """Which records are one person.

    ``cluster_of`` int64 (n,) numbers the clusters in the order of their first record; a record
    without links is a cluster of its own. ``probability`` float64 (n,) is that of the link that
    brought the record in, 1 for a record alone. ``left``, ``right`` int32 (k,) are all pairs of
    records within clusters, left < right, and ``together`` float64 (k,) the probability that
    they are one person: the product of the links on the way from one to the other.
    """

    cluster_of: NDArray[np.int64]
    probability: NDArray[np.float64]
    left: NDArray[np.int32]
    right: NDArray[np.int32]
    together: NDArray[np.float64]

    def sizes(self) -> NDArray[np.int64]:
        """Return the number of records of each cluster."""
        return np.bincount(self.cluster_of)


def cluster(
    sources: Sources,
    left: NDArray[np.int32],
    right: NDArray[np.int32],
    probability: NDArray[np.float64],
) -> Clusters:
    """Join linked records, the strongest links first (the links must come in that order).

    A link that would bring two records of one clean agency together is passed over.
    """
    growing = _Growing(sources)
    for a, b, p in zip(left.tolist(), right.tolist(), probability.tolist(), strict=True):
        growing.join(a, b, p)
    pairs = sorted(growing.together)
    ends = np.array(pairs, np.int32).reshape(-1, 2)
    together = np.array([growing.together[pair] for pair in pairs], np.float64)
    cluster_of = _number(np.array(growing.root, np.int64))
    return Clusters(cluster_of, np.array(growing.entry), ends[:, 0], ends[:, 1], together)


class _Growing:
    """Clusters while they are joined: every record knows its cluster's first member."""

    def __init__(self, sources: Sources) -> None:
        self._source: list[int] = sources.source.tolist()
        self._clean: list[bool] = sources.clean.tolist()
        self._members: dict[int, list[int]] = {}
        self.root = list(range(len(sources)))
        self.entry = [1.0] * len(sources)
        self.together: dict[tuple[int, int], float] = {}

    def join(self, a: int, b: int, p: float) -> None:
        """Bring the clusters of records a and b together, if they may be."""
        root_a, root_b = self.root[a], self.root[b]
        members_a = self._members.get(root_a, [root_a])
        members_b = self._members.get(root_b, [root_b])
        if root_a == root_b or self._repeats_a_clean_agency(members_a, members_b):
            return
        for x in members_a:
            for y in members_b:
                pair = (min(x, y), max(x, y))
                self.together[pair] = self._reach(x, a) * p * self._reach(b, y)
        for members, record in ((members_a, a), (members_b, b)):
            if len(members) == 1:
                self.entry[record] = p
        for y in members_b:
            self.root[y] = root_a
        self._members[root_a] = members_a + members_b

    def _reach(self, x: int, y: int) -> float:
        return 1.0 if x == y else self.together[min(x, y), max(x, y)]

    def _repeats_a_clean_agency(self, members_a: list[int], members_b: list[int]) -> bool:
        agencies = {self._source[x] for x in members_a}
        return any(self._clean[self._source[y]] and self._source[y] in agencies for y in members_b)


def _number(roots: NDArray[np.int64]) -> NDArray[np.int64]:
    _, first, inverse = np.unique(roots, return_index=True, return_inverse=True)
    rank = np.empty(len(first), np.int64)
    rank[np.argsort(first)] = np.arange(len(first))
    return rank[inverse]


def cluster_ids(sources: Sources, clusters: Clusters) -> list[str]:
    """Return an id for each cluster, 16 hex digits of the hash of its first record's token.

    Records are in the order of agencies and tokens, so that the id doesn't depend on files.
    """
    _, first = np.unique(clusters.cluster_of, return_index=True)
    tokens = sources.tokens[first]
    return [hashlib.sha256(b"cluster" + token.tobytes()).hexdigest()[:16] for token in tokens]
