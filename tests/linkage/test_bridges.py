"""Links that join two groups of records count for those whom they bring in."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from linkage.clustering import Clusters, cluster
from linkage.sources import records_alone

_Link = tuple[int, int, float]


def clustered(records: int, links: list[_Link], least: float = 0.0) -> Clusters:
    tokens = np.repeat(np.arange(records, dtype=np.uint8), 16).reshape(-1, 16)
    sources = records_alone(("a",), np.zeros(1, np.bool_), np.zeros(records, np.int32), tokens)
    ordered = sorted(links, key=lambda own: -own[2])
    ends = np.array([own[:2] for own in ordered], np.int32).reshape(-1, 2)
    sure = np.array([own[2] for own in ordered])
    return cluster(sources, ends[:, 0], ends[:, 1], sure, least)


def test_a_weak_bridge_is_seen_in_the_smaller_group():
    pairs = [(0, 1, 0.99), (2, 3, 0.98)]
    assert clustered(4, [*pairs, (1, 2, 0.6)]).probability.tolist() == [0.99, 0.99, 0.6, 0.6]
    larger = [*pairs, (3, 4, 0.97), (1, 2, 0.6)]
    assert clustered(5, larger).probability.tolist() == [0.6, 0.6, 0.98, 0.98, 0.97]


def test_a_bridge_that_was_cut_is_not_held_against_either_side():
    links = [(0, 1, 0.99), (2, 3, 0.98), (1, 2, 0.6)]
    found = clustered(4, links, least=0.9)
    assert found.cluster_of.tolist() == [0, 0, 1, 1]
    assert found.probability.tolist() == [0.99, 0.99, 0.98, 0.98]


@settings(deadline=None)
@given(st.data())
def test_the_least_of_a_cluster_is_its_weakest_bridge(data: st.DataObject):
    """The most at which all its records still hang together by links that are as sure."""
    records = data.draw(st.integers(2, 8))
    pairs = [(a, b) for b in range(records) for a in range(b)]
    chosen = data.draw(st.lists(st.sampled_from(pairs), unique=True, min_size=1))
    sure = data.draw(st.permutations([0.5 + n / 100 for n in range(len(chosen))]))
    links = [(a, b, p) for (a, b), p in zip(chosen, sure, strict=True)]
    found = clustered(records, links)
    for own in range(found.cluster_of.max() + 1):
        members = set(np.flatnonzero(found.cluster_of == own).tolist())
        told = found.probability[sorted(members)].min()
        bridges = [p for p in sure if hang_together(members, links, p)]
        assert told == (max(bridges) if len(members) > 1 else 1)


def hang_together(members: set[int], links: list[_Link], least: float) -> bool:
    reached = {min(members)}
    for _ in members:
        reached |= {own for a, b, p in links if p >= least and {a, b} & reached for own in (a, b)}
    return members <= reached
