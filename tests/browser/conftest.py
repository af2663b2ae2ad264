"""A real browser, and a matcher with something on every page, for all tests here."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest

from tests.browser.windows import DESKTOP, Window, axe_core, browsing
from tests.matcher.api.prepared import World
from tests.matcher.console.conftest import used
from tests.matcher.console.visiting import link_for

Open = Callable[..., Window]


@pytest.fixture(scope="package")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with used(tmp_path_factory.mktemp("console")) as made:
        yield made


@pytest.fixture(scope="package")
def browser() -> Iterator[Any]:
    with browsing() as found:
        yield found


@pytest.fixture
def window(browser: Any, world: World) -> Iterator[Open]:
    """Open windows, each without anything of the others."""
    contexts = []

    def open_window(size: tuple[int, int] = DESKTOP, **more: Any) -> Window:
        width, height = size
        contexts.append(browser.new_context(viewport={"width": width, "height": height}, **more))
        page, matcher = contexts[-1].new_page(), world.matcher
        return Window(page, matcher.url, partial(link_for, matcher))

    yield open_window
    for context in contexts:
        context.close()


@pytest.fixture(scope="package")
def axe() -> str:
    return axe_core()
