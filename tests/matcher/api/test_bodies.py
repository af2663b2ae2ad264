"""Bodies: bounded, held to their digest, and taken in pieces where an endpoint asks for that."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import pytest

from linkage.protocol.problems import parse_problem
from matcher.api.access import ANY_PARTY
from matcher.api.gate import BodyRule, SignedCall
from matcher.api.routes import Raw, Routes
from matcher.app.building import Services
from matcher.store.database import Database
from tests.linkage.protocol.parties import POLICE
from tests.matcher.api.serving import Matcher, running

MOST = 200_000


def probes(_: Services) -> list[Routes]:
    routes = Routes("probes")
    text = Raw("text/plain", "The SHA-256 of the body.")

    @routes.put("/whole", ANY_PARTY, body=BodyRule(MOST), answer=text)
    def whole(call: SignedCall):
        return text.response(hashlib.sha256(call.body).hexdigest().encode())

    @routes.put("/pieces", ANY_PARTY, body=BodyRule(MOST, streamed=True), answer=text)
    async def pieces(call: SignedCall):
        hashed = hashlib.sha256()
        async for chunk in call.in_pieces.chunks():
            hashed.update(chunk)
        return text.response(hashed.hexdigest().encode())

    return [routes]


@pytest.fixture
def matcher(database: Database) -> Iterator[Matcher]:
    with running(database, routes=probes, body_seconds=1) as found:
        found.admit()
        yield found


@pytest.fixture(params=["/v1/whole", "/v1/pieces"])
def path(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.mark.parametrize("size", [0, 1, MOST])
def test_a_body_arrives_as_it_was_signed(matcher: Matcher, path: str, size: int):
    body = bytes(size)
    answer = matcher.caller(POLICE).put(path, body)
    assert (answer.status_code, answer.text) == (200, hashlib.sha256(body).hexdigest())


def test_another_body_is_refused(matcher: Matcher, path: str):
    request = matcher.caller(POLICE).signed("PUT", path, b"signed")
    request.body = b"sEnt!!"
    answer = matcher.caller(POLICE).send(request)
    assert parse_problem(answer.content, "it")[0].name == "unsigned"


def test_a_body_that_is_too_long_is_refused_before_it_is_read(matcher: Matcher, path: str):
    answer = matcher.caller(POLICE).put(path, bytes(MOST + 1))
    assert parse_problem(answer.content, "it")[0].name == "too-large"


def test_a_body_of_unknown_length_is_refused(matcher: Matcher, path: str):
    request = matcher.caller(POLICE).signed("PUT", path, b"abc")
    answer = matcher.http.put(request.url, headers=request.headers, content=iter([b"abc"]))
    assert parse_problem(answer.content, "it")[0].name == "length"


def test_an_encoded_body_is_refused(matcher: Matcher, path: str):
    caller = matcher.caller(POLICE)
    request = caller.signed("PUT", path, b"abc")
    request.headers["content-encoding"] = "gzip"
    assert parse_problem(caller.send(request).content, "it")[0].name == "encoded"
