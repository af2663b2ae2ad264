"""A real browser, and a matcher with something on every page."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.browser import chromium
from tests.matcher.api.prepared import World
from tests.matcher.console.conftest import world
from tests.matcher.console.visiting import link_for

__all__ = ["world"]

DESKTOP, PHONE = (1200, 900), (375, 667)


@dataclass
class Window:
    """A window of a browser, and whatever it has complained about."""

    page: Any
    world: World
    complaints: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.on("console", lambda said: self.complaints.append(f"{said.type}: {said.text}"))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def go(self, path: str) -> None:
        """Open a page behind /console."""
        self.page.goto(f"{self.world.matcher.url}/console{path}")

    def sign_in(self, own) -> None:
        """Open a link and press its button."""
        self.page.goto(link_for(self.world.matcher, own))
        self.page.get_by_role("button", name="Sign in").click()
        self.page.wait_for_url("**/console/")


Open = Callable[..., Window]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright isn't installed")
    path = chromium.find()
    if path is None:
        pytest.skip(chromium.MISSING)
    with playwright.sync_playwright() as driver:
        found = driver.chromium.launch(executable_path=path, args=list(chromium.FLAGS))
        yield found
        found.close()


@pytest.fixture
def window(browser: Any, world: World) -> Iterator[Open]:
    """Open windows, each without anything of the others."""
    contexts = []

    def open_window(size: tuple[int, int] = DESKTOP, **more: Any) -> Window:
        width, height = size
        contexts.append(browser.new_context(viewport={"width": width, "height": height}, **more))
        return Window(contexts[-1].new_page(), world)

    yield open_window
    for context in contexts:
        context.close()


@pytest.fixture(scope="session")
def axe() -> str:
    """Give the text of axe-core, which finds what keeps people from using a page."""
    import axe_playwright_python

    return (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text(encoding="utf-8")
