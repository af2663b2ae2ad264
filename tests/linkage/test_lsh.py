"""Where every pair is too much, hashing finds nothing else, most of it, and says how much."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from linkage import lsh, scanning, searching
from linkage.linking import LinkingRules, link
from linkage.lsh import choose_tables
from linkage.scanning import scan_pairs
from tests.synthetic import COMPARISONS, make_world


def scan(sources, monkeypatch, most_work):
    monkeypatch.setattr(searching, "MOST_WORK", most_work)
    scans = scan_pairs(sources, [(0, 1)], COMPARISONS, 10, 1, map)
    return scans[sources.names[0], sources.names[1]]


def as_set(found):
    levels, distances = map(tuple, found.levels), map(tuple, found.distances)
    return set(zip(found.left, found.right, levels, distances, strict=True))


@pytest.fixture
def patched():
    with pytest.MonkeyPatch.context() as patch:
        yield patch


@settings(max_examples=15)
@given(seed=st.integers(0, 2**32), people=st.integers(30, 400), missing=st.sampled_from([0, 0.3]))
def test_hashing_finds_only_what_comparing_every_pair_finds(seed, people, missing):
    sources = make_world(seed, people=people, agencies=2, missing=missing).sources()
    with pytest.MonkeyPatch.context() as patch:
        hashed, exhaustive = (scan(sources, patch, most) for most in (-1, 10**18))
    assert as_set(hashed) <= as_set(exhaustive)
    assert hashed.completeness is not None
    assert exhaustive.completeness is None
    assert hashed.total_pairs == exhaustive.total_pairs
    order = hashed.left * np.int64(len(sources)) + hashed.right
    assert (np.diff(order) > 0).all()


def test_most_likely_pairs_are_found_and_the_share_is_measured(patched):
    world = make_world(3, people=4000, agencies=2)
    sources = world.sources()
    hashed, exhaustive = (scan(sources, patched, most) for most in (-1, 10**18))
    person = world.people_of(sources)
    found, all_found = (
        (person[scanned.left] == person[scanned.right + sources.starts[1]]).sum()
        for scanned in (hashed, exhaustive)
    )
    completeness = hashed.completeness
    assert completeness.likely > 500
    assert completeness.share > 0.9
    assert completeness.share == pytest.approx(found / all_found, abs=0.03)


def test_level_counts_are_estimated_from_the_sample(patched):
    patched.setattr(searching, "SAMPLED_ROWS", 500)
    sources = make_world(4, people=3000, agencies=2).sources()
    hashed, exhaustive = (scan(sources, patched, most) for most in (-1, 10**18))
    np.testing.assert_allclose(hashed.marginals[:, 0], exhaustive.marginals[:, 0], rtol=0.05)
    np.testing.assert_allclose(hashed.marginals[:, 1], exhaustive.marginals[:, 1], rtol=0.3)


def test_a_run_is_the_same_each_time_and_links_as_well(patched):
    world = make_world(5, people=1500, agencies=2)
    rules = LinkingRules(COMPARISONS, 0.5, 0.1, 40, 1)
    patched.setattr(searching, "MOST_WORK", -1)
    one, again = (link(world.sources(), rules, map) for _ in range(2))
    np.testing.assert_array_equal(one.links.left, again.links.left)
    np.testing.assert_array_equal(one.links.probability, again.links.probability)
    patched.setattr(searching, "MOST_WORK", 10**18)
    exhaustive = link(world.sources(), rules, map)
    assert len(one.links) == pytest.approx(len(exhaustive.links), rel=0.05)


def test_the_rule_is_pairs_times_words():
    sources = make_world(1, people=100, agencies=2).sources()
    work = sources.size(0) * sources.size(1) * 16  # four groups of 256 bits
    for most, too_much in ((work, False), (work - 1, True)):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(searching, "MOST_WORK", most)
            assert searching.is_too_much(sources, (0, 1)) is too_much


@pytest.mark.parametrize("columns", [1, 1000, 10**7])
def test_tables_find_a_pair_that_is_alike_enough_as_often_as_wanted(columns):
    tables = choose_tables(COMPARISONS[:1], columns, np.random.default_rng(1))
    missed = (1 - lsh.WANTED_SHARE_OF_EQUAL_BITS ** len(tables[0].places)) ** len(tables)
    assert missed <= 1 - lsh.WANTED_COMPLETENESS
    assert all(table.places.min() >= 0 and table.places.max() < 256 for table in tables)


def test_keys_shared_by_too_many_are_passed_over(patched):
    patched.setattr(lsh, "MOST_IN_BUCKET", 3)
    world = make_world(6, people=50, agencies=2, share=1.0, missing=0, noise=0)
    same = [replace(file, bits=np.ones_like(file.bits)) for file in world.files]
    found = scan(replace(world, files=same).sources(), patched, -1)
    assert len(found) == 0
    assert found.completeness.found == 0


def test_two_agencies_may_be_searched_and_two_others_compared(patched):
    sources = make_world(7, people=200, agencies=3).sources()
    sizes = sorted(sources.size(a) * sources.size(b) * 16 for a, b in sources.pairs())
    patched.setattr(searching, "MOST_WORK", sizes[1])
    scans = scan_pairs(sources, sources.pairs(), COMPARISONS, 10, 1, map)
    assert sum(scan.completeness is None for scan in scans.values()) == 2
    assert scanning.bring_together(sources, COMPARISONS, scans).total_pairs == sources.total_pairs()
