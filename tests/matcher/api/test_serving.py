"""Callers who are slow, silent or many don't keep the others from being served."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx2
import pytest

from linkage.protocol.problems import parse_problem
from matcher.app import serving
from matcher.config.settings import ServiceSettings
from matcher.store.database import Database
from tests.linkage.protocol.agreements import AGREEMENT
from tests.linkage.protocol.parties import CARE, POLICE
from tests.matcher.api.serving import Matcher, running

HEAD = b"GET /v1/agreements HTTP/1.1\r\nHost: matcher\r\n"


@pytest.fixture
def matcher(tmp_path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Matcher]:
    from matcher.store.migrating import migrate
    from tests.databases import open_database

    monkeypatch.setattr(serving, "HEAD_SECONDS", 0.5)
    database: Database = open_database(f"sqlite:///{tmp_path / 'matcher.sqlite'}")
    migrate(database)
    with running(database, body_seconds=1, connections=8, requests_per_second=1, burst=4) as found:
        found.admit()
        yield found
    database.close()


def connect(matcher: Matcher) -> socket.socket:
    return socket.create_connection(("127.0.0.1", matcher.port), timeout=10)


def is_cut_off(connection: socket.socket) -> bool:
    try:
        return connection.recv(1) == b""
    except ConnectionResetError:
        return True


def test_a_connection_that_says_nothing_is_cut_off(matcher: Matcher):
    with connect(matcher) as silent:
        assert is_cut_off(silent)


def test_no_answer_waits_for_an_acknowledgement(matcher: Matcher, monkeypatch: pytest.MonkeyPatch):
    """Head and body are written one after the other; callers delay what acknowledges the first."""
    begin, set_to = serving.PatientProtocol.connection_made, list[int]()

    def begun(own: serving.PatientProtocol, transport: asyncio.Transport) -> None:
        begin(own, transport)
        connection = transport.get_extra_info("socket")
        set_to.append(connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))

    monkeypatch.setattr(serving.PatientProtocol, "connection_made", begun)
    assert matcher.caller(POLICE).get("/v1/agreements").status_code == 200
    assert set_to
    assert all(set_to)


def test_an_idle_connection_stays_open_as_long_as_a_head_is_waited_for():
    """docs/operating.md names the seconds: proxies must close theirs before."""
    server = serving.server_for(_never, ServiceSettings())
    assert server.config.timeout_keep_alive == serving.HEAD_SECONDS == 10


async def _never(*_: object) -> None:
    raise AssertionError("nobody asks")


@contextmanager
def serving_app(app: Any) -> Iterator[int]:
    """Serve an app on a port of this machine."""
    listening = socket.create_server(("127.0.0.1", 0))
    server = serving.server_for(app, ServiceSettings())
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.005)
    try:
        yield listening.getsockname()[1]
    finally:
        server.should_exit = True
        thread.join()
        listening.close()


def test_a_request_that_came_with_the_one_before_may_take_its_time(
    monkeypatch: pytest.MonkeyPatch,
):
    """Its head is there; what takes long is the matcher's answer."""
    monkeypatch.setattr(serving, "HEAD_SECONDS", 0.2)

    async def app(scope: Any, _receive: Any, send: Any) -> None:
        await asyncio.sleep(0.6 if scope["path"] == "/slow" else 0)
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body"})

    with serving_app(app) as port:
        begun = time.monotonic()
        with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
            connection.sendall(b"".join(b"GET /%s HTTP/1.1\r\nHost: m\r\n\r\n" % path
                                        for path in (b"quick", b"slow")))  # fmt: skip
            found = b""
            while data := connection.recv(1000):
                found += data
    assert found.count(b"HTTP/1.1 204 ") == 2
    assert 0.6 < time.monotonic() - begun < 9


def test_a_head_that_drips_is_cut_off(matcher: Matcher):
    """However often it sends a byte."""
    with connect(matcher) as slow:
        begun = time.monotonic()
        try:
            slow.sendall(HEAD)
            while time.monotonic() < begun + 8:
                slow.sendall(b"X-Slow: 1\r\n")
                time.sleep(0.1)
        except OSError:
            pass
        assert time.monotonic() < begun + 8


def test_a_head_without_end_is_refused(matcher: Matcher):
    with connect(matcher) as large:
        large.sendall(HEAD + b"X: " + b"x" * (1 << 17))
        assert b" 400 " in large.recv(100)


def test_a_body_that_stops_coming_is_given_up(matcher: Matcher):
    path = f"/v1/agreements/{AGREEMENT.digest()}/signatures/police"
    request = matcher.caller(POLICE).signed("PUT", path, b"x" * 1000)
    lines = "".join(f"{name}: {value}\r\n" for name, value in request.headers.items())
    with connect(matcher) as half:
        half.sendall(
            f"PUT {path} HTTP/1.1\r\nHost: m\r\nContent-Length: 1000\r\n{lines}\r\n".encode()
        )
        half.sendall(b"x" * 500)
        assert b" 408 " in half.recv(100)


def test_more_connections_than_allowed_are_cut_off_at_once(matcher: Matcher):
    held = [connect(matcher) for _ in range(8)]
    time.sleep(0.1)
    begun = time.monotonic()
    with connect(matcher) as one_more:
        assert is_cut_off(one_more)
    assert time.monotonic() < begun + 0.4
    for connection in held:
        assert is_cut_off(connection)
        connection.close()
    assert matcher.caller(POLICE).get("/v1/agreements").status_code == 200


def test_a_caller_who_asks_too_often_waits_and_others_do_not(matcher: Matcher):
    police = matcher.caller(POLICE)
    answers = [police.get("/v1/agreements") for _ in range(6)]
    assert [answer.status_code for answer in answers[:4]] == [200] * 4
    last = answers[-1]
    assert parse_problem(last.content, "it")[0].name == "too-many"
    assert int(last.headers["retry-after"]) >= 1
    assert matcher.caller(CARE).get("/v1/agreements").status_code == 200


def test_there_are_no_pages_of_documentation_and_no_other_addresses(matcher: Matcher):
    for path in ("/docs", "/redoc", "/", "/v1", "/v1/", "/v1/agreements/", "/V1/agreements"):
        answer = matcher.http.get(matcher.url + path)
        assert answer.status_code == 404, path
        assert parse_problem(answer.content, "it")[0].name == "missing"
    answer = matcher.http.patch(f"{matcher.url}/v1/agreements")
    assert parse_problem(answer.content, "it")[0].name == "method"


def test_an_answer_says_nothing_of_what_serves(matcher: Matcher):
    answer = matcher.http.get(f"{matcher.url}/v1/agreements")
    assert "server" not in answer.headers


def test_a_database_that_is_away_is_said_and_survived(matcher: Matcher, tmp_path):
    file, away = tmp_path / "matcher.sqlite", tmp_path / "away"
    police = matcher.caller(POLICE)
    request = police.signed("GET", "/v1/agreements")
    file.rename(away)
    answer = httpx2.get(request.url, headers=request.headers)
    assert parse_problem(answer.content, "it")[0].name == "unavailable"
    assert "concord-checkpoint" not in answer.headers
    away.rename(file)
    assert police.get("/v1/agreements").status_code == 200
