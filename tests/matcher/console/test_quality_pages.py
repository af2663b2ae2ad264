from __future__ import annotations

import io
import json
import re

import pyarrow.parquet as pq
import pytest

from matcher.disclosures.finished import FinishedRuns
from matcher.quality.desk import RunDesk
from matcher.quality.kept import ABOUT, LINKS
from matcher.quality.shown import PAGE, Wanted
from tests.linkage.protocol.agreements import AGREEMENT, ANALYST, HUB, OFFICER
from tests.linkage.protocol.parties import CARE, MATCHER, POLICE
from tests.matcher.console.visiting import Visitor, visitor
from tests.matcher.report_pages import Page

DIGEST = AGREEMENT.digest()
OVERSEEN = ("", "/model", "/people", "/report.html", "/report.pdf")
OF_LINKS = ("/links", "/links/{link}")


@pytest.fixture(scope="module")
def run(world) -> str:
    """The newest finished run."""
    views = world.matcher.services.runs.all(DIGEST)
    return next(view.id for view in views if view.state == "finished")


@pytest.fixture(scope="module")
def desk(world):
    return world.matcher.services.desk


@pytest.fixture(scope="module")
def link(desk, run) -> str:
    return desk.links(DIGEST, run, Wanted(), 1).rows[0].name


@pytest.fixture(scope="module")
def officer(world) -> Visitor:
    return visitor(world.matcher, OFFICER)


@pytest.fixture(scope="module")
def files(world, run) -> dict[str, bytes]:
    services = world.matcher.services
    finished = FinishedRuns(services.database, services.objects)
    names = ("clusters.parquet", "links.parquet", "model.json")
    return {name: finished.file(run, name) for name in names}


@pytest.mark.parametrize("own", [POLICE, CARE, ANALYST, HUB, MATCHER, OFFICER])
def test_who_finds_which_page_of_a_run(world, run, link, own):
    who = visitor(world.matcher, own)
    sees = {True: 200, False: 404}
    for paths, readers in ((OVERSEEN, (MATCHER, OFFICER)), (OF_LINKS, (OFFICER,))):
        for path in paths:
            answer = who.get(f"/runs/{run}{path.replace('{link}', link)}")
            assert answer.status_code == sees[own in readers], (own.name, path)
            if own not in readers:
                assert run not in answer.text
                assert link not in answer.text


def test_the_operator_is_shown_no_way_to_the_match_log(world, run, officer):
    theirs = visitor(world.matcher, MATCHER)
    for path in OVERSEEN[:3]:
        assert "/links" not in theirs.get(f"/runs/{run}{path}").text
        assert f"/runs/{run}/links" in officer.get(f"/runs/{run}{path}").text


def test_the_list_of_runs_leads_to_quality(world, run, officer):
    assert f'href="/console/runs/{run}"' in officer.get("/runs").text
    assert f"/runs/{run}" not in visitor(world.matcher, POLICE).get("/runs").text


def test_pages_hold_no_token_no_cluster_id_and_no_style(run, link, officer, files):
    links, clusters = (
        pq.read_table(io.BytesIO(files[name])).to_pandas()
        for name in ("links.parquet", "clusters.parquet")
    )
    secret = {
        *links["token_a"], *links["token_b"], *clusters["record_token"], *clusters["cluster_id"],
    }  # fmt: skip
    for path in ("", "/model", "/people", *OF_LINKS, "/report.html"):
        text = officer.get(f"/runs/{run}{path.replace('{link}', link)}").text
        assert not [own for own in secret if own in text]
        if path != "/report.html":  # which stands alone
            assert not re.search(r"\sstyle=|<style", text)


def test_quality_shows_the_estimates_of_the_model(run, officer, files):
    model = json.loads(files["model.json"])
    page = Page(officer.get(f"/runs/{run}").text)
    rows = page.tables["Estimated precision and recall for each pair of agencies"][1:]
    assert [row[:2] for row in rows] == [own["agencies"] for own in model["estimated_by_pair"]]
    for row, own in zip(rows, model["estimated_by_pair"], strict=True):
        assert row[2] == ("<10" if own["links"] < 10 else f"{(own['links'] + 2) // 5 * 5:,}")


def test_the_model_page_has_the_stored_weights(run, officer, files):
    page = Page(officer.get(f"/runs/{run}/model").text)
    rows = page.tables["m-probability, u-probability and match weight in bits"][1:]
    stored = [w for group in json.loads(files["model.json"])["groups"] for w in group["weight"]]
    shown = [float(row[-1].replace("\N{MINUS SIGN}", "-")) for row in rows]
    assert shown == pytest.approx(stored, abs=0.051)


def test_the_match_log_can_be_walked_through_by_its_own_addresses(run, officer, files):
    stored = pq.read_table(io.BytesIO(files["links.parquet"])).num_rows
    path, seen = f"/runs/{run}/links", []
    while path:
        text = officer.get(path).text
        seen += re.findall(rf'/console/runs/{run}/links/([0-9a-f]{{32}})"', text)
        following = re.search(r'href="/console([^"]+)" rel="next"', text)
        path = following.group(1).replace("&amp;", "&") if following else ""
    assert len(seen) == len(set(seen)) == stored > PAGE


def test_filters_stay_in_the_form_and_in_the_addresses(run, officer):
    path = f"/runs/{run}/links?agency=care&and_agency=police&probability_from=50&order=weakest"
    text = officer.get(path).text
    assert '<option value="care" selected>' in text
    assert 'name="probability_from" type="text" value="50"' in text
    found = re.search(r"([\d,]+) links", text).group(1)
    page = Page(text)
    assert {row[2] for row in page.tables["Links"][1:]} == {"care and police"}
    assert int(found.replace(",", "")) >= len(page.tables["Links"]) - 1


@pytest.mark.parametrize(
    "asked",
    [
        "agency=care", "agency=care&and_agency=hub", "probability_from=101", "probability_to=x",
        "weight_from=nan", "weight_to=1e999", "cluster=zz", "page=x", "cluster=" + "a" * 65,
        "agency=%3Cscript%3E&and_agency=care",
    ],
)  # fmt: skip
def test_what_cant_be_meant_is_said(run, officer, asked):
    answer = officer.get(f"/runs/{run}/links?{asked}")
    assert answer.status_code == 422
    assert "<script>" not in answer.text


@pytest.mark.parametrize("page", ["0", "-3", "999999999"])
def test_a_page_beyond_the_ends_is_the_nearest(run, officer, page):
    assert officer.get(f"/runs/{run}/links?page={page}").status_code == 200


@pytest.mark.parametrize(
    "path", ["/runs/{no}", "/runs/{no}/links", "/runs/x", "/runs/{run}/links/{no}"]
)
def test_there_is_no_page_of_what_there_isnt(run, officer, path):
    path = path.replace("{no}", "0" * 32).replace("{run}", run)
    assert officer.get(path).status_code == 404


def test_a_card_has_the_weight_of_its_link(run, link, officer, desk):
    row = desk.links(DIGEST, run, Wanted(), 1).rows[0]
    page = Page(officer.get(f"/runs/{run}/links/{link}").text)
    (table,) = page.tables.values()
    assert table[-1][2].replace("\N{MINUS SIGN}", "-") == f"{row.weight:+.1f}"
    assert page.charts()
    assert row.agencies[0] in page.said()


def test_a_run_of_another_release_shows_the_same(world, run, desk, monkeypatch):
    """Its pages weren't prepared, or in another way: what they need is derived anew."""
    services, file = world.matcher.services, FinishedRuns.file
    finished, prepared = FinishedRuns(services.database, services.objects), {ABOUT, LINKS}
    assert all(file(finished, run, name) for name in prepared)
    monkeypatch.setattr(
        FinishedRuns,
        "file",
        lambda own, of, name: None if name in prepared else file(own, of, name),
    )
    anew = RunDesk(services.database, finished)
    assert anew.about(DIGEST, run) == desk.about(DIGEST, run)
    for wanted in (Wanted(), Wanted(weakest_first=True)):
        assert anew.links(DIGEST, run, wanted, 2) == desk.links(DIGEST, run, wanted, 2)


def test_reports_are_downloads_and_the_same_again(run, officer):
    for form, kind in (("pdf", "application/pdf"), ("html", "text/html; charset=utf-8")):
        one, other = (officer.get(f"/runs/{run}/report.{form}") for _ in range(2))
        assert one.headers["content-type"] == kind
        assert one.headers["content-disposition"].startswith("attachment; ")
        assert one.content == other.content


def test_an_erased_run_is_gone_from_the_pages_though_it_was_loaded(
    world, run, officer, monkeypatch
):
    monkeypatch.setattr(FinishedRuns, "outcome", lambda *_: None)
    for path in ("", "/people", "/links"):
        assert officer.get(f"/runs/{run}{path}").status_code == 404
