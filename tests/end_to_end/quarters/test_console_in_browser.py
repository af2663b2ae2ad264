"""The console's pages on the second quarter in a real browser, on a desk and on a phone."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import pytest

from examples.safeguarding.quarters.playing import Played
from examples.safeguarding.quarters.stage import OFFICER
from tests.browser.test_console import UNSHOWN
from tests.browser.windows import DESKTOP, PHONE, Window, axe_core, browsing, require_usable
from tests.end_to_end.quarters.visits import Served, addresses, allowed, link_of, visitor_of


@pytest.fixture
def window(played: Played, served: Served) -> Iterator[Window]:
    with browsing() as browser:
        yield Window(browser.new_page(), served.url, partial(link_of, played))


def test_every_page_of_the_officer_can_be_used(window: Window, played: Played, served: Served):
    where, axe = addresses(played, visitor_of(played, served, OFFICER)), axe_core()
    window.sign_in(OFFICER)
    for page, address in where.items():
        if page in UNSHOWN or "dpo" not in allowed()[page]:
            continue
        window.resize(DESKTOP)
        window.go(address)
        require_usable(window, axe)
        window.resize(PHONE)
        require_usable(window, axe)
    assert window.complaints == []
