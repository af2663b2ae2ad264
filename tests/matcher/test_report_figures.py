"""The figures behind the report, against counts by hand and slower ways to the same answer."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations, pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from linkage.linking import Linkage, LinkingRules, link
from linkage.patterns import NULL
from linkage.sources import Sources, gather
from matcher.runs.report.bridges import bridges, own_probability, weak_bridges
from matcher.runs.report.cells import Cells
from matcher.runs.report.evidence import commonest_patterns, examples, steps
from matcher.runs.report.numbers import signed
from matcher.runs.report.people import unlinkable_records
from matcher.runs.report.tradeoff import choices
from tests.matcher.made_up import RULES, linked_in_step, make_linkage, make_sources
from tests.synthetic import COMPARISONS, make_world

REAL_RULES = LinkingRules(COMPARISONS, 0.5, 0.1, 40, 1)
CELLS = st.tuples(st.integers(1, 20), st.integers(1, 5)).map(lambda c: Cells(c[0] * c[1], c[0]))


@pytest.fixture(scope="module")
def real() -> tuple[Sources, Linkage]:
    sources = make_world(3).sources()
    return sources, link(sources, REAL_RULES, map)


@given(CELLS, st.integers(0, 10**6))
def test_a_count_is_withheld_or_rounded_to_the_nearest_multiple(cells, count):
    rounded = cells.rounded(count)
    if count < cells.least:
        assert rounded is None
        assert cells.shown(count) == f"<{cells.least}"
    else:
        assert rounded % cells.rounding == 0
        assert abs(rounded - count) <= cells.rounding / 2
        assert rounded >= cells.least
        assert cells.shown(count) == f"{rounded:,}"


@given(CELLS, st.lists(st.integers(0, 60), min_size=2, max_size=6))
def test_no_part_of_a_whole_is_withheld_alone(cells, counts):
    tallies = cells.parts_of_a_whole(map(str, counts), np.array(counts))
    withheld = [tally.count is None for tally in tallies]
    assert sum(withheld) != 1
    assert all(hidden for hidden, n in zip(withheld, counts, strict=True) if n < cells.least)
    assert sum(withheld) <= max(2, sum(n < cells.least for n in counts))


def parts_without(edges: list[tuple[int, int, int]], left_out: int) -> list[set[int]]:
    """The parts that a graph falls into without an edge, by merging sets."""
    parts = [{node} for node in {node for _, a, b in edges for node in (a, b)}]
    for name, a, b in edges:
        if name != left_out:
            joined = [part for part in parts if part & {a, b}]
            parts = [part for part in parts if not part & {a, b}] + [set.union(*joined)]
    return parts


@given(st.integers(2, 9).flatmap(
    lambda n: st.tuples(
        st.tuples(*(st.integers(0, k) for k in range(n - 1))),
        st.sets(st.sampled_from(list(combinations(range(n), 2))), max_size=6),
    )
))  # fmt: skip
def test_bridges_are_the_edges_without_which_the_graph_falls_in_two(drawn):
    tree, more = drawn
    ends = sorted({(parent, k + 1) for k, parent in enumerate(tree)} | more)
    edges = [(name, a, b) for name, (a, b) in enumerate(ends)]
    found = {name: sorted(sides) for name, *sides in bridges(edges)}
    assert len(found) == len(bridges(edges))
    for name, _, _ in edges:
        parts = parts_without(edges, name)
        assert found.get(name) == (sorted(map(len, parts)) if len(parts) == 2 else None)


def test_no_edges_have_no_bridges():
    assert bridges([]) == []


def test_a_long_chain_is_walked_without_recursion():
    found = bridges((k, k, k + 1) for k in range(5000))
    assert sorted(found) == [(k, 5000 - k, k + 1) for k in range(5000)]


def test_only_doubtful_links_that_alone_hold_a_cluster_of_three_are_weak_bridges():
    sources = make_sources({"a": 5, "b": 5, "c": 5})
    linkage = make_linkage(
        sources,
        [
            (0, 5, 9.0, 0.99), (5, 10, 1.0, 0.6),  # a chain with one weak end
            (1, 6, 8.0, 0.98), (6, 11, 1.2, 0.62), (1, 11, 1.3, 0.63),  # a triangle
            (2, 7, 1.1, 0.61),  # two records
            (3, 8, 7.0, 0.97), (8, 13, 6.0, 0.96),  # a chain of sure links
            (4, 9, 5.0, 0.95), (9, 14, -8.0, 0.7),  # the second is likely through others only
        ],
    )  # fmt: skip
    (bridge,) = weak_bridges(linkage, 0.5)
    links = linkage.links
    assert (links.left[bridge.link], links.right[bridge.link]) == (5, 10)
    assert (bridge.probability, bridge.smaller, bridge.larger) == (0.6, 1, 2)


def test_own_evidence_never_promises_more_than_a_link_has(real):
    _, linkage = real
    own = own_probability(linkage)
    assert (own <= linkage.links.probability + 1e-9).mean() > 0.99
    assert (own >= REAL_RULES.link).mean() > 0.9


def test_the_steps_of_every_pair_add_up_to_its_weight(real):
    _, linkage = real
    for k in range(0, len(linkage.links), 7):
        parts = steps(linkage, k)
        assert sum(part.weight for part in parts) == pytest.approx(linkage.links.weight[k], abs=0.1)
        named = {part.name: part for part in parts if part.level is not None}
        assert [named[c.name].level for c in COMPARISONS] == linkage.links.levels[k].tolist()
        assert all(part.weight == 0 for part in named.values() if part.level == NULL)
        assert [part.missing for part in named.values()] == [
            part.level == NULL for part in named.values()
        ]


def test_the_examples_lie_around_the_threshold():
    sources = make_sources({"a": 400, "b": 400})
    weights = np.linspace(-3, 12, 200).tolist()
    pairs = [(k, 400 + k, w, 1 / (1 + 2.0**-w)) for k, w in enumerate(weights) if w > 0]
    pairs += [(350 + k, 750 + k, 0.0, 0.49 - k / 100) for k in range(5)]
    pairs += [(300 + k, 700 + k, 20.0, 0.9999999) for k in range(20)]
    linkage = make_linkage(sources, pairs)
    chosen = examples(linkage, 0.5)
    assert len({example.row for example in chosen}) == len(chosen)
    by_title: dict[str, list[float]] = {}
    for example in chosen:
        assert example.probability == linkage.links.probability[example.row - 1]
        by_title.setdefault(example.title, []).append(example.probability)
    probability = linkage.links.probability
    assert by_title["Only just linked"] == sorted(probability[probability >= 0.5])[:2]
    assert by_title["Only just not linked"] == pytest.approx([0.49, 0.48])
    assert by_title["A typical link"] == [0.9999999]


def test_the_example_of_other_records_owes_its_weight_to_them():
    """Not the pair whose probability alone others have raised: its steps would not show how."""
    sources = make_sources({"a": 9, "b": 9})
    linkage = make_linkage(sources, [(0, 9, -5.0, 0.9), (1, 10, 3.0, 0.8), (2, 11, 8.0, 0.99)])
    raised = replace(linkage, pattern_probability=np.array([0.01, 0.2, 0.99]))
    chosen = [e for e in examples(raised, 0.5) if e.title == "Linked through other records"]
    assert [(example.weight, example.steps[-1].name) for example in chosen] == [
        (-5.0, "other records")
    ]


def test_the_commonest_patterns_leave_out_what_is_too_rare(real):
    _, linkage = real
    patterns, others = commonest_patterns(linkage, Cells(10, 5))
    assert 0 < len(patterns) <= 12
    counts = [pattern.pairs for pattern in patterns]
    assert counts == sorted(counts, reverse=True)
    assert counts[-1] >= 10
    assert sum(counts) + others == len(linkage.links)
    for pattern in patterns:
        same = (linkage.links.levels == pattern.levels).all(axis=1)
        assert same.sum() == pattern.pairs
    assert commonest_patterns(linkage, Cells(10**6, 1)) == ([], len(linkage.links))


def test_a_stricter_threshold_links_fewer_and_what_was_agreed_is_among_them(real):
    _, linkage = real
    possible = choices(linkage, replace(REAL_RULES, review=0.15))
    thresholds = [choice.threshold for choice in possible]
    assert thresholds == sorted(set(thresholds))
    assert thresholds[0] == 0.15
    agreed, estimate = possible[thresholds.index(0.5)].quality, linkage.estimate
    assert (agreed.links, agreed.correct, agreed.matches) == (
        estimate.links, estimate.correct, estimate.matches
    )  # fmt: skip
    for looser, stricter in pairwise(possible):
        assert stricter.quality.links <= looser.quality.links
        assert stricter.quality.recall <= looser.quality.recall
        assert stricter.quality.precision >= looser.quality.precision - 1e-12


def lacking(sources: Sources, rows: dict[int, list[int]]) -> Sources:
    """The sources with some groups missing, by row."""
    present = sources.encodings.present.copy()
    for row, groups in rows.items():
        present[row, groups] = False
    return replace(sources, encodings=replace(sources.encodings, present=present))


def test_records_too_incomplete_for_an_identical_copy_are_counted():
    sources = make_sources({"a": 6, "b": 4})
    sources = lacking(sources, {0: [0, 1, 2], 1: [1, 2], 2: [2], 7: [0, 1, 2]})
    # Unseen patterns: an identical group is worth 11.8 bits, and matches are 1 in 1,000.
    linkage = make_linkage(sources, [])
    assert unlinkable_records(sources, linkage, 0.5).tolist() == [1, 1]
    assert unlinkable_records(sources, linkage, 0.9).tolist() == [2, 1]
    assert unlinkable_records(sources, linkage, 1.0).tolist() == [6, 4]


def test_a_pattern_that_pairs_had_is_judged_as_they_were():
    sources = lacking(make_sources({"a": 6, "b": 4}), {1: [1, 2]})
    linkage = make_linkage(sources, [])
    seen = np.array([[4, NULL, NULL]], np.int8)
    doubtful = replace(
        linkage,
        histogram=replace(linkage.histogram, patterns=seen),
        pattern_weight=np.array([-1.0]),
        pattern_probability=np.array([0.3]),
    )
    assert unlinkable_records(sources, linkage, 0.5).tolist() == [0, 0]
    assert unlinkable_records(sources, doubtful, 0.5).tolist() == [1, 0]


def test_an_alternate_that_tells_enough_makes_its_record_linkable():
    files = make_world(1, people=20, agencies=2, missing=0).files
    tokens, header = files[0].tokens.copy(), replace(files[0].header, alternates=True)
    tokens[1] = tokens[0]
    present = files[0].present.copy()
    present[[0, 2]] = False
    first = replace(files[0], header=header, tokens=tokens, present=present)
    sources = gather([first, files[1]], {"agency0": True, "agency1": True})
    linkage = link(sources, REAL_RULES, map)
    assert unlinkable_records(sources, linkage, 0.5).tolist() == [1, 0]


def test_nothing_is_never_signed():
    assert [signed(w) for w in (-0.04, 0.0, 0.04, -0.06, 1.25)] == [
        "+0.0", "+0.0", "+0.0", "−0.1", "+1.2",
    ]  # fmt: skip


def test_linked_in_step_gives_every_pair_its_own_evidence():
    linkage = linked_in_step(make_sources({"a": 20, "b": 20, "c": 20}), 15)
    assert (own_probability(linkage) == 0.99).all()
    assert weak_bridges(linkage, RULES.link) == []
