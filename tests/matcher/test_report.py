from __future__ import annotations

import re
from dataclasses import replace
from html import unescape
from html.parser import HTMLParser

import numpy as np
import pytest

from linkage.clustering import cluster_ids
from linkage.linking import Linkage
from linkage.patterns import GroupComparison
from linkage.protocol.sections.matching import Outputs
from linkage.sources import Sources
from matcher.runs.report.cells import Cells
from matcher.runs.report.numbers import frequency, of_a_hundred, percent
from matcher.runs.report.page import render
from matcher.runs.report.people import known_to, overlaps, people_by_agencies, people_by_records
from matcher.runs.report.weights import Fate, weight_histogram
from tests.matcher.made_up import (
    COMPARISONS,
    GROUPS,
    RULES,
    linked_in_step,
    make_linkage,
    make_model,
    make_sources,
)

VOID = {"meta", "br", "hr", "img", "link", "input"}
EXACT = Outputs(least_cell=10, rounding=1)


class Page(HTMLParser):
    """A page that must be well formed: its tags, attributes, text and tables."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.tables: dict[str, list[list[str]]] = {}
        self.text: list[str] = []
        self._caption = ""
        self.feed(html)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)
        if tag == "caption":
            self._caption = ""
        if tag == "tr":
            self.tables[self._caption].append([])
        if tag in {"td", "th"}:
            self.tables[self._caption][-1].append("")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag
        if tag == "caption":
            self.tables.setdefault(self._caption, [])

    def handle_data(self, data: str) -> None:
        self.text.append(data)
        if self.open and self.open[-1] == "caption":
            self._caption += data
        if self.open and self.open[-1] in {"td", "th"}:
            self.tables[self._caption][-1][-1] += data

    def said(self) -> str:
        return " ".join(" ".join(self.text).split())

    def attributes(self, name: str) -> list[str]:
        return [attrs[name] or "" for _, attrs in self.tags if name in attrs]

    def charts(self) -> list[str]:
        return [a["aria-label"] or "" for _, a in self.tags if a.get("role") == "img"]

    def headlines(self) -> dict[str, str]:
        pairs = re.findall(r'<dt>(.*?)</dt>\n<dd class="value">(.*?)</dd>', self.html)
        return {unescape(name): unescape(value) for name, value in pairs}

    def feed(self, html: str) -> None:
        self.html = html
        super().feed(html)


def page_of(
    sources: Sources, linkage: Linkage, title: str = "Round 3", outputs: Outputs = EXACT
) -> Page:
    fields = {group: ("given_name", group) for group in GROUPS}
    return Page(render(title, sources, linkage, RULES, outputs, fields))


@pytest.fixture(scope="module")
def sources() -> Sources:
    return make_sources({"care": 300, "health": 200, "police": 120, "school": 40})


@pytest.fixture(scope="module")
def linkage(sources: Sources) -> Linkage:
    """Of each agency's records the first 60 in step, with some pairs for review."""
    in_step = linked_in_step(sources, 60).links
    pairs = list(
        zip(
            in_step.left.tolist(), in_step.right.tolist(), in_step.weight.tolist(),
            in_step.probability.tolist(), strict=True,
        )
    )  # fmt: skip
    doubtful = [(100 + k, 300 + 100 + k, 2.5, 0.3) for k in range(25)]
    through_others = [(200, 300 + 150, -15.0, 0.9)]
    return make_linkage(sources, pairs + doubtful + through_others)


@pytest.fixture(scope="module")
def page(sources: Sources, linkage: Linkage) -> Page:
    return page_of(sources, linkage)


def test_nothing_is_loaded_and_nothing_runs(page: Page) -> None:
    tags = {tag for tag, _ in page.tags}
    assert not tags & {"script", "link", "img", "iframe", "object", "embed", "base", "form", "use"}
    for name in ("src", "href", "xlink:href", "action", "data", "srcset"):
        assert not page.attributes(name)
    assert not [name for _, attrs in page.tags for name in attrs if name.startswith("on")]
    html = page.html
    assert "http://" not in html
    assert "https://" not in html
    assert "url(" not in html
    assert "@import" not in html
    assert "default-src 'none'" in html


def test_charts_have_text_alternatives_tables_and_no_ids_to_collide(page: Page) -> None:
    assert len(page.charts()) == 13
    assert all(len(said) > 40 for said in page.charts())
    assert [tag for tag, _ in page.tags].count("details") == 13
    assert [tag for tag, _ in page.tags].count("figcaption") == 13
    assert not page.attributes("id")
    svgs = [attrs for tag, attrs in page.tags if tag == "svg"]
    assert all("width" not in attrs and "viewbox" in attrs for attrs in svgs)


def test_titles_and_names_are_text_and_never_markup() -> None:
    evil = "<script>alert(1)</script>"
    sources = make_sources({'a"><b onload=x>&': 30, evil: 30})
    page = page_of(sources, linked_in_step(sources, 20), f"{evil} & co")
    assert {tag for tag, _ in page.tags}.isdisjoint({"script", "b"})
    assert f"{evil} & co" in page.said()
    assert page.tables["Agencies and the records they sent"][1][0] == evil
    assert any(evil in said for said in page.charts())
    assert evil not in page.html


def test_no_token_and_no_cluster_id_appears(sources: Sources, linkage: Linkage, page: Page) -> None:
    html = page.html.lower()
    assert not [t for t in sources.tokens if t.tobytes().hex()[:12] in html]
    assert not [i for i in cluster_ids(sources, linkage.clusters) if i in html]


def test_the_headline_agrees_with_the_linkage(page: Page, linkage: Linkage) -> None:
    in_step = 3 * 60 + 3 * 40 + 1
    matches = (in_step - 1) * 0.99 + 0.9 + 25 * 0.3
    correct = (in_step - 1) * 0.99 + 0.9
    assert page.headlines() == {
        "Links made": str(in_step),
        "People in two or more agencies": "61",
        "Estimated precision": f"{100 * correct / in_step:.1f}%",
        "Estimated recall": f"{100 * correct / matches:.1f}%",
    }
    assert "For review: 25 more." in page.said()
    assert "Warning" not in page.said()
    assert linkage.estimate.links == in_step


def test_the_tables_agree_with_the_linkage(page: Page) -> None:
    assert page.tables["Agencies and the records they sent"][1:] == [
        ["care", "300", "yes"], ["health", "200", "yes"],
        ["police", "120", "yes"], ["school", "40", "yes"],
    ]  # fmt: skip
    assert page.tables["Of each agency’s people, how many another one knows"][1:] == [
        ["care", "300", "61 (20%)", "60 (20%)", "40 (13%)"],
        ["health", "61 (30%)", "200", "60 (30%)", "40 (20%)"],
        ["police", "60 (50%)", "60 (50%)", "120", "40 (33%)"],
        ["school", "40 (100%)", "40 (100%)", "40 (100%)", "40"],
    ]  # fmt: skip
    # 60 people in step: 40 known to four and 20 to three; one more to two, so 21 is withheld.
    alone = 300 + 200 + 120 + 40 - 40 * 4 - 20 * 3 - 2
    assert page.tables["People by number of agencies that know them"][1:] == [
        ["1 agency", str(alone)], ["2 agencies", "<10"],
        ["3 agencies", "withheld"], ["4 agencies", "40"],
    ]  # fmt: skip
    estimates = page.tables["Estimated precision and recall for each pair of agencies"]
    assert estimates[1][:3] == ["care", "health", "61"]
    assert estimates[-1] == ["police", "school", "40", "99.0%", "", "100.0%", ""]


def test_the_weight_table_counts_every_pair_once(page: Page) -> None:
    rows = page.tables["Pairs of records by match weight"]
    assert rows[0] == ["Weight in bits", "Linked", "Linked through other records", "For review"]
    assert sum(int(row[1]) for row in rows[1:] if row[1]) == 300
    assert [row[2] for row in rows[1:] if row[2]] == ["<10"]
    assert [row[3] for row in rows[1:] if row[3]] == ["25"]
    assert rows[1][0].startswith("below ")


def test_the_level_table_shows_the_model(page: Page) -> None:
    rows = page.tables["m-probability, u-probability and match weight in bits"][1:]
    model = make_model()
    assert len(rows) == sum(c.level_count for c in COMPARISONS)
    weight = np.log2(model.m[1] / model.u[1])
    assert [row[5] for row in rows if row[0] == "birth"] == [
        f"{w:+.1f}".replace("-", "−") for w in weight
    ]
    assert rows[0][2] == f"below {COMPARISONS[0].levels[-1]:.2f}"
    assert rows[COMPARISONS[0].level_count - 1][2] == "0.97 or more"


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


def test_too_few_certain_pairs_are_warned_of(sources: Sources, linkage: Linkage) -> None:
    page = page_of(sources, replace(linkage, calibrated=False))
    assert "Warning: there were too few certain pairs to calibrate." in page.said()


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


def test_the_same_linkage_gives_the_same_bytes(
    page: Page, sources: Sources, linkage: Linkage
) -> None:
    assert page_of(sources, linkage).html == page.html


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


def test_counts_of_people_are_rounded_as_agreed(sources: Sources, linkage: Linkage) -> None:
    page = page_of(sources, linkage, outputs=Outputs())
    assert page.headlines()["People in two or more agencies"] == "60"
    assert "nearest 5" in page.said()
    assert linkage.estimate.links == 301
    assert page.headlines()["Links made"] == "300"
    links = [row[1] for row in page.tables["Expected precision and recall by threshold"][1:]]
    assert set(links) == {"300", "325"}
    assert page.tables["Of each agency’s people, how many another one knows"][1] == [
        "care", "300", "60 (20%)", "60 (20%)", "40 (13%)",
    ]  # fmt: skip
    wide = page_of(sources, linkage, outputs=Outputs(least_cell=50, rounding=25))
    assert wide.headlines()["People in two or more agencies"] == "50"
    assert wide.tables["Of each agency’s people, how many another one knows"][1] == [
        "care", "300", "50 (17%)", "50 (17%)", "<50",
    ]  # fmt: skip
    assert wide.tables["Agencies and the records they sent"][1][1] == "300"
    assert not re.search(r"\b61\b", re.sub(r"<svg.*?</svg>", "", page.html, flags=re.DOTALL))


def test_a_single_pair_is_shown_without_its_agencies(page: Page, sources: Sources) -> None:
    section = page.html.split("<h2>Why pairs were linked or not</h2>")[1].split("</section>")[0]
    assert section.count("<svg") == 5
    assert not [name for name in sources.names if name in section]
    assert "Only just linked: +12.0 bits, probability 99.0%" in section
    assert "Only just not linked: +2.5 bits, probability 30.0%" in section
    assert "Linked through other records: −15.0 bits, probability 90.0%" in section


def test_what_another_threshold_would_bring(page: Page, linkage: Linkage) -> None:
    rows = page.tables["Expected precision and recall by threshold"]
    by_threshold = {row[0]: row[1:] for row in rows[1:]}
    assert by_threshold["50% (agreed)"][0] == str(linkage.estimate.links)
    assert by_threshold["10%"][0] == str(linkage.estimate.links + 25)
    assert by_threshold["95%"][0] == str(linkage.estimate.links - 1)


def test_the_groups_are_explained_by_their_fields(page: Page) -> None:
    assert page.tables["What the groups hold"][1:] == [
        [group, f"given_name, {group}"] for group in GROUPS
    ]


def test_weak_bridges_are_counted_and_the_weakest_named(sources: Sources) -> None:
    """Chains from care over health to police, whose second link is doubtful."""
    starts = sources.starts.tolist()
    pairs = [(k, starts[1] + k, 12.0, 0.99) for k in range(30)]
    pairs += [(starts[1] + k, starts[2] + k, 1.0 + k / 100, 0.6 + k / 200) for k in range(12)]
    page = page_of(sources, make_linkage(sources, pairs))
    assert page.tables["Weak bridges by probability"][1:] == [
        ["50% to 60%", "<10"], ["60% to 70%", "12"], ["70% to 80%", "<10"], ["80% to 90%", "<10"],
    ]  # fmt: skip
    weakest = page.tables["The weakest bridges"][1:]
    assert len(weakest) == 10
    assert weakest[0] == ["42", "60.0%", "1 and 2"]


def test_records_that_cannot_be_linked_are_counted_by_agency(sources: Sources) -> None:
    present = sources.encodings.present.copy()
    present[:37] = False
    lacking = replace(sources, encodings=replace(sources.encodings, present=present))
    rows = page_of(lacking, linked_in_step(lacking, 60)).tables
    assert rows["Records too incomplete to be linked"][1:] == [
        ["care", "37 (12.3%)"], ["health", "<10"], ["police", "<10"], ["school", "<10"],
    ]  # fmt: skip
