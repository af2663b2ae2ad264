"""Clusters over many agencies: one per person, with at most one record per clean agency.

Links join records, the strongest first, as Kruskal's algorithm grows a spanning tree. So the link
that was last to join two parts of a cluster is the weakest bridge between them, and cutting a
cluster there is to take back its last join.

**A cluster's probability** is the least probability, over its pairs of records, that the two are
one person. A cluster says of every two of its records that they are one person, so it is no better
than the worst of these claims; with this definition the agreement's link probability holds for
clusters just as it does for links, and a cluster's pairs are all links. (In the terms of
hierarchical clustering it is the diameter, as in complete linkage; a mean would let many sure
pairs within two people hide the doubtful ones between them. That bridges are where clusters of
linked records go wrong: Randall et al. 2014, doi:10.1016/j.cmpb.2014.03.008.)

Every two records of a cluster are looked at, so a cluster has a largest size: beyond it is no
person, but a form that was sent in empty, or one value that a system fills in for all.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from linkage.lineage import fresh_id
from linkage.sources import Sources

MOST_TOGETHER = 200  # records of a cluster

# Probabilities that two records are one person, by the records, the lower number first.
_Together = dict[tuple[int, int], float]


@dataclass(frozen=True)
class Clusters:
    """Which records are one person.

    ``cluster_of`` int64 (n,) numbers the clusters in the order of their first record; a record
    without links is a cluster of its own. ``probability`` float64 (n,) is that of the link that
    brought the record in, by itself or with the smaller of two groups; 1 for a record alone. So the
    least of a cluster is that of its weakest bridge. ``left``, ``right`` int32 (k,) are all pairs
    of records within clusters, left < right, and ``together`` float64 (k,) the probability that
    they are one person: the product of the links on the way from one to the other, or that of
    the pair's own link where it is more.
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
    least: float = 0.0,
    is_hint: NDArray[np.bool_] | None = None,
) -> Clusters:
    """Join linked records, the strongest links first (the links must come in that order).

    A link that would bring two records of one clean agency together is passed over. So is one that
    would bring more than `MOST_TOGETHER` records together, and one of
    ``is_hint``, bool (links,), where both its records are in clusters already: people of one
    household are not joined by it alone. A cluster
    whose probability, as the head of this module defines it, is under ``least`` is cut at its
    weakest bridge, and so are its parts; 0 cuts nothing. Between links of equal probability the
    later one is the weaker.
    """
    growing = _Growing(sources)
    hints = [False] * len(left) if is_hint is None else is_hint.tolist()
    links = zip(left.tolist(), right.tolist(), probability.tolist(), hints, strict=True)
    for a, b, p, hint in links:
        growing.join(a, b, p, is_hint=hint)
    together = growing.together_or_linked()
    parts = [own for whole in growing.parts() for own in _cut(whole, together, least)]
    pairs = sorted(pair for part in parts for pair in combinations(sorted(part.members), 2))
    ends = np.array(pairs, np.int32).reshape(-1, 2)
    root, entry = np.arange(len(sources)), np.ones(len(sources))
    for part in parts:
        root[part.members] = min(part.members)
        _enter(part, entry)
    _, cluster_of = np.unique(root, return_inverse=True)
    values = np.array([together[pair] for pair in pairs], np.float64)
    return Clusters(cluster_of, entry, ends[:, 0], ends[:, 1], values)


def _cut(part: _Part, together: _Together, least: float) -> Iterator[_Part]:
    """Yield the parts with two records or more that are left when weak bridges are cut."""
    waiting = [part]
    while waiting:
        part = waiting.pop()
        if len(part.members) == 1:
            continue
        if _whole_probability(part.members, together) >= least:
            yield part
        else:
            waiting.extend(part.halves)


def _whole_probability(members: Collection[int], together: _Together) -> float:
    """Return the probability of a cluster with these members; see the head of this module."""
    return min(together[pair] for pair in combinations(sorted(members), 2))


@dataclass(frozen=True)
class _Part:
    """Records that were joined, and the two parts that the last, weakest link joined, with it."""

    members: list[int]
    halves: tuple[_Part, ...] = field(default=())
    bridge: float = 1.0


def _enter(part: _Part, entry: NDArray[np.float64]) -> None:
    """Note in ``entry`` the probability of the link that brought each record of a cluster in.

    Of two groups the smaller is brought in; of two as large, the one without the first record.
    """
    while part.halves:
        small, large = sorted(part.halves, key=lambda own: (len(own.members), -min(own.members)))
        entry[small.members] = part.bridge
        if len(large.members) == 1:
            entry[large.members] = part.bridge
        part = large


class _Growing:
    """Clusters while they are joined: every record knows its cluster's first member."""

    def __init__(self, sources: Sources) -> None:
        self._source: list[int] = sources.source.tolist()
        self._clean: list[bool] = sources.clean.tolist()
        self._parts: dict[int, _Part] = {}
        self._root = list(range(len(sources)))
        self._together: _Together = {}
        self._linked: _Together = {}

    def join(self, a: int, b: int, p: float, *, is_hint: bool) -> None:
        """Bring the clusters of records a and b together, if they may be."""
        self._linked[min(a, b), max(a, b)] = p
        part_a, part_b = self._part_of(a), self._part_of(b)
        if self._root[a] == self._root[b]:
            return
        if len(part_a.members) + len(part_b.members) > MOST_TOGETHER:
            return
        if self._repeats_a_clean_agency(part_a, part_b):
            return
        if is_hint and len(part_a.members) > 1 and len(part_b.members) > 1:
            return
        for x in part_a.members:
            for y in part_b.members:
                pair = (min(x, y), max(x, y))
                self._together[pair] = self._reach(x, a) * p * self._reach(b, y)
        root_a = self._root[a]
        self._parts.pop(self._root[b], None)
        for y in part_b.members:
            self._root[y] = root_a
        self._parts[root_a] = _Part(part_a.members + part_b.members, (part_a, part_b), p)

    def parts(self) -> Collection[_Part]:
        """Return the clusters of two records or more."""
        return self._parts.values()

    def together_or_linked(self) -> _Together:
        """Return, of all pairs within clusters, the probability by the way round or their own."""
        return {pair: max(p, self._linked.get(pair, 0.0)) for pair, p in self._together.items()}

    def _part_of(self, record: int) -> _Part:
        root = self._root[record]
        return self._parts.get(root) or _Part([root])

    def _reach(self, x: int, y: int) -> float:
        return 1.0 if x == y else self._together[min(x, y), max(x, y)]

    def _repeats_a_clean_agency(self, part_a: _Part, part_b: _Part) -> bool:
        agencies = {self._source[x] for x in part_a.members}
        return any(
            self._clean[self._source[y]] and self._source[y] in agencies for y in part_b.members
        )


def cluster_ids(sources: Sources, clusters: Clusters) -> list[str]:
    """Return a first id for each cluster, 16 hex digits of the hash of its first record's token.

    Records are in the order of agencies and tokens, so that the id doesn't depend on files.
    """
    _, first = np.unique(clusters.cluster_of, return_index=True)
    tokens = sources.tokens[first]
    return [fresh_id(token.tobytes(), ()) for token in tokens]
