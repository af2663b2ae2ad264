"""Which pages each role is shown, and what stands on them: access.txt, for people to read."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import get_args

import pytest
from sqlalchemy import and_, select, update

from linkage.audit.bundle import read_head
from linkage.audit.verification import Trust, verify_bundle
from linkage.protocol.sections.party import Role
from linkage.protocol.upload import sign_manifest, verify_manifest
from matcher.app.consoled import all_pages
from matcher.console.pages import NO_PAGE, Page
from matcher.ledger.badge import Verified, note_verification
from matcher.quality.shown import Wanted
from matcher.store.tables import committed_uploads
from tests.linkage.protocol.agreements import AGREEMENT, HUB, OFFICER
from tests.linkage.protocol.parties import CARE, HEALTH, MATCHER, POLICE
from tests.matcher.api.prepared import LEAKAGE, World
from tests.matcher.api.test_access import OF_ROLE
from tests.matcher.console.visiting import Visitor, visitor

TABLE = Path(__file__).with_name("access.txt")


def pages_of(world: World) -> list[Page]:
    matcher = world.matcher
    return [page for some in all_pages(matcher.services, matcher.clock) for page in some.declared]


def addresses(world: World) -> dict[str, str]:
    """Return what stands for each page's parameters."""
    run, link = link_of(world)
    released = world.disclosures["to open"]
    return {
        page.path: page.path.format(disclosure=released, leaf=3, run=run, link=link)
        for page in pages_of(world)
    }


def link_of(world: World) -> tuple[str, str]:
    """Return the newest finished run, and its most doubtful link."""
    services, agreement = world.matcher.services, AGREEMENT.digest()
    run = next(own.id for own in services.runs.all(agreement) if own.state == "finished")
    found = services.desk.links(agreement, run, Wanted(weakest_first=True), 1)
    return run, found.rows[0].name


@pytest.fixture(scope="module")
def visitors(world: World) -> dict[Role, Visitor]:
    return everybody(world)


def everybody(world: World) -> dict[Role, Visitor]:
    return {role: visitor(world.matcher, own) for role, own in OF_ROLE.items()}


def test_the_table_of_access_is_what_visitors_meet(world: World, visitors: dict[Role, Visitor]):
    assert met(world, visitors) == TABLE.read_text(encoding="utf-8")


def met(world: World, visitors: dict[Role, Visitor]) -> str:
    """Return the table of who finds which page, each of them asked for."""
    rows = [("page", *get_args(Role))]
    for path, address in addresses(world).items():
        verdicts = []
        for role in get_args(Role):
            answer = visitors[role].get(address)
            assert answer.status_code in (200, 404), (path, role, answer.text)
            assert (NO_PAGE in answer.text) == (answer.status_code == 404)
            verdicts.append("yes" if answer.status_code == 200 else "-")
        rows.append((path, *verdicts))
    return table(rows)


def table(rows: Sequence[tuple[str, ...]]) -> str:
    widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
    return "\n".join(lines) + "\n"


def test_nobody_is_shown_a_page_without_signing_in(world: World):
    stranger = Visitor(world.matcher)
    for address in addresses(world).values():
        answer = stranger.get(address)
        assert answer.status_code == 401
        assert "You are not signed in" in answer.text


def test_no_page_links_to_one_that_isn_t_there(world: World, visitors: dict[Role, Visitor]):
    """Whoever follows every link from the overview meets no page that isn't theirs."""
    for own in visitors.values():
        seen, left = set(), ["/"]
        while left:
            path = left.pop()
            answer = own.get(path)
            assert answer.status_code == 200, path
            if "content-disposition" in answer.headers:
                continue
            found = set(re.findall(r'href="/console(/[^"#]*)"', answer.text))
            found = {one.replace("&amp;", "&") for one in found if "/static/" not in one}
            # Of events one is as good as another, and of links.
            found = {re.sub(r"/log/events/[0-9]+", "/log/events/3", one) for one in found}
            found = {re.sub(r"(/runs/.*/links).+", r"\1", one) for one in found}
            left += sorted(found - seen)
            seen |= found
        assert len(seen) > 1


class Outline(HTMLParser):
    """What a page has of things that the policy or a reader forbids."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))


def test_pages_hold_nothing_that_the_policy_would_stop(world: World, visitors: dict[Role, Visitor]):
    for address in addresses(world).values():
        answer = visitors["dpo"].get(address)
        is_page = answer.headers["content-type"].startswith("text/html")
        if not is_page or "content-disposition" in answer.headers:
            continue
        outline = Outline()
        outline.feed(answer.text)
        for tag, attributes in outline.tags:
            assert tag != "style"
            assert not (tag == "script" and "src" not in attributes)
            assert not [name for name in attributes if name == "style" or name.startswith("on")]
            for name in ("src", "href", "action"):
                assert (attributes.get(name) or "/").startswith(("/console/", "/", "#"))
                assert not (attributes.get(name) or "/").startswith("//")
        ids = [own["id"] for _, own in outline.tags if "id" in own]
        assert len(ids) == len(set(ids))
        assert [tag for tag, _ in outline.tags].count("h1") == 1


def test_a_disclosure_that_isn_t_a_party_s_to_see_is_not_there(world: World):
    """Before the quorum a recipient and a holder who doesn't decide see nothing of it."""
    hub = visitor(world.matcher, HUB)
    assert world.disclosures["to move"][:8] not in hub.get("/disclosures").text
    assert hub.get("/disclosures/" + world.disclosures["to move"]).status_code == 404
    assert hub.get("/disclosures/" + world.disclosures["to open"]).status_code == 200
    assert "1, of which" in hub.get("/").text or "2, of which" in hub.get("/").text


def test_an_agency_sees_of_others_what_the_log_says_and_no_more(world: World):
    police, care = visitor(world.matcher, POLICE), visitor(world.matcher, CARE)
    assert "Upload" in police.get("/retention").text
    kept = police.get("/retention").text
    assert "police" in kept
    assert ">care<" not in kept
    assert ">health<" not in kept
    assert "Disclosure " not in kept
    assert "Lookup " in kept
    assert "Lookup " not in care.get("/retention").text
    # But for who they are, and their own leakage reports, two agencies are shown the same of
    # rounds, runs and the log.
    for path in ("/rounds", "/runs"):
        one, other = police.get(path).text, care.get(path).text
        assert neutral(one) == neutral(other)


def neutral(text: str) -> str:
    text = re.sub(r'name="token" value="[0-9a-f]+"', "", text)
    text = re.sub(r'aria-label="Leakage reports.*?</details>', "", text, flags=re.DOTALL)
    return re.sub(r"Signed in as <strong>[a-z]+</strong>", "", text)


def reports(text: str) -> dict[str, str]:
    """Return the rows of the table of leakage reports, as text, by agency."""
    table = re.search(r'aria-label="Leakage reports in round 1".*?</table>', text, re.DOTALL)
    rows = re.findall(r'<th scope="row"[^>]*>([a-z]+)</th>(.*?)</tr>', table[0], re.DOTALL)
    return {agency: " ".join(re.sub("<[^>]*>", " ", cells).split()) for agency, cells in rows}


def test_what_came_of_leakage_reports_is_shown(world: World, visitors: dict[Role, Visitor]):
    for role in ("dpo", "matcher"):
        page = visitors[role].get("/rounds").text
        assert reports(page) == {
            "care": "overruled 65.4% 0.2% 2.0%",
            "health": "no report came with this upload – – –",
            "police": "passed 0.6% 0.1% 2.0%",
        }
        assert '<strong class="govuk-tag govuk-tag--red">overruled</strong>' in page
        assert "A trial with &lt;invented&gt; people." in page
        assert all(one.report in page for one in LEAKAGE.values())
        assert "similarity graph" in page
        assert "GD + SD" in page


def test_an_agency_sees_no_leakage_report_but_its_own(world: World):
    for own in (POLICE, CARE, HEALTH):
        page = visitor(world.matcher, own).get("/rounds").text
        assert list(reports(page)) == [own.name]
        for agency, told in LEAKAGE.items():
            assert (told.report in page) == (agency == own.name)
        assert ("A trial with" in page) == (own is CARE)


def test_what_an_agency_sees_doesn_t_depend_on_others_leakage_reports(world: World):
    """In another world police's report was another."""
    care, officer = visitor(world.matcher, CARE), visitor(world.matcher, OFFICER)
    before = care.get("/rounds").text, officer.get("/rounds").text
    place = and_(committed_uploads.c.agency == "police", committed_uploads.c.round == 1)
    with world.matcher.services.database.writing() as connection:
        found = connection.execute(select(committed_uploads.c.manifest).where(place)).scalar_one()
        said = verify_manifest(bytes(found), "it", AGREEMENT, 1)[1]
        other = sign_manifest(replace(said, leakage=None), POLICE)
        connection.execute(update(committed_uploads).where(place).values(manifest=other))
    after = care.get("/rounds").text, officer.get("/rounds").text
    with world.matcher.services.database.writing() as connection:
        connection.execute(update(committed_uploads).where(place).values(manifest=found))
    assert unsealed(after[0]) == unsealed(before[0])
    assert unsealed(after[1]) != unsealed(before[1])


def unsealed(text: str) -> str:
    return re.sub(r'name="token" value="[0-9a-f]+"', "", text)


def test_pages_hold_no_token_and_no_encoding(world: World, visitors: dict[Role, Visitor]):
    """Whatever is 16 bytes of hex on a page is a run's name, or to the officers a pseudonym."""
    known = {own[:32] for own in world.runs}
    for role, own in visitors.items():
        pseudonyms = pseudonyms_of(world) if role == "dpo" else set()
        for address in addresses(world).values():
            answer = own.get(address)
            found = set(re.findall(r"(?<![0-9a-f])[0-9a-f]{32}(?![0-9a-f])", answer.text))
            if "content-disposition" not in answer.headers:
                assert found <= known | pseudonyms, (address, found)


def pseudonyms_of(world: World) -> set[str]:
    """Return the pseudonyms of a run's clusters, and the names of its links."""
    kept = world.matcher.services.desk.kept(AGREEMENT.digest(), link_of(world)[0])
    places = range(len(kept.links))
    return {name for at in places for name in (kept.name(at), *kept.clusters(at))}


def test_the_log_is_chosen_from_and_paged(world: World, visitors: dict[Role, Visitor]):
    officer = visitors["dpo"]
    page = officer.get("/log?verb=disclosure&party=care").text
    assert "disclosure.released" in page
    assert page.count('scope="row"') == 1
    assert ": 1 in all" in page
    assert '<option value="disclosure" selected>' in page
    assert "There are no such events" in officer.get("/log?party=nobody").text
    timed = officer.get("/log?since=2026-03-02&until=2026-03-02").text
    assert "in all" not in timed
    assert "There are no such events" in officer.get("/log?since=2026-03-03").text


@pytest.mark.parametrize(
    "query",
    ["since=yesterday", "before=x", "before=1-2-3", "after=-1-2", "colour=red", "since=2026-02-30"],
)
def test_what_can_t_be_asked_of_the_log_is_said(visitors: dict[Role, Visitor], query: str):
    answer = visitors["dpo"].get(f"/log?{query}")
    assert answer.status_code == 422
    assert "<h1" in answer.text


def test_what_is_asked_of_the_log_is_shown_as_text(visitors: dict[Role, Visitor]):
    answer = visitors["dpo"].get("/log?since=%3Cscript%3Ealert(1)%3C/script%3E")
    assert answer.status_code == 422
    answer = visitors["dpo"].get("/log?party=%22%3E%3Cscript%3E")
    assert answer.status_code == 200
    assert "<script>" not in answer.text


def test_the_downloaded_log_verifies(world: World, visitors: dict[Role, Visitor]):
    bundle = visitors["dpo"].get("/log/bundle")
    assert bundle.headers["content-disposition"] == 'attachment; filename="log.txt"'
    lines = [line + b"\n" for line in bundle.content.split(b"\n")[:-1]]
    head = read_head(iter(lines))
    verified = verify_bundle(iter(lines), "the bundle", Trust(head.keys, 0, None))
    assert verified.summary.by_kind["console.opened"] >= len(visitors)


def test_the_badge_says_what_the_last_verification_found(
    world: World, visitors: dict[Role, Visitor]
):
    officer, database = visitors["dpo"], world.matcher.services.database
    assert "not verified yet" in officer.get("/log").text
    note_verification(database, Verified(1_772_445_600, 7, sound=True))
    assert "All 7 events that there were on 2 March 2026, 10:00 UTC" in officer.get("/log").text
    note_verification(database, Verified(1_772_445_600, 0, sound=False))
    assert "was found to be damaged" in officer.get("/log").text


def test_what_is_due_is_said(world: World, visitors: dict[Role, Visitor]):
    officer = visitors["dpo"]
    assert "due to be erased" not in officer.get("/retention").text
    world.matcher.clock.forward(days=31)
    later = visitor(world.matcher, OFFICER).get("/retention").text
    assert "4 things are due to be erased" in later  # three disclosures and a lookup
    world.matcher.clock.forward(days=-31)


def test_the_operator_sees_what_was_refused(world: World):
    operator = visitor(world.matcher, MATCHER)
    assert MATCHER.name in operator.get("/").text
    assert operator.get("/refused").status_code == 200
