"""A matcher that really runs: uvicorn in a thread on a free port of this machine.

::

    def test_something(matcher):            # fixture of tests/matcher/api/conftest.py
        matcher.admit()                     # the agreement of tests/linkage/protocol/agreements.py
        matcher.sign_all()                  # ... is in force from here on
        answer = matcher.caller(POLICE).get("/v1/agreements")
        assert answer.status_code == 200

A caller signs every request by hand, and verifies the checkpoint of every answer.
"""

from __future__ import annotations

import re
import socket
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

import httpx2

from linkage.audit.trusted_log import TrustedLog
from linkage.protocol.agreement import Agreement
from linkage.protocol.keys import Identity
from linkage.protocol.problems import MEDIA_TYPE, parse_problem
from linkage.protocol.requests import parse_checkpoint_value, parse_consistency_value
from linkage.protocol.standing import sign_agreement
from matcher.api.routes import Routes
from matcher.app.building import Services, WebApp, all_routes, build_services
from matcher.app.monitored import Monitoring
from matcher.app.serving import server_for
from matcher.config.identity_key import PartyKeys
from matcher.config.settings import ServiceSettings, UploadSettings
from matcher.objects.folder import Folder
from matcher.objects.objects import Objects
from matcher.store.database import Database
from tests.linkage.audit.made_up import LOG
from tests.linkage.protocol.agreements import AGREEMENT, ROLES
from tests.linkage.protocol.parties import MATCHER
from tests.matcher.api.signing import Request

BEGIN = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
KEYS = PartyKeys(MATCHER.signing_key, MATCHER.opening_key)
PARTIES = {own.name: own for own in ROLES}


@dataclass
class Clock:
    """A clock that stands still unless a test moves it."""

    now: datetime = BEGIN

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **time: float) -> None:
        self.now += timedelta(**time)

    @property
    def seconds(self) -> int:
        return int(self.now.timestamp())


@dataclass
class Caller:
    """A party that asks; it keeps the checkpoint that it has pinned."""

    matcher: Matcher
    identity: Identity
    trusted: TrustedLog = field(default_factory=lambda: TrustedLog(LOG.verifier))

    def get(self, path: str) -> httpx2.Response:
        return self.send(self.signed("GET", path))

    def put(self, path: str, body: bytes) -> httpx2.Response:
        return self.send(self.signed("PUT", path, body))

    def post(self, path: str, body: bytes | None = None) -> httpx2.Response:
        return self.send(self.signed("POST", path, body))

    def delete(self, path: str) -> httpx2.Response:
        return self.send(self.signed("DELETE", path))

    def signed(self, method: str, path: str, body: bytes | None = None, **more: Any) -> Request:
        """Return a signed request, for a test to change."""
        settings = {"created": self.matcher.clock.seconds, "pinned": self.trusted.pinned.size}
        request = Request(method, self.matcher.url + path, body=body, **(settings | more))
        return request.signed_by(self.identity)

    def send(self, request: Request) -> httpx2.Response:
        """Send it, and require of the answer what every answer has."""
        answer = self.matcher.http.request(
            request.method, request.url, headers=request.headers, content=request.body
        )
        self.believe(answer.headers)
        self.matcher.require_documented(request.method, request.url, answer.status_code)
        if answer.status_code >= 400:
            assert answer.headers["content-type"] == MEDIA_TYPE
            assert parse_problem(answer.content, "the answer")[0].status == answer.status_code
        return answer

    def believe(self, headers: Mapping[str, str]) -> None:
        """Verify the checkpoint that an answer carries, and pin it."""
        note = parse_checkpoint_value(headers["concord-checkpoint"], "the answer")
        proof = headers["concord-consistency"]
        first, second, hashes = parse_consistency_value(proof, "the answer")
        if first == self.trusted.pinned.size:
            assert self.trusted.update(note, hashes).size == second


@dataclass
class Matcher:
    """A matcher that runs, with its services for a test to reach into."""

    url: str
    services: Services
    web: WebApp
    clock: Clock
    http: httpx2.Client
    port: int

    def require_documented(self, method: str, url: str, status: int) -> None:
        """Require that the OpenAPI tells of such an answer."""
        path = url.removeprefix(self.url).partition("?")[0]
        for template, operations in self.described["paths"].items():
            if re.fullmatch(re.sub(r"\{[a-z]+\}", "[^/]+", template), path):
                known = operations.get(method.lower(), {"responses": {"405": {}}})["responses"]
                assert str(status) in known or status == 299, (method, template, status)
                return
        assert status == 404, (method, path, status)

    @cached_property
    def described(self) -> dict[str, Any]:
        """The OpenAPI, taken from inside so that nothing else notices."""
        found: dict[str, Any] = self.web.asgi._app._api._app.openapi()
        return found

    def caller(self, identity: Identity) -> Caller:
        return Caller(self, identity)

    def admit(self, agreement: Agreement = AGREEMENT) -> str:
        """Admit an agreement with the operator's signature alone; return its digest."""
        self.services.admission.admit(agreement, {"its file": sign_agreement(agreement, MATCHER)})
        return agreement.digest()

    def sign_all(self, agreement: Agreement = AGREEMENT) -> None:
        """Add everybody's signature, so that the agreement is in force in March 2026."""
        for own in ROLES:
            self.services.admission.sign(agreement, own.name, sign_agreement(agreement, own))


@contextmanager
def running(
    database: Database,
    clock: Clock | None = None,
    routes: Callable[[Services], Sequence[Routes]] = all_routes,
    monitoring: Monitoring | None = None,
    objects: Objects | None = None,
    **settings: Any,
) -> Iterator[Matcher]:
    """Run a matcher on a database with the tables of this release.

    ``objects`` is a store of its own unless one is given; ``settings`` are those of [service].
    """
    clock = clock or Clock()
    listening = socket.create_server(("127.0.0.1", 0))
    chosen = ServiceSettings(port=listening.getsockname()[1], **settings)
    kept = tempfile.TemporaryDirectory()
    store = objects or Folder(Path(kept.name))
    services = build_services(database, LOG, store, UploadSettings(), clock, KEYS)
    web = WebApp(services, routes(services), chosen, clock, monitoring)
    server = server_for(web.asgi, chosen)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.005)
    try:
        with httpx2.Client(timeout=30, trust_env=False) as http:
            yield Matcher(chosen.address, services, web, clock, http, chosen.port)
    finally:
        server.should_exit = True
        thread.join()
        web.close()
        listening.close()
        kept.cleanup()
