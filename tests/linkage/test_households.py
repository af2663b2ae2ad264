"""Twins share all but the given name: they are hints, and no such pair joins two clusters."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from linkage.clustering import cluster
from linkage.encodings import Encodings
from linkage.fellegi_sunter import LinkageModel
from linkage.households import Hints, household_hints, remaining_hints, with_parted
from linkage.linking import LinkingRules, link
from tests.synthetic import COMPARISONS, World, make_world, random_bits

GIVEN = (True, False, True, False)
TOP = len(COMPARISONS[0].levels)
CHANCE = TOP - len(COMPARISONS[0].for_scan().levels)


def model(share: float = 1e-4) -> LinkageModel:
    m = np.arange(1.0, TOP + 2)
    u = 10.0 ** -np.arange(TOP + 1)
    four = (COMPARISONS, (m / m.sum(),) * 4, (u / u.sum(),) * 4)
    return LinkageModel(*four, share, 1)


def hint(*levels: int, given=GIVEN, share: float = 1e-4) -> bool:
    return bool(household_hints(np.array([levels], np.int8), model(share), given)[0])


def test_what_is_a_hint():
    assert hint(0, TOP, 0, TOP)
    assert hint(CHANCE, TOP, 0, TOP)  # strangers' given names are as like
    assert hint(-1, TOP, 0, TOP)  # one group with the given name is enough
    assert not hint(-1, TOP, -1, TOP)  # nothing says that the given names differ
    assert not hint(CHANCE + 1, TOP, 0, TOP)  # the given names may be one, damaged
    assert not hint(0, 0, 0, 0)
    assert not hint(0, TOP, 0, 0, share=1e-9)  # a common surname and a birthday


@pytest.mark.parametrize("given", [(), (True,) * 4, (False,) * 4])
def test_without_telling_groups_there_are_no_hints(given):
    assert not hint(0, TOP, 0, TOP, given=given)
    rules = LinkingRules(COMPARISONS, 0.5, 0.1, 40, 1, holds_given_name=given)
    assert link(make_world(1, people=80).sources(), rules, map).hints is None


def twins(seed: int) -> tuple[World, set[frozenset[bytes]]]:
    """A world in which some people of agency 0 have a twin in agency 1, and the twins' tokens."""
    world = make_world(seed, people=700, agencies=2, missing=0.0, noise=0.05)
    first, second = world.files
    known = {world.person[t.tobytes()] for t in second.tokens}
    alone = [k for k, t in enumerate(first.tokens) if world.person[t.tobytes()] not in known][:40]
    rng = np.random.default_rng(seed)
    bits = first.bits[alone].copy()
    for g in np.flatnonzero(GIVEN):
        bits[:, g] = random_bits(rng, len(alone), bits.shape[2])
    tokens = rng.integers(0, 256, (len(alone), 16), dtype=np.uint8)
    person = {t.tobytes(): 10_000 + k for k, t in enumerate(tokens)}
    grown = Encodings(
        second.header,
        np.concatenate([second.tokens, tokens]),
        np.concatenate([second.bits, bits]),
        np.ones((len(second) + len(alone), 4), np.bool_),
    )
    pairs = {
        frozenset((first.tokens[k].tobytes(), t.tobytes()))
        for k, t in zip(alone, tokens, strict=True)
    }
    return replace(world, files=[first, grown], person=world.person | person), pairs


@pytest.mark.parametrize("seed", [1, 2])
def test_twins_are_found_and_kept_apart(seed):
    world, expected = twins(seed)
    sources = world.sources()
    rules = LinkingRules(COMPARISONS, 0.5, 0.1, 40, 1, holds_given_name=GIVEN)
    linkage = link(sources, rules, map)
    hints = linkage.hints
    assert hints is not None
    found = {
        frozenset((sources.tokens[a].tobytes(), sources.tokens[b].tobytes()))
        for a, b in zip(hints.left, hints.right, strict=True)
    }
    cluster_of = linkage.clusters.cluster_of
    assert (cluster_of[hints.left] != cluster_of[hints.right]).all()
    together = {
        frozenset((sources.tokens[a].tobytes(), sources.tokens[b].tobytes()))
        for a, b in zip(linkage.clusters.left, linkage.clusters.right, strict=True)
    }
    assert len(expected & (found | together)) > 0.9 * len(expected)
    assert len(found - expected) < 0.2 * len(expected)


def test_a_hint_joins_no_two_clusters_but_a_single_record():
    sources = make_world(1, people=12, agencies=2, share=1.0).sources("agency0", "agency1")
    left, right = np.array([[0, 2, 1, 4], [1, 3, 2, 3]], np.int32)
    probability = np.array([0.99, 0.98, 0.9, 0.8])
    plain = cluster(sources, left, right, probability)
    assert len(set(plain.cluster_of[:5].tolist())) == 1
    guarded = cluster(sources, left, right, probability, 0.0, np.array([False, False, True, True]))
    first, second = guarded.cluster_of[[0, 2]]
    assert first != second
    assert guarded.cluster_of[:5].tolist() == [first, first, second, second, second]


@given(st.lists(st.booleans(), min_size=6, max_size=6))
def test_hints_of_erased_records_go(erased):
    gone = np.array(erased)
    ends = np.array([(a, b) for a in range(6) for b in range(a + 1, 6)], np.int32)
    hints = Hints(ends[:, 0], ends[:, 1], np.arange(len(ends), dtype=np.int8)[:, None])
    left = remaining_hints(hints, gone)
    assert left is not None
    number = np.flatnonzero(~gone)
    expected = [k for k, (a, b) in enumerate(ends) if not gone[a] and not gone[b]]
    assert left.levels[:, 0].tolist() == expected
    assert [(number[a], number[b]) for a, b in zip(left.left, left.right, strict=True)] == [
        tuple(ends[k]) for k in expected
    ]
    assert remaining_hints(None, gone) is None


def test_a_hint_within_a_cluster_shows_when_the_cluster_falls_apart():
    """Two of one household whom only a third record joined, which is erased."""
    twin, same = [0 if given else TOP for given in GIVEN], [TOP] * len(GIVEN)
    ends = np.array([[0, 1], [0, 3], [1, 3], [2, 3]], np.int32)
    levels = np.array([twin, same, same, twin], np.int8)
    pairs = Hints(ends[:, 0], ends[:, 1], levels)
    none = Hints(np.empty(0, np.int32), np.empty(0, np.int32), np.empty((0, 4), np.int8))
    before, after = np.array([0, 0, 1, 0]), np.array([0, 1, 2, -1])
    whole = with_parted(none, pairs, before, after, model(), GIVEN)
    assert whole is not None
    shown = remaining_hints(whole, np.array([False, False, False, True]))
    assert shown is not None
    assert (shown.left.tolist(), shown.right.tolist()) == ([0], [1])
    assert len(with_parted(none, pairs, before, before, model(), GIVEN) or ()) == 0
    assert with_parted(None, pairs, before, after, model(), GIVEN) is None
