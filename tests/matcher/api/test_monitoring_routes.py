"""/healthz and /metrics of a running matcher, and the lines that it logs of every request."""

from __future__ import annotations

import io
import json
import logging
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import httpx2
import pytest

from linkage.protocol.problems import parse_problem
from matcher.api.access import ANY_PARTY
from matcher.api.gate import BodyRule, SignedCall
from matcher.api.routes import Routes
from matcher.app.building import Services, all_routes
from matcher.app.monitored import Monitoring, build_monitoring
from matcher.config.creation import create_matcher
from matcher.config.loading import load_settings
from matcher.logs.output import _Formatter, _Handler
from matcher.monitoring import health as health_module
from matcher.objects.opening import open_objects
from matcher.store.database import Database
from matcher.store.failures import DatabaseError
from matcher.uploads.failures import BusyError
from tests.linkage.audit.made_up import LOG
from tests.linkage.protocol.agreements import AGREEMENT
from tests.linkage.protocol.parties import POLICE, identity
from tests.matcher.api.serving import Matcher, running

NAME = "Aoife Ní Bhriain"
DIGEST = AGREEMENT.digest()
STRANGER = identity("stranger", 91)


def failing(services: Services) -> list[Routes]:
    routes = Routes("probes")

    @routes.put("/agreements/{digest}/fault", ANY_PARTY, body=BodyRule(1000))
    def fault(call: SignedCall) -> None:
        raise RuntimeError(f"{NAME}: {call.body!r} {call.key}")

    @routes.get("/agreements/{digest}/busy", ANY_PARTY, answer=None)
    def busy(call: SignedCall) -> None:
        raise BusyError("Others are being verified; ask again.")

    @routes.get("/agreements/{digest}/away", ANY_PARTY, answer=None)
    def away(call: SignedCall) -> None:
        raise DatabaseError(f"The database of {NAME} is full.") from OSError(28, NAME)

    @routes.get("/agreements/{digest}/purpose", ANY_PARTY, answer=None)
    def purpose(call: SignedCall) -> None:
        assert call.place.party

    return [*all_routes(services), routes]


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """Give what the service logs, as lines of JSON."""
    stream = io.StringIO()
    handler = _Handler(stream)
    handler.setFormatter(_Formatter("json"))
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel("DEBUG")
    yield stream
    root.removeHandler(handler)
    root.setLevel(level)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "service"
    create_matcher(folder, LOG)
    return folder


def monitoring(folder: Path, database: Database, serve: str = "loopback") -> Monitoring:
    settings = load_settings(folder, {}, {"metrics.serve": serve})
    return build_monitoring(settings, database, open_objects(settings), lambda: datetime.now(UTC))


@pytest.fixture
def matcher(database: Database, folder: Path, log: io.StringIO) -> Iterator[Matcher]:
    with running(database, routes=failing, monitoring=monitoring(folder, database)) as found:
        found.admit()
        yield found


def requests(log: io.StringIO, count: int) -> list[dict]:
    """Wait for so many lines: each is written once its response is on its way."""
    until = time.monotonic() + 10
    found: list[dict] = []
    while len(found) < count and time.monotonic() < until:
        time.sleep(0.01)
        lines = [json.loads(line) for line in log.getvalue().splitlines()]
        found = [line for line in lines if line["event"] == "request"]
    assert len(found) == count
    return found


def test_a_matcher_that_is_well_says_so(matcher: Matcher):
    answer = httpx2.get(f"{matcher.url}/healthz")
    assert (answer.status_code, answer.json()) == (200, {"status": "well"})


def test_one_that_is_not_says_what(matcher: Matcher, folder: Path, monkeypatch, log):
    monkeypatch.setattr(health_module, "FRESH_SECONDS", 0)
    (folder / "log.key").unlink()
    answer = httpx2.get(f"{matcher.url}/healthz")
    problem, _ = parse_problem(answer.content, "the answer")
    assert (answer.status_code, problem.name) == (503, "unavailable")
    assert "log_key" in answer.text
    assert str(folder) not in answer.text + log.getvalue()


@pytest.mark.parametrize("path", ["/healthz", "/metrics", "/openapi.json"])
def test_what_is_outside_of_v1_says_nothing_of_the_log(matcher: Matcher, path: str):
    assert "concord-checkpoint" not in httpx2.get(matcher.url + path).headers


def test_the_numbers_are_for_this_machine(matcher: Matcher):
    answer = httpx2.get(f"{matcher.url}/metrics")
    assert answer.status_code == 200
    assert "concord_log_events 1.0" in answer.text
    again = httpx2.get(f"{matcher.url}/metrics").text
    assert 'concord_requests_total{method="GET",route="/metrics",status="200"} 1.0' in again


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "matcher.example"},
        {"Host": "localhost.example"},
        {"X-Forwarded-For": "203.0.113.9"},
        {"Forwarded": "for=203.0.113.9"},
        {"Via": "1.1 proxy"},
        {"X-Real-IP": "203.0.113.9"},
    ],
)
def test_whom_a_proxy_stands_for_sees_no_numbers(matcher: Matcher, headers: dict[str, str]):
    answer = httpx2.get(f"{matcher.url}/metrics", headers=headers)
    assert answer.status_code == 404
    assert "concord_" not in answer.text


@pytest.mark.parametrize(("serve", "status"), [("always", 200), ("never", 404)])
def test_the_operator_decides_who_sees_numbers(
    folder: Path, database: Database, serve: str, status: int
):
    with running(database, monitoring=monitoring(folder, database, serve)) as matcher:
        answer = httpx2.get(f"{matcher.url}/metrics", headers={"Host": "matcher.example"})
        assert answer.status_code == status


def test_every_request_is_a_line(matcher: Matcher, log: io.StringIO):
    answer = matcher.caller(POLICE).get(f"/v1/agreements/{DIGEST}/purpose")
    assert answer.status_code == 204
    (line,) = requests(log, 1)
    assert line["request"] == answer.headers["concord-request"]
    assert (line["method"], line["status"], line["role"]) == ("GET", 204, "agency")
    assert line["route"] == "/v1/agreements/{digest}/purpose"
    assert 0 < line["ms"] < 10_000


def test_addresses_that_lead_nowhere_are_not_repeated(matcher: Matcher, log: io.StringIO):
    for path in ("/v1/Aoife", "/Aoife", "/v1/agreements/Aoife?name=Aoife"):
        httpx2.request("AOIFE", matcher.url + path, headers={"User-Agent": "Aoife"})
        httpx2.get(matcher.url + path)
    requests(log, 6)
    assert "Aoife" not in log.getvalue()
    assert "AOIFE" not in log.getvalue()


def test_nothing_of_a_request_is_in_the_log(matcher: Matcher, log: io.StringIO):
    """Not its body, its signer, its agreement, or what a fault says of them."""
    matcher.sign_all()
    caller = matcher.caller(POLICE)
    path = f"/v1/agreements/{DIGEST}/fault"
    answer = caller.put(path, NAME.encode())
    assert answer.status_code == 500
    matcher.caller(STRANGER).get("/v1/agreements")
    requests(log, 2)
    said = log.getvalue()
    (fault,) = [line for line in said.splitlines() if '"fault"' in line.split('"event": ')[1]]
    assert json.loads(fault)["errors"][0] == "RuntimeError"
    assert json.loads(fault)["request"] == answer.headers["concord-request"]
    assert json.loads(fault)["at"][-1].endswith("fault")
    for secret in (NAME, "Aoife", "police", DIGEST, DIGEST[:16], POLICE.public.fingerprint,
                   str(POLICE.public.signing_key)):  # fmt: skip
        assert secret not in said


def faults(log: io.StringIO) -> list[dict]:
    lines = [json.loads(line) for line in log.getvalue().splitlines()]
    return [line for line in lines if line["event"] == "fault"]


def test_why_it_cannot_be_done_now_is_for_the_operator_alone(matcher: Matcher, log: io.StringIO):
    answer = matcher.caller(POLICE).get(f"/v1/agreements/{DIGEST}/away")
    assert parse_problem(answer.content, "it")[0].name == "unavailable"
    (fault,) = faults(log)
    assert fault["request"] == answer.headers["concord-request"]
    assert fault["errors"] == ["DatabaseError", "OSError ENOSPC"]
    assert NAME not in answer.text + log.getvalue()


def test_that_others_come_first_is_said_and_is_no_fault(matcher: Matcher, log: io.StringIO):
    answer = matcher.caller(POLICE).get(f"/v1/agreements/{DIGEST}/busy")
    kind, said = parse_problem(answer.content, "it")
    assert (kind.name, said) == ("unavailable", "Others are being verified; ask again.")
    assert int(answer.headers["retry-after"]) >= 1
    assert faults(log) == []


def test_a_log_that_cannot_be_read_is_a_fault_of_the_request(
    matcher: Matcher, log: io.StringIO, monkeypatch: pytest.MonkeyPatch
):
    def away(pinned: int) -> None:
        raise DatabaseError(NAME)

    monkeypatch.setattr(matcher.web.asgi._app._api, "_head", away)
    answer = matcher.http.get(f"{matcher.url}/v1/agreements")
    assert parse_problem(answer.content, "it")[0].name == "unavailable"
    (fault,) = faults(log)
    assert fault["request"] == answer.headers["concord-request"]
    assert NAME not in answer.text + log.getvalue()


def test_the_id_of_a_request_is_new_each_time(matcher: Matcher, log: io.StringIO):
    for _ in range(3):
        httpx2.get(f"{matcher.url}/healthz")
    assert len({line["request"] for line in requests(log, 3)}) == 3


def test_bodies_are_counted(matcher: Matcher, log: io.StringIO):
    matcher.caller(POLICE).put(f"/v1/agreements/{DIGEST}/fault", bytes(1000))
    (line,) = requests(log, 1)
    assert line["received"] == 1000
    route = 'method="PUT",route="/v1/agreements/{digest}/fault"'
    said = httpx2.get(f"{matcher.url}/metrics").text
    assert f"concord_received_bytes_total{{{route}}} 1000.0" in said
    assert f'concord_requests_total{{{route},status="500"}} 1.0' in said


def test_metrics_are_not_in_the_openapi(matcher: Matcher):
    paths = httpx2.get(f"{matcher.url}/openapi.json").json()["paths"]
    assert "/healthz" in paths
    assert "/metrics" not in paths
