"""Weak bridges: doubtful links on which alone two parts of a cluster hang together."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from linkage.linking import Linkage
from matcher.runs.weights import own_probability

WEAK = 0.9
"""Links less likely than this are doubtful enough to look at."""
_LEAST_RECORDS = 3  # two records hang together by one link and nothing else


@dataclass(frozen=True)
class Bridge:
    """A link without which its cluster falls in two.

    ``link`` its place among the links, counted from 0; ``probability`` on its own evidence;
    ``smaller`` and ``larger``: the records of the two parts.
    """

    link: int
    probability: float
    smaller: int
    larger: int


def weak_bridges(linkage: Linkage, link: float) -> list[Bridge]:
    """Return the weak bridges of all clusters of three records and more, the weakest first.

    ``link`` is the probability from which pairs are linked.
    """
    return weak_links(linkage, own_probability(linkage), link)


def weak_links(linkage: Linkage, own: NDArray[np.float64], link: float) -> list[Bridge]:
    """Return the weak bridges as `weak_bridges` does.

    ``own`` float64 (links,) are the links' probabilities on their own evidence.
    """
    links, cluster_of = linkage.links, linkage.clusters.cluster_of
    cluster = cluster_of[links.left]
    joined = (own >= link) & (cluster == cluster_of[links.right])
    large = linkage.clusters.sizes()[cluster] >= _LEAST_RECORDS
    suspects = np.unique(cluster[joined & large & (own < WEAK)])
    edges: dict[int, list[tuple[int, int, int]]] = defaultdict(list)
    for k in np.flatnonzero(joined & np.isin(cluster, suspects)).tolist():
        edges[int(cluster[k])].append((k, int(links.left[k]), int(links.right[k])))
    found = [
        Bridge(k, float(own[k]), *sorted(parts))
        for of_cluster in edges.values()
        for k, *parts in bridges(of_cluster)
        if own[k] < WEAK
    ]
    return sorted(found, key=lambda bridge: (bridge.probability, bridge.link))


def bridges(edges: Iterable[tuple[int, int, int]]) -> list[tuple[int, int, int]]:
    """Return the bridges of a connected graph: name, and the nodes on its two sides.

    Edges are (name, node, node), at most one between two nodes. An edge is a bridge if nothing
    below it in a depth-first search leads back above it (Tarjan 1974).
    """
    neighbours: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for name, a, b in edges:
        neighbours[a].append((name, b))
        neighbours[b].append((name, a))
    found: list[tuple[int, int]] = []
    size: dict[int, int] = {}
    _search(neighbours, found, size)
    return [(name, below, len(neighbours) - below) for name, below in found]


def _search(
    neighbours: dict[int, list[tuple[int, int]]],
    found: list[tuple[int, int]],
    size: dict[int, int],
) -> None:
    """Walk the graph without recursion, and note each bridge with the nodes below it."""
    start = next(iter(neighbours), None)
    if start is None:
        return
    reached = {start: 0}
    back = {start: 0}  # the earliest node that this one or any below it leads back to
    path = [(start, -1, iter(neighbours[start]))]
    while path:
        node, entry, ahead = path[-1]
        size.setdefault(node, 1)
        for name, other in ahead:
            if name == entry:
                continue
            if other in reached:
                back[node] = min(back[node], reached[other])
                continue
            reached[other] = back[other] = len(reached)
            path.append((other, name, iter(neighbours[other])))
            break
        else:
            path.pop()
            if path:
                above = path[-1][0]
                back[above] = min(back[above], back[node])
                size[above] += size[node]
                if back[node] > reached[above]:
                    found.append((entry, size[node]))
