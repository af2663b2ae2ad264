"""The officer's verification, and the report of GUILD's four steps."""

from __future__ import annotations

import re
from collections import Counter
from html.parser import HTMLParser
from itertools import combinations

from examples.safeguarding.column_maps import load_column_map
from examples.safeguarding.quarters.hotspots import hotspots
from examples.safeguarding.quarters.periods import SECOND
from examples.safeguarding.quarters.playing import Played
from examples.safeguarding.quarters.stage import AGENCIES
from tests.end_to_end.quarters.acting import RECORDS
from tests.end_to_end.quarters.folders import rows_of

PSEUDONYM = re.compile(r"\b[0-9a-f]{32}\b")
COUNT = re.compile(r"[\d,]+")


def test_the_officer_verified_a_log_of_all_of_it(played: Played):
    verified = played.facts.verified
    assert verified["verified"]
    kinds = verified["bundle"]["summary"]["by_kind"]
    assert kinds["payload.committed"] == 2 * len(AGENCIES)
    assert kinds["cohort.pulled"] == 2
    assert kinds["disclosure.released"] >= 2


def test_the_report_answers_four_steps_with_measured_figures(
    played: Played, report: dict, tables: dict
):
    titles = ["Data provision", "Data linkage", "Data analysis", "Reporting"]
    assert [step["title"] for step in report["steps"]] == titles
    assert all(
        item["sentences"] and all(item["sentences"]) for s in report["steps"] for item in s["items"]
    )
    assert "10.1093/pubmed/fdx037" in report["guidance"]
    assert {row[1] for row in tables["Records and populations"]} == {str(RECORDS)}
    measured = played.facts.newest.measured["at_threshold"]
    quality = {row[0]: row[1:] for row in tables["Quality over all agencies"]}
    assert quality[f"{SECOND.name}, measured"][0].startswith(f"{100 * measured['precision']:.1f}%")
    assert quality[f"{SECOND.name}, measured"][1].startswith(f"{100 * measured['recall']:.1f}%")
    pairs = len(list(combinations(AGENCIES, 2)))
    assert len(tables["Estimated quality by pair of agencies"]) <= pairs
    assert len(tables["Attacks on the agencies' own encodings"]) == len(AGENCIES)


def test_no_small_count_and_nobody_is_in_the_report(played: Played, tables: dict):
    page = played.report.read_text(encoding="utf-8")
    assert not PSEUDONYM.search(page)
    for caption in ("People by how many agencies know them", "Children discussed", "Children"):
        for row in tables[caption]:
            for count in map(int, COUNT.findall(row[1].replace(",", ""))):
                assert count % 5 == 0, row
                assert count >= 10 or not count, row
    for place in (own.name for kind in hotspots().values() for own in kind):
        assert place not in page
    for agency in AGENCIES:
        for row in rows_of(played.stage.files / SECOND.name / f"{agency}.csv"):
            assert row[load_column_map(agency).record_id] not in page


def test_the_report_is_one_page_that_loads_nothing(played: Played, report: dict):
    class Page(HTMLParser):
        def __init__(self) -> None:
            super().__init__()
            self.tags: Counter[str] = Counter()
            self.links: list[str] = []

        def handle_starttag(self, tag, attributes):
            self.tags[tag] += 1
            self.links += [value for name, value in attributes if name in {"src", "href"}]

    page = Page()
    page.feed(played.report.read_text(encoding="utf-8"))
    assert not page.links
    assert not page.tags["script"]
    assert page.tags["table"] == len(
        [t for s in report["steps"] for i in s["items"] for t in i["tables"]]
    )
    assert page.tags["h2"] == 4
