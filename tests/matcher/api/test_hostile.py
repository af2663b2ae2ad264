"""Callers who would stop a matcher: the others are served, and what is held for them is bounded."""

from __future__ import annotations

import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import httpx2
import pytest
from sqlalchemy import func, select

from linkage.protocol.upload import announcement_bytes
from matcher.api.limits import UsedNonces
from matcher.api.upload_routes import upload_routes
from matcher.app import serving as serving_module
from matcher.objects.folder import Folder
from matcher.store.database import Database
from matcher.store.tables import nonces
from tests.linkage.protocol.parties import CARE, POLICE, identity
from tests.matcher.api.serving import BEGIN, Caller, Clock, Matcher, running
from tests.matcher.api.signing import Request
from tests.matcher.uploading import DIGEST, LIMITS, announcement, file_of, open_round, service

SOON = 3.0
"""Seconds within which an honest caller is answered, on a busy machine."""
CONNECTIONS = 40
FILE = file_of("police")
BASE = f"/v1/agreements/{DIGEST}"


@pytest.fixture
def objects(tmp_path: Path) -> Folder:
    (tmp_path / "objects").mkdir()
    return Folder(tmp_path / "objects")


@pytest.fixture
def matcher(
    database: Database, objects: Folder, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Matcher]:
    """Give a matcher that waits a second for heads and bodies."""
    monkeypatch.setattr(serving_module, "HEAD_SECONDS", 1)
    clock = Clock()

    def routes(services):
        from matcher.app.building import all_routes

        mine = upload_routes(service(database, objects, clock, LIMITS))
        others = [one for one in all_routes(services) if one.router.tags != mine.router.tags]
        return [*others, mine]

    with running(database, clock, routes, body_seconds=1, connections=CONNECTIONS) as found:
        found.admit()
        found.sign_all()
        open_round(database, 1)
        yield found


@contextmanager
def held(matcher: Matcher, many: int, said: bytes) -> Iterator[list[socket.socket]]:
    """Hold connections that have said something and then say nothing more."""
    place = urlsplit(matcher.url)
    with ExitStack() as stack:
        found = []
        for _ in range(many):
            one = socket.create_connection((place.hostname, place.port), timeout=10)
            found.append(stack.enter_context(one))
            one.sendall(said)
        yield found


def asked(caller: Caller) -> float:
    """Ask a small thing on a connection of its own; return how many seconds it took."""
    begun = time.perf_counter()
    request = caller.signed("GET", "/v1/agreements")
    answer = httpx2.get(request.url, headers=request.headers, timeout=10)
    assert answer.status_code == 200
    return time.perf_counter() - begun


def was_closed(connection: socket.socket) -> bool:
    """Whether the other side has closed or reset a connection, within seconds."""
    connection.settimeout(5)
    try:
        while connection.recv(4096):
            continue
    except TimeoutError:
        return False
    except OSError:
        return True
    return True


def test_heads_that_drip_stop_nobody_and_are_cut_off(matcher: Matcher):
    caller = matcher.caller(POLICE)
    stop = threading.Event()
    with held(matcher, CONNECTIONS - 10, b"GET /v1/agreements HTTP/1.1\r\nX-Slow: ") as slow:

        def drip() -> None:
            while not stop.wait(0.1):
                for one in slow:
                    try:
                        one.send(b"x")
                    except OSError:
                        continue

        thread = threading.Thread(target=drip)
        thread.start()
        try:
            assert max(asked(caller) for _ in range(10)) < SOON
            time.sleep(1.5)
        finally:
            stop.set()
            thread.join()
        assert all(was_closed(one) for one in slow)


def test_when_every_connection_is_taken_it_is_only_for_a_moment(matcher: Matcher):
    caller = matcher.caller(POLICE)
    with held(matcher, 2 * CONNECTIONS, b"GET /"):
        until = time.monotonic() + 10
        while time.monotonic() < until:
            try:
                asked(caller)
                break
            except httpx2.TransportError:
                time.sleep(0.1)
        else:
            pytest.fail("nobody was served while others held every connection")


def test_bodies_that_stop_midway_stop_nobody_and_leave_nothing(
    matcher: Matcher, objects: Folder, tmp_path: Path
):
    police, care = matcher.caller(POLICE), matcher.caller(CARE)
    state = police.post(f"{BASE}/rounds/1/uploads", announcement_bytes(announcement(FILE))).json()
    part = FILE[: LIMITS.part_size]
    request = police.signed("PUT", f"{BASE}/uploads/{state['id']}/parts/0", part)
    with ExitStack() as stack:
        halves = []
        for _ in range(10):
            again = police.signed("PUT", f"{BASE}/uploads/{state['id']}/parts/0", part)
            (one,) = stack.enter_context(held(matcher, 1, _head(matcher, again) + part[:1000]))
            halves.append(one)
        assert max(asked(care) for _ in range(10)) < SOON
        assert all(was_closed(one) for one in halves)
    until = time.monotonic() + 5
    while _files(tmp_path / "objects") and time.monotonic() < until:
        time.sleep(0.05)
    assert _files(tmp_path / "objects") == []
    assert police.get(f"{BASE}/uploads/{state['id']}").json()["received"] == []
    assert police.send(request).status_code == 204


def _files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def _head(matcher: Matcher, request) -> bytes:
    lines = [f"{name}: {value}" for name, value in request.headers.items()]
    path = urlsplit(request.url).path
    lines += [f"Host: {urlsplit(matcher.url).netloc}", f"Content-Length: {len(request.body)}"]
    return "\r\n".join([f"{request.method} {path} HTTP/1.1", *lines, "", ""]).encode()


def stored_nonces(database: Database) -> int:
    with database.reading() as connection:
        return connection.execute(select(func.count()).select_from(nonces)).scalar_one()


def test_one_request_sent_a_hundred_times_counts_once(matcher: Matcher, database: Database):
    request = matcher.caller(POLICE).signed("GET", "/v1/agreements")

    def send(_: int) -> int:
        return httpx2.get(request.url, headers=request.headers, timeout=30).status_code

    with ThreadPoolExecutor(8) as pool:
        found = Counter(pool.map(send, range(100)))
    assert found[200] == 1
    assert found[401] + found[429] == 99
    assert stored_nonces(database) == 1
    assert asked(matcher.caller(CARE)) < SOON


def test_who_asks_too_often_is_alone_with_that(database: Database):
    with running(database, requests_per_second=1, burst=5) as matcher:
        matcher.admit()
        police = matcher.caller(POLICE)
        statuses = Counter(police.get("/v1/agreements").status_code for _ in range(30))
        assert statuses[429] > 15
        assert asked(matcher.caller(CARE)) < SOON


def test_copies_of_a_request_are_not_counted_as_its_sender_asking(database: Database):
    with running(database, requests_per_second=1, burst=3) as matcher:
        matcher.admit()
        police = matcher.caller(POLICE)
        request = police.signed("GET", "/v1/agreements")
        statuses = [police.send(request).status_code for _ in range(20)]
        assert statuses == [200] + [401] * 19
        assert police.get("/v1/agreements").status_code == 200


def test_after_a_restart_a_copy_is_counted_once(database: Database):
    public = "https://matcher.example"
    options = {"requests_per_second": 1, "burst": 3, "public_url": public}
    request = Request("GET", f"{public}/v1/agreements", int(BEGIN.timestamp())).signed_by(POLICE)
    found = []
    for _ in range(2):
        with running(database, **options) as matcher:
            matcher.admit()
            url = f"http://127.0.0.1:{matcher.port}/v1/agreements"
            found += [httpx2.get(url, headers=request.headers).status_code for _ in range(9)]
    assert found == [200] + [401] * 17


def test_used_nonces_are_forgotten_when_no_clock_takes_them():
    now = [100.0]
    used = UsedNonces(lambda: now[0])
    for at in range(1000):
        now[0] = 100.0 + at
        used.add(f"{at}", 250 + at)
    assert len(used) == 151
    assert "849" in used
    assert "848" not in used


def test_strangers_leave_no_nonces(matcher: Matcher, database: Database):
    """What can be made without end by anybody is stored for nobody."""
    stranger = identity("stranger", 91)
    with httpx2.Client() as client:
        for _ in range(50):
            request = matcher.caller(stranger).signed("GET", "/v1/agreements")
            answer = client.get(request.url, headers=request.headers)
            assert answer.status_code == 401
    assert stored_nonces(database) == 0
