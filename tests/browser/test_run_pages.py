"""The pages of a run in a real browser: figures opened, forms used, files saved."""

from __future__ import annotations

from tests.browser.conftest import Open
from tests.browser.windows import PHONE, require_usable
from tests.linkage.protocol.agreements import OFFICER
from tests.matcher.api.prepared import World
from tests.matcher.console.test_pages import link_of


def of_run(world: World) -> dict[str, str]:
    """Return the addresses of the pages of a run."""
    run, link = link_of(world)
    return {
        "quality": f"/runs/{run}",
        "model": f"/runs/{run}/model",
        "people": f"/runs/{run}/people",
        "links": f"/runs/{run}/links?agency=care&and_agency=police",
        "none": f"/runs/{run}/links?cluster=000000",
        "link": f"/runs/{run}/links/{link}",
    }


def test_the_numbers_beside_each_chart_can_be_used_on_a_phone(window: Open, world: World, axe: str):
    own = window(PHONE)
    own.sign_in(OFFICER)
    for path in of_run(world).values():
        own.go(path)
        for details in own.page.locator("details").all():
            details.evaluate("own => { own.open = true }")
        require_usable(own, axe)
    assert own.complaints == []
    own.go(of_run(world)["quality"] + "/links?agency=care")  # which can't be meant
    require_usable(own, axe)


def test_a_link_s_evidence_is_found_by_keyboard_and_without_scripts(window: Open, world: World):
    own = window(java_script_enabled=False)
    own.sign_in(OFFICER)
    own.go(of_run(world)["links"])
    own.page.get_by_label("Agency", exact=True).select_option("care")
    own.page.get_by_label("and agency").select_option("police")
    own.page.get_by_label("Order").select_option("weakest")
    own.page.get_by_role("button", name="Filter").press("Enter")
    own.page.wait_for_url("**and_agency=police**")
    own.page.get_by_role("link", name="Evidence of link").first.press("Enter")
    own.page.wait_for_url("**/links/*")
    assert own.page.get_by_role("img").count() == 1
    rows = own.page.locator("tbody tr")
    assert rows.last.inner_text().startswith("match weight")
    own.page.get_by_role("link", name="Match log").press("Enter")
    own.page.wait_for_url("**/links")


def test_the_report_is_saved_as_a_file(window: Open, world: World):
    own = window()
    own.sign_in(OFFICER)
    own.go(of_run(world)["quality"])
    for name, suffix in (("Report to file (PDF)", ".pdf"), ("Report to file (HTML)", ".html")):
        with own.page.expect_download() as download:
            own.page.get_by_role("link", name=name).click()
        assert download.value.suggested_filename.endswith(suffix)
