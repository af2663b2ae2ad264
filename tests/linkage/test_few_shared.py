"""Agencies that share few people with the others, or none, are not linked to them all the same."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from linkage import linking
from linkage.encodings import Encodings
from linkage.fellegi_sunter import LinkageModel
from linkage.linking import LinkingRules, link
from linkage.patterns import NULL
from linkage.sources import gather
from tests.synthetic import COMPARISONS, make_world

RULES = LinkingRules(COMPARISONS, 0.5, 0.1, 40, 1)
STRANGER = 10**6


def with_strangers(seed: int, *, clean: bool, strangers: int, shared: float):
    """Two agencies that share half their people, and one that knows few of them, or none.

    Returns the sources and the person of every record.
    """
    world = make_world(seed, people=500, agencies=3, share=0.7)
    apart = make_world(seed + 1, people=strangers, agencies=1, share=1.0)
    (other,), last = apart.files, world.files[2]
    known = slice(int(len(last) * shared))
    mixed = Encodings(
        replace(other.header, agency="z"),
        np.concatenate([other.tokens, last.tokens[known]]),
        np.concatenate([other.bits, last.bits[known]]),
        np.concatenate([other.present, last.present[known]]),
    )
    files = [*world.files[:2], mixed]
    sources = gather(files, {f.header.agency: clean or f is not mixed for f in files})
    person = world.person | {token: STRANGER + p for token, p in apart.person.items()}
    return sources, np.array([person[token.tobytes()] for token in sources.tokens])


@settings(max_examples=3)
@given(
    seed=st.integers(0, 1_000),
    clean=st.booleans(),
    strangers=st.integers(100, 700),
    shared=st.sampled_from([0.0, 0.05]),
)
@example(seed=1, clean=True, strangers=600, shared=0.0)
@example(seed=1, clean=False, strangers=600, shared=0.0)
@example(seed=1, clean=True, strangers=600, shared=0.05)
@example(seed=1, clean=False, strangers=600, shared=0.05)
def test_strangers_are_not_linked(seed, clean, strangers, shared):
    sources, person = with_strangers(seed, clean=clean, strangers=strangers, shared=shared)
    linkage = link(sources, RULES, map)
    links, z = linkage.links.at_least(0.5), sources.names.index("z")
    right = person[links.left] == person[links.right]
    theirs = (sources.source[links.left] == z) | (sources.source[links.right] == z)
    assert (theirs & ~right).sum() <= 3
    assert right[~theirs].mean() > 0.97
    matches = sum(
        len(np.intersect1d(person[sources.records(a)], person[sources.records(z)]))
        for a in range(len(sources.names))
        if a != z
    )
    assert right[theirs].sum() >= 0.9 * matches
    assert linkage.estimate.precision == pytest.approx(right.mean(), abs=0.02)


def test_a_pair_of_which_nothing_is_known_is_no_link():
    world = make_world(2, people=60, agencies=2, share=0.9, missing=0.5)
    linkage = link(world.sources(), RULES, map)
    assert len(linkage.links)
    assert (linkage.links.levels != NULL).any(axis=1).all()
    assert (linkage.histogram.patterns != NULL).any(axis=1).all()


# What EM made of two files of strangers: single chance agreements, each in one group of six.
BY_CHANCE = [0.66, 0.93, 0.91, 0.64, 0.61, 0.94]
OF_PEOPLE = [0.3, 0.1, 0.2, 0.6, 0.5, 0.4]


def model_with(disagreeing: list[float], share: float, levels: int = 5) -> LinkageModel:
    """A model whose matches disagree in each group with a probability, or else agree at all."""
    m = tuple(np.array([own, *[(1 - own) / (levels - 1)] * (levels - 1)]) for own in disagreeing)
    u = tuple(np.array([0.98, *[0.02 / (levels - 1)] * (levels - 1)]) for _ in disagreeing)
    return LinkageModel(COMPARISONS, m, u, share, 1)


def strangers():
    """Two agencies that share nobody."""
    (one,), (other,) = (make_world(s, people=200, agencies=1, share=1.0).files for s in (5, 6))
    files = [one, replace(other, header=replace(other.header, agency="z"))]
    return gather(files, {file.header.agency: True for file in files})


@pytest.mark.parametrize(("disagreeing", "tells"), [(BY_CHANCE, False), (OF_PEOPLE, True)])
def test_a_class_that_agrees_in_one_group_is_no_class_of_matches(disagreeing, tells):
    assert model_with(disagreeing, 1e-4).tells_matches == tells


def test_what_is_no_class_of_matches_links_nobody(monkeypatch):
    sources, (levels,) = strangers(), {one.level_count for one in COMPARISONS}
    chance = model_with([0.75] * len(COMPARISONS), 0.05, levels)
    sure = model_with([0.05] * len(COMPARISONS), 0.05, levels)
    for model, nobody in ((chance, True), (sure, False)):
        monkeypatch.setattr(linking, "estimate", lambda *_, own=model: own)
        linkage = link(sources, RULES, map)
        assert (len(linkage.links) == 0) == nobody
        # Lookups read the model, which must say as much.
        assert (linkage.model.match_share < 1e-9) == nobody
