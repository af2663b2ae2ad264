"""An agency that isn't clean may hold a person twice: its records are compared with each other."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from linkage import searching
from linkage.candidates import count_levels, levels_of_rows
from linkage.encodings import Encodings
from linkage.errors import InputError
from linkage.linking import LinkingRules, link
from linkage.scanning import bring_together, scan_pairs
from linkage.sources import Sources, gather
from tests.linkage.test_alternates import with_decoy_alternates
from tests.synthetic import COMPARISONS, World, make_world

RULES = LinkingRules(COMPARISONS, 0.5, 0.1, 40, 1)
SCANNED = tuple(comparison.for_scan() for comparison in COMPARISONS)


def alone(file: Encodings) -> Sources:
    return gather([file], {file.header.agency: False})


def scan_of(sources: Sources, candidates: int = 10):
    (scan,) = scan_pairs(sources, sources.pairs(), COMPARISONS, candidates, 1, map).values()
    return scan


def truth_of(world: World, sources: Sources, a: int, b: int) -> int:
    people = world.people_of(sources)
    counts = [np.bincount(people[sources.records(s)], minlength=9999) for s in (a, b)]
    return int((counts[0] * (counts[1] - 1) // 2 if a == b else counts[0] * counts[1]).sum())


@settings(max_examples=20)
@given(seed=st.integers(0, 2**32), people=st.integers(1, 150), alternates=st.booleans())
def test_every_pair_within_an_agency_is_met_once(seed, people, alternates):
    file = make_world(seed, people=people, agencies=1, share=1.0, copies=0.3).files[0]
    sources = alone(with_decoy_alternates(file, seed) if alternates else file)
    scan = scan_of(sources, 10_000)  # all of them
    n = len(sources)
    assert scan.total_pairs == len(scan) == n * (n - 1) // 2
    assert (scan.left < scan.right).all()
    assert len(np.unique(scan.left * np.int64(n) + scan.right)) == len(scan)
    rows = np.triu_indices(len(sources.record), 1)
    apart = sources.record[rows[0]] != sources.record[rows[1]]
    levels = levels_of_rows(sources, SCANNED, rows[0][apart], rows[1][apart])
    lower = [len(c.levels) - len(s.levels) for c, s in zip(COMPARISONS, SCANNED, strict=True)]
    for g, own in enumerate(count_levels(levels, SCANNED)):
        assert scan.marginals[g, : lower[g] + 1].sum() == own[0]
        np.testing.assert_array_equal(scan.marginals[g, lower[g] + 1 :], own[1:])


def test_tiles_meet_all_pairs_of_a_large_agency():
    file = make_world(2, people=1_300, agencies=1, share=1.0, copies=0.2).files[0]
    sources = alone(file)
    scan = scan_of(sources)
    left, right = np.triu_indices(len(sources), 1)
    marginals = count_levels(levels_of_rows(sources, SCANNED, left, right), SCANNED)
    np.testing.assert_array_equal(scan.marginals[:, 3:], marginals[:, 1:])
    assert scan.marginals.sum() == marginals.sum()


@pytest.mark.parametrize("unclean", [("agency0",), ("agency0", "agency1", "agency2")])
def test_copies_are_found_without_truth(unclean):
    world = make_world(3, people=900, copies=0.2)
    # What is said to be clean must be.
    files = [f if f.header.agency in unclean else once(world, f) for f in world.files]
    world = replace(world, files=files)
    sources = world.sources(*unclean)
    linkage = link(sources, RULES, map)
    links, people = linkage.links.at_least(0.5), world.people_of(sources)
    right = people[links.left] == people[links.right]
    for a, b in sources.pairs():
        own = (sources.source[links.left] == a) & (sources.source[links.right] == b)
        precision, recall = right[own].mean(), right[own].sum() / truth_of(world, sources, a, b)
        assert precision > 0.93, (a, b)
        assert recall > 0.85, (a, b)
        estimate = linkage.estimates[sources.names[a], sources.names[b]]
        assert estimate.precision == pytest.approx(precision, abs=0.05)
    assert (sources.source[links.left] == sources.source[links.right]).any()


def once(world: World, file: Encodings) -> Encodings:
    people = np.array([world.person[token.tobytes()] for token in file.tokens])
    _, first = np.unique(people, return_index=True)
    return Encodings(file.header, file.tokens[first], file.bits[first], file.present[first])


def test_a_clean_agency_is_not_compared_with_itself():
    world = make_world(4, people=300)
    sources = world.sources("agency1")
    assert sources.pairs() == [(0, 1), (0, 2), (1, 1), (1, 2)]
    clusters = link(sources, RULES, map).clusters
    for clean in (0, 2):
        own = clusters.cluster_of[sources.records(clean)]
        assert len(np.unique(own)) == len(own)


def test_a_single_agency_needs_something_to_compare():
    file = make_world(4).files[0]
    assert len(alone(file)) == len(file)
    with pytest.raises(InputError, match="isn't clean"):
        gather([file], {file.header.agency: True})


def test_rare_copies_are_believed_less_than_common_ones():
    """Between agencies that share half their people a pair means more than within one."""
    world = make_world(7, people=900, copies=0.01, noise=0.3)
    sources = world.sources("agency0", "agency1", "agency2")
    linkage = link(sources, RULES, map)
    links, open_links = linkage.links, linkage.open_links
    assert open_links is not None
    within = sources.source[links.left] == sources.source[links.right]
    assert open_links.rarer[within].max(initial=-9) < 0 < open_links.rarer[~within].max()


def test_order_of_rows_and_files_changes_nothing_within_agencies():
    world = make_world(5, people=300, copies=0.2)
    rng = np.random.default_rng(0)
    shuffled = [
        Encodings(f.header, f.tokens[order], f.bits[order], f.present[order])
        for f in reversed(world.files)
        for order in [rng.permutation(len(f))]
    ]
    one, two = (
        link(replace(world, files=files).sources("agency0", "agency2"), RULES, map)
        for files in (world.files, shuffled)
    )
    for name, values in vars(one.links).items():
        np.testing.assert_array_equal(values, getattr(two.links, name))
    np.testing.assert_array_equal(one.clusters.cluster_of, two.clusters.cluster_of)


def test_hashing_finds_copies_within_an_agency(monkeypatch):
    world = make_world(6, people=2_500, agencies=1, share=1.0, copies=0.3, noise=0.05)
    sources = alone(world.files[0])
    exhaustive = scan_of(sources)
    monkeypatch.setattr(searching, "MOST_WORK", 1_000)
    hashed = scan_of(sources)
    assert hashed.completeness is not None
    assert hashed.completeness.share > 0.95
    assert (hashed.left < hashed.right).all()
    people = world.people_of(sources)
    found = [int((people[s.left] == people[s.right]).sum()) for s in (exhaustive, hashed)]
    assert found[1] > 0.94 * found[0]
    assert bring_together(sources, COMPARISONS, {("agency0", "agency0"): hashed}).total_pairs == (
        sources.total_pairs()
    )
    np.testing.assert_allclose(hashed.marginals.sum(), exhaustive.marginals.sum(), rtol=0.01)
