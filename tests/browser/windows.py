"""Windows of a browser on the console, and what is required of a page in them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.browser import chromium

DESKTOP, PHONE = (1200, 900), (375, 667)


@dataclass
class Window:
    """A window of a browser, and whatever it has complained about.

    ``url`` is where the matcher is reached, ``link`` makes a party's link to its console.
    """

    page: Any
    url: str
    link: Callable[[Any], str]
    complaints: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.on("console", lambda said: self.complaints.append(f"{said.type}: {said.text}"))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def go(self, path: str) -> None:
        """Open a page behind /console."""
        self.page.goto(f"{self.url}/console{path}")

    def sign_in(self, own: Any) -> None:
        """Open a party's link and press its button."""
        self.page.goto(self.link(own))
        self.page.get_by_role("button", name="Sign in").click()
        self.page.wait_for_url("**/console/")

    def resize(self, size: tuple[int, int]) -> None:
        """Make the window another width and height, in pixels."""
        self.page.set_viewport_size({"width": size[0], "height": size[1]})


@contextmanager
def browsing() -> Iterator[Any]:
    """Run a browser; skips the test where there is none.

    Fixtures that do so end with their module or folder: as long as one is open, no test of its
    process can run an event loop of its own.
    """
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright isn't installed")
    path = chromium.find()
    if path is None:
        pytest.skip(chromium.MISSING)
    with playwright.sync_playwright() as driver:
        found = driver.chromium.launch(executable_path=path, args=list(chromium.FLAGS))
        yield found
        found.close()


def axe_core() -> str:
    """Return the text of axe-core, which finds what keeps people from using a page."""
    import axe_playwright_python

    return (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text(encoding="utf-8")


def require_usable(window: Window, axe: str) -> None:
    """Require that axe finds nothing, and that nothing is wider than the window."""
    window.page.evaluate(axe)
    found = window.page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    said = [
        (one["id"], one["help"], [node["target"] for node in one["nodes"]][:3])
        for one in found["violations"]
    ]
    assert said == [], window.page.url
    assert len(found["passes"]) > 5
    require_narrow(window)


def require_narrow(window: Window) -> None:
    """Require that nobody has to scroll sideways to read."""
    root = "document.documentElement"
    assert window.page.evaluate(f"{root}.scrollWidth <= {root}.clientWidth"), window.page.url
