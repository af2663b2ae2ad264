from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest

from linkage.clustering import cluster_ids
from linkage.linking import Linkage
from linkage.protocol.sections.matching import Outputs
from linkage.sources import Sources
from tests.matcher.made_up import (
    COMPARISONS,
    GROUPS,
    linked_in_step,
    make_linkage,
    make_model,
    make_sources,
)
from tests.matcher.report_pages import Page, page_of


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


def test_too_few_certain_pairs_are_warned_of(sources: Sources, linkage: Linkage) -> None:
    page = page_of(sources, replace(linkage, calibrated=False))
    assert "Warning: there were too few certain pairs to calibrate." in page.said()


def test_the_same_linkage_gives_the_same_bytes(
    page: Page, sources: Sources, linkage: Linkage
) -> None:
    assert page_of(sources, linkage).html == page.html


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
