"""A party with a browser: it signs in as people do, and reads pages.

::

    officer = visitor(matcher, OFFICER)       # signed in, by a link of its own
    page = officer.get("/rounds")             # behind /console
    assert page.status_code == 200 and "Rounds" in page.text
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import Any

import httpx2

from linkage.protocol.console import ConsoleLink, link_address, sign_link
from linkage.protocol.keys import Identity
from matcher.console.headers import POLICY
from tests.linkage.protocol.agreements import AGREEMENT
from tests.matcher.api.serving import Matcher

OWN = {"sec-fetch-site": "same-origin"}
"""What a browser says of a form that is sent from a page of the same address."""


def link_for(matcher: Matcher, own: Identity, /, **more: Any) -> str:
    """Return the address of a new link; ``more`` is said in it instead."""
    now = matcher.clock.seconds
    said: dict[str, Any] = {
        "agreement": AGREEMENT.digest(),
        "matcher": matcher.url,
        "created": now,
        "expires": now + 120,
        "nonce": secrets.token_hex(16),
        "reason": "The yearly audit",
    }
    return link_address(sign_link(ConsoleLink(**said | more), own), matcher.url)


@dataclass
class Visitor:
    """A browser that keeps its cookies to itself."""

    matcher: Matcher
    cookies: dict[str, str] = field(default_factory=dict)

    def get(self, path: str) -> httpx2.Response:
        """Ask for a page behind /console."""
        return self._believe(self._ask("GET", f"{self.matcher.url}/console{path}"))

    def send(
        self, path: str, form: dict[str, str] | None = None, headers: dict[str, str] = OWN
    ) -> httpx2.Response:
        """Send a form."""
        url = f"{self.matcher.url}/console{path}"
        return self._believe(self._ask("POST", url, data=form or {}, headers=headers))

    def enter(self, link: str) -> httpx2.Response:
        """Press the button of a link's page."""
        return self._believe(self._ask("POST", link, headers=OWN))

    def _ask(self, method: str, url: str, **more: Any) -> httpx2.Response:
        said = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        headers = more.pop("headers", {}) | ({"cookie": said} if said else {})
        answer = self.matcher.http.request(method, url, headers=headers, **more)
        self.matcher.http.cookies.clear()
        for name, value in answer.cookies.items():
            self.cookies[name] = value
        return answer

    @staticmethod
    def _believe(answer: httpx2.Response) -> httpx2.Response:
        """Require of an answer what every answer has."""
        assert answer.headers["content-security-policy"] == POLICY
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert "concord-checkpoint" not in answer.headers
        return answer


def visitor(matcher: Matcher, own: Identity, /, **more: Any) -> Visitor:
    """Return a browser in which a party is signed in."""
    found = Visitor(matcher)
    answer = found.enter(link_for(matcher, own, **more))
    assert answer.status_code == 303, answer.text
    return found
