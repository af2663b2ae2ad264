"""Small counts that are withheld, and linkages of unusual shapes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from linkage.patterns import GroupComparison
from matcher.runs.report.cells import Cells
from matcher.runs.report.fates import Fate
from matcher.runs.report.numbers import frequency, of_a_hundred, percent
from matcher.runs.report.people import known_to, overlaps, people_by_agencies, people_by_records
from matcher.runs.report.weights import weight_histogram
from tests.matcher.made_up import RULES, linked_in_step, make_linkage, make_model, make_sources
from tests.matcher.report_pages import EXACT, page_of


def test_counts_below_the_least_are_shown_nowhere() -> None:
    sources = make_sources({"north": 57, "south": 64})
    page = page_of(sources, linked_in_step(sources, EXACT.least_cell - 3))
    assert page.headlines()["Links made"] == "<10"
    assert page.headlines()["People in two or more agencies"] == "<10"
    assert page.headlines()["Estimated precision"] == "–"
    assert page.tables["Of each agency’s people, how many another one knows"][1:] == [
        ["north", "57", "<10"], ["south", "<10", "64"],
    ]  # fmt: skip
    # The number known to one agency only would give the small one away: 57 + 64 - 2 * 7.
    for title in ("People by number of agencies that know them", "People by number of records"):
        assert [row[1] for row in page.tables[title][1:]] == ["withheld", "<10"]
    assert "107" not in page.said()
    assert not [
        cell for rows in page.tables.values() for row in rows for cell in row if cell == "7"
    ]


@pytest.mark.parametrize(
    ("counts", "labels"),
    [
        ([50, 40, 30], ["50", "40", "30"]),
        ([50, 40, 9], ["50", "withheld", "<10"]),
        ([50, 10, 3, 0], ["50", "10", "<10", "<10"]),
        ([5], ["<10"]),
        ([1234, 10], ["1,234", "10"]),
    ],
)
def test_a_single_small_count_never_stands_alone(counts: list[int], labels: list[str]) -> None:
    shown = Cells(10, 1).parts_of_a_whole([str(k) for k in range(len(counts))], np.array(counts))
    assert [tally.label for tally in shown] == labels
    assert [tally.count for tally in shown] == [
        count if label[0].isdigit() else None for count, label in zip(counts, labels, strict=True)
    ]


@pytest.mark.parametrize(
    "sizes",
    [
        {"a": 40, "b": 30},
        {"a": 40, "b": 0},
        {"a": 0, "b": 0},
        {"a": 1, "b": 1},
        {f"agency {k:02}": 12 for k in range(20)},
    ],
)
def test_a_linkage_without_links_is_still_a_page(sizes: dict[str, int]) -> None:
    sources = make_sources(sizes)
    page = page_of(sources, make_linkage(sources, [], calibrated=False))
    assert page.headlines()["Links made"] == "<10"
    assert page.headlines()["Estimated recall"] == "–"
    assert "fewer than 10 links were made" in page.said()
    assert len(page.charts()) == 6
    assert "links.parquet" not in page.html


def test_twenty_agencies_with_long_names_fit() -> None:
    sources = make_sources({f"safeguarding partnership of district {k:02}": 30 for k in range(20)})
    page = page_of(sources, linked_in_step(sources, 25))
    rows = page.tables["Estimated precision and recall for each pair of agencies"][1:]
    assert len(rows) == 190
    assert {row[2] for row in rows} == {"25"}
    assert page.tables["People by number of agencies that know them"][-1] == ["20 agencies", "25"]
    assert page.tables["People by number of records"][-1] == ["10 or more", "25"]
    assert all(f">{k + 1} safegu…ct {k:02}<" in page.html for k in range(20))


def test_one_cluster_of_everything() -> None:
    sources = make_sources({"a": 12, "b": 1}, clean=False)
    page = page_of(sources, make_linkage(sources, [(k, 12, 8.0, 0.95) for k in range(12)]))
    assert page.headlines()["Links made"] == "12"
    assert page.tables["Agencies and the records they sent"][1] == ["a", "12", "no"]
    assert page.tables["People by number of records"][-1] == ["10 or more", "<10"]


def test_a_scheme_of_one_group_with_many_levels() -> None:
    dice = (GroupComparison("clk", 1024, "dice", tuple(0.98 - 0.03 * k for k in range(12))),)
    sources = make_sources({"north": 57, "south": 64}, groups=("clk",))
    made = linked_in_step(sources, 40)
    levels = np.arange(8, 13, dtype=np.int8)[:, None]  # one for each of the five weights
    links = replace(made.links, levels=levels[made.histogram.find(made.links.levels)])
    histogram = replace(made.histogram, patterns=levels)
    linkage = replace(made, model=make_model(dice), links=links, histogram=histogram)
    page = page_of(sources, linkage)
    assert len(page.tables["m-probability, u-probability and match weight in bits"]) == 14
    # Forty pairs of five weights: eight of each level, too few to be listed.
    assert "The commonest patterns of levels" not in page.tables


def test_figures_against_counting_by_hand() -> None:
    sources = make_sources({"a": 9, "b": 8, "c": 7})
    rng = np.random.default_rng(3)
    pairs = [
        (int(a), int(b), 5.0, float(p))
        for a, b, p in zip(
            rng.integers(0, 9, 12), rng.integers(9, 24, 12), rng.uniform(0.5, 1, 12), strict=True
        )
    ]
    clusters = make_linkage(sources, pairs).clusters
    people: dict[int, list[int]] = {}
    for record, person in enumerate(clusters.cluster_of.tolist()):
        people.setdefault(person, []).append(int(sources.source[record]))
    known = known_to(sources, clusters)
    for a in range(3):
        for b in range(3):
            both = sum({a, b} <= set(holders) for holders in people.values())
            assert overlaps(known)[a, b] == both
    spread = [sum(len(set(h)) == k for h in people.values()) for k in (1, 2, 3)]
    assert [t.count for t in people_by_agencies(known, Cells(10, 1))] == [
        t.count for t in Cells(10, 1).parts_of_a_whole(["", "", ""], np.array(spread))
    ]
    sizes = [len(holders) for holders in people.values()]
    assert len(people_by_records(clusters, Cells(10, 1))) == max(sizes)


def test_no_bin_of_the_histogram_lies_astride_the_link_weight() -> None:
    sources = make_sources({"a": 400, "b": 400})
    rng = np.random.default_rng(4)
    weights = rng.normal(4, 6, 400)
    pairs = [(k, 400 + k, w, 1 / (1 + 2.0**-w)) for k, w in enumerate(weights.tolist())]
    links = make_linkage(sources, pairs).links
    histogram = weight_histogram(links, RULES.link)
    assert histogram.link_weight == links.weight[links.probability >= RULES.link].min()
    left_of_it = histogram.edges[1:] <= histogram.link_weight
    linked, _, review = histogram.counts
    assert not linked[left_of_it].any()
    assert not review[~left_of_it].any()
    assert histogram.counts.sum() == len(links)
    assert histogram.total(Fate.THROUGH_OTHERS) == 0


def test_shares_are_never_rounded_to_all_or_nothing() -> None:
    assert [percent(p) for p in (0, 0.0001, 0.5, 0.9994, 0.99996, 1)] == [
        "0.0%", "under 0.1%", "50.0%", "99.9%", "over 99.9%", "100.0%",
    ]  # fmt: skip
    assert [frequency(p) for p in (0.25, 1e-4, 2.7e-7)] == [
        "25.0%",
        "1 in 10,000",
        "1 in 3,700,000",
    ]
    assert [of_a_hundred(p) for p in (0.971, 0.996, 1)] == ["about 97", "more than 99", "about 100"]
