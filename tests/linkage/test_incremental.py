"""Adding a file is linking all files; erasing a record leaves other people's clusters alone."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from linkage.clustering import cluster
from linkage.encodings import Encodings
from linkage.erasure import erase
from linkage.estimates import EstimateBasis
from linkage.linking import LinkingRules, complete_scans, link_scanned
from linkage.outcome import Evidence, Links, Thresholds
from linkage.sampling import choose_floor
from linkage.scanning import bring_together, scan_pairs
from linkage.sources import gather
from tests.synthetic import COMPARISONS, make_world

RULES = LinkingRules(COMPARISONS, 0.5, 0.1, 5, 1)


def sources_of(files: list[Encodings], unclean: frozenset[str] = frozenset()):
    return gather(files, {name: name not in unclean for name in names_of(files)})


def names_of(files: list[Encodings]) -> list[str]:
    return [file.header.agency for file in files]


def linked(sources, scans):
    return link_scanned(sources, RULES, bring_together(sources, COMPARISONS, scans))


def assert_same(one, two):
    (linkage, evidence), (other, others_evidence) = one, two
    for mine, theirs in (
        (linkage.links, other.links),
        (linkage.clusters, other.clusters),
        (evidence.assigned, others_evidence.assigned),
        (evidence.implied, others_evidence.implied),
    ):
        for name, values in vars(mine).items():
            np.testing.assert_array_equal(values, getattr(theirs, name))
    assert linkage.model.match_share == other.model.match_share
    assert linkage.estimate == other.estimate


@settings(max_examples=25)
@given(
    seed=st.integers(0, 2**32),
    people=st.integers(1, 60),
    agencies=st.integers(3, 5),
    added=st.integers(0, 4),
    unclean=st.sets(st.integers(0, 4)),
)
def test_adding_a_file_is_linking_all_at_once(seed, people, agencies, added, unclean):
    files = make_world(seed, people=people, agencies=agencies, copies=0.1 * bool(unclean)).files
    new = files[added % agencies]
    not_clean = frozenset(f"agency{k}" for k in unclean)
    earlier = sources_of([file for file in files if file is not new], not_clean)
    known = complete_scans(earlier, RULES, {}, map)
    asked = []

    def counting(function, items):
        items = list(items)
        asked.extend(items)
        return map(function, items)

    sources = sources_of(files, not_clean)
    scans = complete_scans(sources, RULES, known, counting)
    agency = sources.names.index(new.header.agency)
    within = len(not_clean & set(sources.names))
    assert len(scans) == agencies * (agencies - 1) // 2 + within
    assert len(asked) == sum(
        -(-sources.size(a) // 512) for a, b in sources.pairs() if agency in (a, b)
    )
    assert_same(linked(sources, scans), linked(sources, complete_scans(sources, RULES, {}, map)))


def test_a_scan_does_not_depend_on_other_agencies():
    """Large enough that pairs are sampled, and that random numbers could be shifted."""
    files = make_world(3, people=900, agencies=4).files
    whole, part = sources_of(files), sources_of([files[1], files[3]])
    pair = (files[1].header.agency, files[3].header.agency)
    one = complete_scans(whole, RULES, {}, map)[pair]
    two = complete_scans(part, RULES, {}, map)[pair]
    for name, values in vars(one).items():
        np.testing.assert_array_equal(values, getattr(two, name))


def test_about_the_wanted_number_of_candidates_is_kept():
    sources = sources_of(make_world(3, people=900, agencies=2).files)
    for wanted in (5, 20, 40):
        (scan,) = scan_pairs(sources, [(0, 1)], COMPARISONS, wanted, 1, map).values()
        assert len(scan) <= 2 * wanted * len(sources) / 2


def test_the_floor_lies_in_a_wide_gap():
    weights = np.array([[0.0, 1.0, 5.0]])
    sample = np.array([[0]] * 900 + [[1]] * 80 + [[2]] * 20, np.int8)
    assert choose_floor(sample, weights, 0.03) == 3.0  # the best 20, not 100
    assert choose_floor(sample, weights, 0.09) == 0.5
    assert choose_floor(sample, weights, 1.0) == -np.inf
    assert choose_floor(sample[:900], weights, 0.03) > 0.0  # all alike: none, rather than all


def mixed(seed: int):
    unclean = ("agency1", "agency3") if seed % 2 else ()
    world = make_world(seed, people=150, agencies=5, noise=0.3, copies=0.2 * bool(unclean))
    sources = world.sources(*unclean)
    scans = complete_scans(sources, RULES, {}, map)
    linkage, evidence = linked(sources, scans)
    return sources, linkage, evidence


@settings(max_examples=15)
@given(seed=st.integers(0, 2**32), erased=st.lists(st.integers(0, 10_000), max_size=12))
def test_only_clusters_that_held_an_erased_record_change(seed, erased):
    sources, linkage, evidence = mixed(seed % 5)
    going = np.zeros(len(sources), np.bool_)
    going[[k % len(sources) for k in erased]] = True
    before = linkage.clusters.cluster_of
    remaining, after = erase(
        sources, before, evidence, going, Thresholds(0.5, 0.1), EstimateBasis()
    )
    np.testing.assert_array_equal(remaining.tokens, sources.tokens[~going])
    touched = np.isin(before, before[going])[~going]
    old, new = before[~going], after.clusters.cluster_of
    same_before = old[:, None] == old[None, :]
    same_after = new[:, None] == new[None, :]
    np.testing.assert_array_equal(same_before[~touched], same_after[~touched])
    assert not (same_after & ~same_before).any()  # nobody is brought together
    np.testing.assert_array_equal(
        linkage.clusters.probability[~going][~touched], after.clusters.probability[~touched]
    )
    assert links_by_token(sources, linkage.links, untouched(sources, before, going)) == (
        links_by_token(remaining, after.links, untouched(remaining, old, touched))
    )


def untouched(sources, cluster_of, going):
    return ~np.isin(cluster_of, cluster_of[going])


def links_by_token(sources, links, chosen):
    """Links with an end in one of the chosen records."""
    rows = np.flatnonzero(chosen[links.left] & chosen[links.right])
    return {
        (sources.tokens[a].tobytes(), sources.tokens[b].tobytes(), w, p, tuple(levels))
        for a, b, w, p, levels in zip(
            links.left[rows], links.right[rows], links.weight[rows].tolist(),
            links.probability[rows].tolist(), links.levels[rows].tolist(), strict=True,
        )
    }  # fmt: skip


def test_what_only_an_erased_record_joined_falls_apart():
    sources = make_world(1, people=12, agencies=3, share=1.0).sources()
    a, b, c = (int(sources.starts[s]) for s in range(3))

    def links(pairs, probability):
        ends = np.array(pairs, np.int32).reshape(-1, 2)
        values = np.array(probability, float)
        return Links(ends[:, 0], ends[:, 1], values, values, np.zeros((len(ends), 4), np.int8))

    assigned, implied = links([(a, b), (b, c)], [0.9, 0.8]), links([(a, c)], [0.72])
    evidence = Evidence(assigned, np.zeros(2, np.bool_), implied)
    own = evidence.assigned
    before = cluster(sources, own.left, own.right, own.probability, 0.5)
    assert before.sizes().max() == 3
    going = np.zeros(len(sources), np.bool_)
    going[b] = True
    _, after = erase(
        sources, before.cluster_of, evidence, going, Thresholds(0.5, 0.1), EstimateBasis()
    )
    assert len(after.links) == 0
    assert (after.clusters.sizes() == 1).all()


def unclean(records: int):
    files = make_world(1, people=records, agencies=2, share=1.0).files
    return gather(files, {file.header.agency: False for file in files})


def groups(clusters):
    return sorted(
        tuple(np.flatnonzero(clusters.cluster_of == k).tolist())
        for k in np.flatnonzero(clusters.sizes() > 1)
    )


def clustered(links, least, records=8):
    links = sorted(links, key=lambda link: -link[2])
    left, right = (np.array([link[k] for link in links], np.int32) for k in (0, 1))
    return cluster(unclean(records), left, right, np.array([p for *_, p in links]), least)


CLIQUES = [(x, y, 0.96) for x, y in [(0, 1), (0, 2), (1, 2), (3, 4), (3, 5), (4, 5)]]


@pytest.mark.parametrize(
    ("bridge", "expected"),
    [(0.52, [(0, 1, 2), (3, 4, 5)]), (0.54, [(0, 1, 2), (3, 4, 5)]), (0.6, [(0, 1, 2, 3, 4, 5)])],
)
def test_two_strong_cliques_are_parted_at_a_weak_bridge(bridge, expected):
    clusters = clustered([*CLIQUES, (2, 3, bridge)], 0.5)
    assert groups(clusters) == expected
    assert (clusters.together >= 0.5).all()


def test_the_link_threshold_decides_what_is_weak():
    links = [*CLIQUES, (2, 3, 0.9)]
    assert groups(clustered(links, 0.5)) == [(0, 1, 2, 3, 4, 5)]
    assert groups(clustered(links, 0.85)) == [(0, 1, 2), (3, 4, 5)]


def test_a_chain_is_cut_until_its_parts_hold():
    chain = [(0, 1, 0.9), (1, 2, 0.7), (2, 3, 0.8), (3, 4, 0.65), (4, 5, 0.6)]
    assert groups(clustered(chain, 0.5)) == [(0, 1, 2, 3)]
    assert groups(clustered(chain, 0.55)) == [(0, 1), (2, 3)]
    assert groups(clustered(chain, 0.0)) == [(0, 1, 2, 3, 4, 5)]


def test_direct_links_hold_a_cluster_that_a_chain_would_not():
    chain = [(0, 1, 0.75), (1, 2, 0.74), (2, 3, 0.73)]
    assert groups(clustered(chain, 0.5)) == [(0, 1, 2)]
    others = [(0, 2, 0.7), (1, 3, 0.7), (0, 3, 0.7)]
    assert groups(clustered([*chain, *others], 0.5)) == [(0, 1, 2, 3)]


def test_a_record_that_is_cut_off_stands_alone():
    clusters = clustered([(0, 1, 0.99), (1, 2, 0.6)], 0.6)
    assert groups(clusters) == [(0, 1)]
    assert clusters.probability[:3].tolist() == [0.99, 0.99, 1.0]
