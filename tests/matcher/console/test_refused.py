"""Refused requests are counted by day, party, endpoint and problem, and hold nothing else."""

from __future__ import annotations

import threading
import time

import pytest
from sqlalchemy import func, select

from matcher.refusals import counting
from matcher.refusals.counting import DAY, KEPT_DAYS, Refusal, RefusalCounter
from matcher.refusals.reading import RefusedRow
from matcher.store.tables import refused_requests
from tests.linkage.protocol.agreements import AGREEMENT, OFFICER
from tests.linkage.protocol.parties import CARE, HEALTH, POLICE, identity
from tests.matcher.api.serving import Matcher
from tests.matcher.console.visiting import OWN, link_for, visitor

BASE = f"/v1/agreements/{AGREEMENT.digest()}"


@pytest.fixture
def console(matcher: Matcher) -> Matcher:
    matcher.admit()
    matcher.sign_all()
    return matcher


def flushed(matcher: Matcher, total: int) -> list[RefusedRow]:
    """Return the rows once they count so many requests: each is noted when it was answered."""
    for _ in range(500):
        matcher.web._refusals.flush()
        rows = matcher.services.refused.of(AGREEMENT.digest())
        if sum(row.count for row in rows) >= total:
            return rows
        time.sleep(0.01)
    raise AssertionError(rows)


def counted(matcher: Matcher, total: int) -> dict[tuple[str, str, str], int]:
    rows = flushed(matcher, total)
    return {(row.party, row.endpoint, row.problem): row.count for row in rows}


def test_what_is_refused_is_counted_by_whom_and_why(console: Matcher):
    care = console.caller(CARE)
    for _ in range(3):
        care.get(f"{BASE}/uploads/{'0' * 32}")
    console.caller(OFFICER).put(f"{BASE}/rounds/1/answers", b"{}")
    console.caller(identity("stranger", 151)).get(f"{BASE}/rounds")
    console.http.get(console.url + "/v1/agreements")
    console.http.get(console.url + "/nothing")
    assert counted(console, 6) == {
        ("care", "GET /v1/agreements/{digest}/uploads/{upload}", "missing"): 3,
        ("officer", "PUT /v1/agreements/{digest}/rounds/{number}/answers", "refused"): 1,
        ("", "GET /v1/agreements/{digest}/rounds", "unknown-key"): 1,
        ("", "GET /v1/agreements", "unsigned"): 1,
    }


def test_a_copy_of_a_request_is_counted_and_waiting_isn_t(console: Matcher):
    police = console.caller(POLICE)
    request = police.signed("GET", f"{BASE}/rounds")
    police.send(request)
    police.send(request)
    police.get(f"{BASE}/secret/commitment")
    police.put(f"{BASE}/rounds/2/answers", b"{}")
    found = counted(console, 1)
    assert found.pop(("police", "GET /v1/agreements/{digest}/rounds", "replayed")) == 1
    assert all(problem != "not-ready" for _, _, problem in found)


def test_counts_add_up_over_flushes_and_days(console: Matcher):
    for number in range(2):
        console.http.get(console.url + "/v1/agreements")
        flushed(console, number + 1)
    console.clock.forward(days=1)
    console.http.get(console.url + "/v1/agreements")
    rows = flushed(console, 3)
    assert [row.count for row in rows] == [1, 2]
    assert rows[0].day - rows[1].day == DAY


def test_what_is_made_up_in_an_address_makes_no_rows(console: Matcher):
    for number in range(20):
        console.http.get(f"{console.url}/v1/agreements/{number:064x}/rounds")
        console.caller(HEALTH).get(f"/v1/agreements/{number:064x}/rounds")
    flushed(console, 40)
    with console.services.database.reading() as connection:
        rows = connection.execute(select(refused_requests)).all()
    assert {(row.agreement, row.party, row.problem) for row in rows} == {
        ("", "", "unsigned"), ("", "", "missing"),
    }  # fmt: skip
    assert sorted(row.count for row in rows) == [20, 20]


def test_old_counts_are_forgotten(console: Matcher):
    console.http.get(console.url + "/v1/agreements")
    flushed(console, 1)
    console.clock.forward(days=KEPT_DAYS + 1)
    console.caller(CARE).get(f"{BASE}/uploads/{'0' * 32}")
    for _ in range(500):
        if any(row.party == "care" for row in flushed(console, 1)):
            break
        time.sleep(0.01)
    with console.services.database.reading() as connection:
        assert connection.execute(select(func.count()).select_from(refused_requests)).scalar() == 1


def test_what_can_t_be_written_now_is_written_later(console: Matcher, monkeypatch):
    services = console.services
    counter = RefusalCounter(services.database, services.directory, console.clock)
    counter.note(Refusal("GET /v1/agreements", "unsigned"))
    with monkeypatch.context() as patched:
        patched.setattr(services.database, "writing", lambda: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            counter.flush()
    counter.note(Refusal("GET /v1/agreements", "unsigned"))
    counter.close()
    (row,) = services.refused.of(AGREEMENT.digest())
    assert row.count == 2


def test_a_fault_does_not_end_the_counting(console: Matcher, monkeypatch):
    services, failed = console.services, threading.Event()

    def broken() -> None:
        failed.set()
        raise ZeroDivisionError

    monkeypatch.setattr(counting, "FLUSH_SECONDS", 0.01)
    with monkeypatch.context() as patched:
        patched.setattr(services.database, "writing", broken)
        counter = RefusalCounter(services.database, services.directory, console.clock)
        counter.note(Refusal("GET /v1/agreements", "unsigned"))
        assert failed.wait(10)
    counter.close()
    (row,) = services.refused.of(AGREEMENT.digest())
    assert row.count == 1


def test_a_link_that_is_used_again_is_counted(console: Matcher):
    link = link_for(console, OFFICER)
    for _ in range(2):
        console.http.post(link, headers=OWN)
    assert counted(console, 1) == {("", "POST /console/enter/{link}", "replayed"): 1}


def test_the_officer_reads_them_and_others_don_t(console: Matcher):
    console.caller(OFFICER).put(f"{BASE}/rounds/1/answers", b"{}")
    console.http.get(console.url + "/v1/agreements")
    flushed(console, 2)
    page = visitor(console, OFFICER).get("/refused").text
    assert "A rule of the agreement forbids it." in page
    assert "nobody known" in page
    assert visitor(console, POLICE).get("/refused").status_code == 404
