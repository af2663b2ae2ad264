"""Linking finds the people, believes the right amount of it, and doesn't care about order."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from linkage.assignment import assign_one_to_one, best_first
from linkage.clustering import cluster
from linkage.encodings import Encodings, GroupLayout
from linkage.errors import InputError
from linkage.evaluation import Quality, best_quality, expected_quality
from linkage.linking import LinkingRules, link
from linkage.patterns import GroupComparison, correlation_levels, count_patterns
from linkage.sources import gather
from tests.synthetic import COMPARISONS, make_world

RULES = LinkingRules(COMPARISONS, 0.5, 0.1, 40, 1)


def quality_of(world, linkage):
    sources = world.sources()
    person = world.people_of(sources)
    matches = sum(
        len(np.intersect1d(person[sources.records(a)], person[sources.records(b)]))
        for a, b in sources.pairs()
    )
    links = linkage.links.at_least(0.5)
    correct = int((person[links.left] == person[links.right]).sum())
    return Quality(len(links), correct, matches)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_linking_finds_the_people_without_truth(seed):
    world = make_world(seed)
    linkage = link(world.sources(), RULES, map)
    truth = quality_of(world, linkage)
    assert truth.precision > 0.97
    assert truth.recall > 0.9
    assert linkage.calibrated
    assert linkage.estimate.precision == pytest.approx(truth.precision, abs=0.03)
    assert linkage.estimate.recall == pytest.approx(truth.recall, abs=0.1)


def test_groups_of_unequal_length():
    layout = tuple(GroupLayout(f"g{n}", n) for n in (64, 192, 512))
    world = make_world(3, layout=layout, people=400, noise=0.05)
    comparisons = tuple(
        GroupComparison(group.name, group.length, "correlation", correlation_levels(group.length))
        for group in layout
    )
    linkage = link(world.sources(), replace(RULES, comparisons=comparisons), map)
    truth = quality_of(world, linkage)
    assert truth.f1 > 0.95


def test_people_nobody_shares_are_not_linked():
    world = make_world(1, people=800, agencies=2, share=0.5)
    person_of = world.person
    known = {person_of[t.tobytes()] for t in world.files[0].tokens}
    alone = np.array([person_of[t.tobytes()] not in known for t in world.files[1].tokens])
    files = [world.files[0], take(world.files[1], np.flatnonzero(alone))]
    sources = gather(files, {f.header.agency: True for f in files})
    linkage = link(sources, RULES, map)
    assert len(linkage.links.at_least(0.5)) <= 2


def take(encodings: Encodings, rows) -> Encodings:
    return Encodings(
        encodings.header, encodings.tokens[rows], encodings.bits[rows], encodings.present[rows]
    )


def outcome(files):
    """Links and clusters in terms of tokens, so that runs can be compared."""
    sources = gather(files, {file.header.agency: True for file in files})
    linkage = link(sources, RULES, map)
    token = [t.tobytes() for t in sources.tokens]
    links = [
        (token[a], token[b], weight, probability, tuple(levels))
        for a, b, weight, probability, levels in zip(
            linkage.links.left.tolist(), linkage.links.right.tolist(),
            linkage.links.weight.tolist(), linkage.links.probability.tolist(),
            linkage.links.levels.tolist(), strict=True,
        )
    ]  # fmt: skip
    clusters = dict(zip(token, linkage.clusters.cluster_of.tolist(), strict=True))
    return links, clusters


def test_neither_file_order_nor_row_order_matters():
    files = make_world(5).files
    rng = np.random.default_rng(0)
    shuffled = [take(file, rng.permutation(len(file))) for file in reversed(files)]
    assert outcome(files) == outcome(shuffled)


def test_the_order_in_which_tiles_finish_does_not_matter():
    def backwards(function, items):
        return iter([function(item) for item in reversed(list(items))][::-1])

    sources = make_world(5).sources()
    one, two = link(sources, RULES, map), link(sources, RULES, backwards)
    np.testing.assert_array_equal(one.links.left, two.links.left)
    np.testing.assert_array_equal(one.links.probability, two.links.probability)


def test_a_cluster_has_at_most_one_record_of_a_clean_agency():
    sources = make_world(6, agencies=5, noise=0.4).sources()
    linkage = link(sources, RULES, map)
    pairs = np.stack([linkage.clusters.cluster_of, sources.source], axis=1)
    assert len(np.unique(pairs, axis=0)) == len(pairs)


@settings(max_examples=40)
@given(seed=st.integers(0, 2**32), links=st.integers(0, 60), clean=st.booleans())
def test_assignment_and_clusters_keep_their_promises(seed, links, clean):
    rng = np.random.default_rng(seed)
    world = make_world(1, people=12, agencies=3, share=0.9)
    sources = gather(world.files, {f.header.agency: clean for f in world.files})
    ends = rng.integers(0, len(sources), (links, 2))
    ends = np.unique(np.sort(ends, axis=1), axis=0).reshape(-1, 2).astype(np.int32)
    if clean:
        ends = ends[sources.source[ends[:, 0]] != sources.source[ends[:, 1]]]
    ends = ends[ends[:, 0] != ends[:, 1]]
    left, right = ends[:, 0], ends[:, 1]
    score = rng.random(len(left))
    order = best_first(score, np.zeros(len(left)))
    kept = assign_one_to_one(sources, left, right, order)
    if clean:
        for a, b in ((left, right), (right, left)):
            partners = list(zip(a[kept], sources.source[b[kept]], strict=True))
            assert len(set(partners)) == len(partners)
    else:
        assert kept.all()
    clusters = cluster(sources, left[order], right[order], score[order])
    together = set(zip(clusters.left.tolist(), clusters.right.tolist(), strict=True))
    same = clusters.cluster_of[:, None] == clusters.cluster_of[None, :]
    assert together == {
        (int(a), int(b)) for a, b in zip(*np.nonzero(np.triu(same, 1)), strict=True)
    }
    assert ((clusters.together > 0) & (clusters.together <= 1)).all()
    if not clean:
        assert same[left, right].all()


@pytest.mark.parametrize("sizes", [(0, 0), (1, 0), (1, 1), (2, 3), (40, 1)])
def test_tiny_and_empty_files(sizes):
    world = make_world(3, agencies=2, people=60, share=1.0)
    files = [take(file, np.arange(n)) for file, n in zip(world.files, sizes, strict=True)]
    sources = gather(files, {file.header.agency: True for file in files})
    linkage = link(sources, RULES, map)
    assert len(linkage.clusters.cluster_of) == sum(sizes)
    assert not linkage.calibrated


def test_records_without_any_group_link_to_nobody():
    world = make_world(3, agencies=2)
    files = [
        Encodings(f.header, f.tokens, f.bits * np.uint64(0), np.zeros_like(f.present))
        for f in world.files
    ]
    sources = gather(files, {f.header.agency: True for f in files})
    assert len(link(sources, RULES, map).links.at_least(0.5)) == 0


def test_fewer_than_two_agencies_are_refused():
    files = make_world(1).files
    with pytest.raises(InputError, match="at least two"):
        gather(files[:1], {"agency0": True})
    with pytest.raises(InputError, match="both from the agency 'agency0'"):
        gather([files[0], files[0]], {"agency0": True})


def test_quality_counts():
    quality = Quality(links=10, correct=8, matches=16)
    assert (quality.precision, quality.recall) == (0.8, 0.5)
    assert quality.f1 == pytest.approx(2 * 0.8 * 0.5 / 1.3)
    assert Quality(0, 0, 0).f1 == 0


def test_expected_quality():
    quality = expected_quality(np.array([0.9, 0.7, 0.4]), 0.5)
    assert quality.precision == pytest.approx(0.8)
    assert quality.recall == pytest.approx(1.6 / 2.0)


@given(st.lists(st.tuples(st.integers(0, 5), st.booleans()), max_size=30), st.integers(0, 5))
def test_best_quality_is_the_best_of_all_thresholds(pairs, missed):
    score = np.array([s for s, _ in pairs], float)
    match = np.array([m for _, m in pairs], bool)
    matches = int(match.sum()) + missed
    best, threshold = best_quality(score, match, matches)
    every = [
        Quality(int((score >= t).sum()), int(match[score >= t].sum()), matches).f1
        for t in set(score.tolist())
    ]
    assert best.f1 == max(every, default=0)
    if best.f1:
        assert (
            Quality(int((score >= threshold).sum()), int(match[score >= threshold].sum()), matches)
            == best
        )


@given(
    st.lists(st.tuples(*[st.integers(-1, 5)] * 3), min_size=1, max_size=30),
    st.lists(st.tuples(*[st.integers(-1, 5)] * 3), max_size=10),
)
def test_patterns_are_found_again(rows, others):
    levels = np.array(rows, np.int8)
    histogram = count_patterns(levels, np.zeros((3, 6), np.int64), 1000)
    assert (histogram.find(levels) == histogram.pattern_of).all()
    expected = [
        next((k for k, p in enumerate(histogram.patterns.tolist()) if p == list(row)), -1)
        for row in others
    ]
    assert histogram.find(np.array(others, np.int8).reshape(-1, 3)).tolist() == expected


def test_every_pattern_has_the_weight_and_probability_of_its_pairs():
    """What other records say is added later, and only ever raises a probability."""
    linkage = link(make_world(5).sources(), RULES, map)
    links = linkage.links
    pattern = linkage.histogram.find(links.levels)
    assigned = (pattern >= 0) & (links.weight == np.append(linkage.pattern_weight, 0.0)[pattern])
    assert assigned.mean() > 0.9
    own = linkage.pattern_probability[pattern[assigned]]
    assert (own <= links.probability[assigned]).all()
    assert (own == links.probability[assigned]).mean() > 0.5
    order = np.argsort(linkage.pattern_weight)
    assert (np.diff(linkage.pattern_probability[order]) >= 0).all()
