"""The console in a real browser: for everybody, by keyboard, on a phone, without scripts."""

from __future__ import annotations

from matcher.ledger.searching import Wanted
from tests.browser.conftest import Open
from tests.browser.windows import DESKTOP, PHONE, Window, require_narrow, require_usable
from tests.linkage.protocol.agreements import AGREEMENT, HUB, OFFICER
from tests.matcher.api.prepared import World
from tests.matcher.console.test_pages import addresses
from tests.matcher.console.visiting import link_for

UNSHOWN = {"/log/bundle", "/runs/{run}/report.html", "/runs/{run}/report.pdf"}
"""Downloads."""


def shown(world: World) -> list[str]:
    return [path for page, path in addresses(world).items() if page not in UNSHOWN]


def test_every_page_can_be_used_by_everybody(window: Open, world: World, axe: str):
    own = window()
    own.page.goto(link_for(world.matcher, OFFICER))
    require_usable(own, axe)
    own.sign_in(OFFICER)
    for path in shown(world):
        own.go(path)
        require_usable(own, axe)
    own.page.get_by_role("button", name="Sign out").click()
    require_usable(own, axe)
    assert own.complaints == []
    own.go("/")
    require_usable(own, axe)
    assert "You are not signed in" in own.page.content()


def test_every_page_fits_a_phone(window: Open, world: World, axe: str):
    own = window(PHONE)
    own.sign_in(OFFICER)
    for path in shown(world):
        own.go(path)
        require_narrow(own)
        # Those whose tables stack there; the others are as they are on a desk.
        if path in ("/", "/agreement", "/disclosures", "/log"):
            require_usable(own, axe)
    assert own.complaints == []


def test_a_recipient_s_pages_can_be_used_too(window: Open, world: World, axe: str):
    own = window()
    own.sign_in(HUB)
    for path in ("/", "/disclosures"):
        own.go(path)
        require_usable(own, axe)
    assert own.page.get_by_role("link", name="Log", exact=True).count() == 0


def focused(window: Window) -> str:
    return window.page.evaluate("document.activeElement.innerText.trim()")


def test_the_keyboard_is_enough(window: Open, world: World):
    own = window()
    own.page.goto(link_for(world.matcher, OFFICER))
    keys = own.page.keyboard
    keys.press("Tab")
    assert focused(own) == "Skip to main content"
    keys.press("Tab")
    assert focused(own) == "Sign in as officer"
    keys.press("Enter")
    own.page.wait_for_url("**/console/")
    names = ["Skip to main content", "Concord console", "Overview", "Agreement", "Rounds", "Runs"]
    for name in names:
        keys.press("Tab")
        assert focused(own) == name
        outline = own.page.evaluate(
            "(s => s.outlineStyle !== 'none' || s.backgroundColor !== 'rgba(0, 0, 0, 0)')"
            "(getComputedStyle(document.activeElement))"
        )
        assert outline, f"{name} doesn't show that it has the focus"
    keys.press("Enter")
    own.page.wait_for_url("**/console/runs")
    keys.press("Tab")
    keys.press("Enter")
    assert own.page.evaluate("document.activeElement.id") == "main-content"
    # A table that is wider than the window can be reached, to be scrolled.
    keys.press("Tab")
    assert own.page.evaluate("document.activeElement.getAttribute('role')") == "region"


def test_the_log_is_chosen_from_with_the_keyboard(window: Open, world: World):
    own = window()
    own.sign_in(OFFICER)
    own.go("/log")
    own.page.get_by_label("What was done").focus()
    own.page.keyboard.type("disclosure")
    own.page.keyboard.press("Enter")
    own.page.get_by_role("button", name="Show").focus()
    own.page.keyboard.press("Enter")
    own.page.wait_for_url("**/log?verb=disclosure*")
    disclosed = world.matcher.services.events.page(
        Wanted(AGREEMENT.agreement.id, verb="disclosure")
    )
    assert own.page.locator("tbody tr").count() == disclosed.total == 4


def test_without_scripts_everything_can_be_read(window: Open, world: World):
    for size in (DESKTOP, PHONE):
        own = window(size, java_script_enabled=False)
        own.sign_in(OFFICER)
        for path in shown(world):
            own.go(path)
            assert own.page.locator("h1").is_visible()
        assert (
            own.page.get_by_role("navigation", name="Menu").get_by_role("link").first.is_visible()
        )
        own.go("/log")
        own.page.get_by_label("By whom").select_option("care")
        own.page.get_by_role("button", name="Show").click()
        assert "party=care" in own.page.url
        own.page.get_by_role("button", name="Sign out").click()
        assert own.page.get_by_role("heading", name="You are signed out").is_visible()


def test_the_menu_opens_on_a_phone(window: Open):
    own = window(PHONE)
    own.sign_in(OFFICER)
    menu, links = own.page.get_by_role("button", name="Menu"), own.page.locator("#navigation a")
    assert menu.get_attribute("aria-expanded") == "false"
    assert not links.first.is_visible()
    menu.click()
    assert menu.get_attribute("aria-expanded") == "true"
    assert links.first.is_visible()


def test_a_phone_shows_each_cell_beside_its_column_s_name(window: Open):
    own = window(PHONE)
    own.sign_in(OFFICER)
    own.go("/log")
    cell = own.page.locator("tbody td").first
    assert cell.evaluate("own => getComputedStyle(own, '::before').content") == '"When (UTC)"'


def test_scripts_can_t_read_the_cookie_and_nothing_foreign_is_loaded(window: Open, world: World):
    own, asked = window(), []
    own.page.on("request", lambda request: asked.append(request.url))
    own.sign_in(OFFICER)
    for path in ("/", "/log", "/agreement"):
        own.go(path)
    assert own.page.evaluate("document.cookie") == ""
    (cookie,) = own.page.context.cookies()
    assert (cookie["httpOnly"], cookie["sameSite"], cookie["expires"]) == (True, "Strict", -1)
    assert all(url.startswith(world.matcher.url) for url in asked)


def test_what_the_policy_forbids_is_stopped(window: Open, world: World):
    """The policy isn't only sent: a script that somebody has put into a page doesn't run."""
    own = window()
    own.sign_in(OFFICER)
    own.go("/log")
    own.page.evaluate(
        "() => { const own = document.createElement('script'); own.textContent = 'window.bad = 1';"
        " document.body.append(own); document.body.setAttribute('style', 'color: red'); }"
    )
    assert own.page.evaluate("window.bad") is None
    assert any("Content Security Policy" in said for said in own.complaints)
