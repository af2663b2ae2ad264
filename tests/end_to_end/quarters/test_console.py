"""Every page of the console on the second quarter, as officer, agency and analyst see it."""

from __future__ import annotations

import json
import re

import pytest

from examples.safeguarding.quarters.playing import Played
from examples.safeguarding.quarters.stage import AGENCIES
from matcher.console.pages import NO_PAGE
from tests.end_to_end.quarters.folders import identities_of, needles_of
from tests.end_to_end.quarters.visits import WHO, Served, addresses, allowed, visitor_of
from tests.matcher.console.visiting import Visitor

Pages = dict[str, dict[str, tuple[int, str]]]


@pytest.fixture(scope="module")
def visitors(played: Played, served: Served) -> dict[str, Visitor]:
    return {role: visitor_of(played, served, party) for role, party in WHO.items()}


@pytest.fixture(scope="module")
def pages(played: Played, visitors: dict[str, Visitor]) -> Pages:
    """Give status and text of every page by role; a PDF's text is its bytes."""
    where = addresses(played, visitors["dpo"])
    return {
        role: {
            page: (answer.status_code, answer.content.decode("utf-8", "replace"))
            for page, address in where.items()
            for answer in [own.get(address)]
        }
        for role, own in visitors.items()
    }


def test_each_sees_the_pages_that_are_theirs_and_no_other(pages: Pages):
    for role, shown in pages.items():
        for page, (status, text) in shown.items():
            assert status == (200 if role in allowed()[page] else 404), (role, page)
            assert (NO_PAGE in text) == (status == 404)


def test_no_page_tells_a_child_s_name_address_or_record(played: Played, pages: Pages):
    told = "\n".join(text for shown in pages.values() for _, text in shown.values()).lower()
    words = set(re.findall(r"[\w'-]+", told))
    for agency in AGENCIES:
        own = needles_of(played, agency)
        assert not {text.decode().lower() for text in own["record ids"]} & words
        assert not {token.hex() for token in own["record tokens"] if len(token) == 16} & words
        names, homes = identities_of(played, agency)
        assert not names & words
        assert not [home for home in homes if home in told]
        for kind in ("postcodes", "places"):
            assert not [text for text in own[kind] if text.decode().lower() in told], kind


def test_no_page_tells_a_pseudonym_of_a_cohort(played: Played, pages: Pages):
    for part in played.facts.parts:
        people = set(part.study.cohort.people.person)
        for shown in pages.values():
            assert not [page for page, (_, text) in shown.items() if people & hexes(text)]


def test_the_pseudonyms_of_links_are_the_officer_s_alone(pages: Pages):
    runs = hexes(pages["dpo"]["/runs"][1])
    for role in ("agency", "analyst"):
        for page, (_, text) in pages[role].items():
            assert page == "/log/bundle" or hexes(text) <= runs, (role, page)


def hexes(text: str) -> set[str]:
    return set(re.findall(r"(?<![0-9a-f])[0-9a-f]{32}(?![0-9a-f])", text))


def test_the_service_met_no_fault(played: Played, pages: Pages):
    said = (played.stage.operator.folder / "serve.log").read_text(encoding="utf-8")
    noted = [json.loads(line) for line in said.splitlines() if line.startswith("{")]
    assert "Traceback" not in said
    assert sum(own["event"] == "request" for own in noted) > len(allowed()) * len(pages)
    assert [own for own in noted if own["level"] in {"warning", "error"}] == []
