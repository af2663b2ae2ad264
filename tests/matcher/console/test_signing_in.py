"""Signing in by a link: once, for a while, and only as whom it was signed by."""

from __future__ import annotations

import json
import re

import pytest
from sqlalchemy import select, update

from linkage.audit.events import parse_event
from linkage.errors import UnavailableError
from matcher.app.building import WebApp
from matcher.config.settings import ServiceSettings
from matcher.console.pages import NO_PAGE
from matcher.sessions.service import IDLE_SECONDS, MOST_SECONDS
from matcher.store.tables import console_sessions, log_events, nonces, party_keys
from tests.linkage.protocol.agreements import AGREEMENT, OFFICER, parse, second
from tests.linkage.protocol.parties import POLICE, identity
from tests.matcher.api.serving import Matcher, running
from tests.matcher.console.visiting import OWN, Visitor, link_for, visitor


@pytest.fixture
def console(matcher: Matcher) -> Matcher:
    """Give a matcher whose agreement is in force."""
    matcher.admit()
    matcher.sign_all()
    return matcher


def opened(matcher: Matcher) -> list[tuple[str, str]]:
    """Return who has opened the console by the log, and why."""
    with matcher.services.database.reading() as connection:
        rows = connection.execute(select(log_events.c.event).order_by(log_events.c.leaf))
        found = [parse_event(bytes(row.event)) for row in rows]
    return [(own.party, own.justification) for own in found if own.kind == "console.opened"]


def test_a_link_signs_in_once_and_the_log_says_why(console: Matcher):
    link = link_for(console, OFFICER, reason="A complaint")
    officer = Visitor(console)
    assert officer.enter(link).headers["location"] == "/console/"
    assert officer.get("/").status_code == 200
    assert opened(console) == [("officer", "A complaint")]
    again = Visitor(console)
    answer = again.enter(link)
    assert answer.status_code == 401
    assert "was sent before" in answer.text
    assert not again.cookies
    assert len(opened(console)) == 1


def test_looking_at_a_link_uses_nothing_up(console: Matcher):
    link = link_for(console, OFFICER)
    for _ in range(3):
        answer = console.http.get(link)
        assert answer.status_code == 200
        assert "Sign in as officer" in answer.text
        assert "set-cookie" not in answer.headers
    assert opened(console) == []
    assert Visitor(console).enter(link).status_code == 303


def test_a_used_link_stays_used_after_a_restart(console: Matcher):
    link = link_for(console, OFFICER)
    assert Visitor(console).enter(link).status_code == 303
    settings = ServiceSettings(port=console.port)
    later = WebApp(console.services, [], settings, console.clock)
    try:
        console.web.asgi._app, first = later.asgi._app, console.web.asgi._app
        assert Visitor(console).enter(link).status_code == 401
        console.web.asgi._app = first
    finally:
        later.close()
    with console.services.database.reading() as connection:
        assert len(connection.execute(select(nonces.c.value)).all()) >= 1


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"matcher": "https://other.example"}, "another address"),
        ({"agreement": "0" * 64}, "no agreement"),
        ({"created": 1, "expires": 100}, "isn&#39;t taken any more"),
    ],
)
def test_a_link_that_doesn_t_hold_is_refused_in_words(console: Matcher, changes: dict, said: str):
    link = link_for(console, OFFICER, **changes)
    for answer in (console.http.get(link), console.http.post(link, headers=OWN)):
        assert 400 <= answer.status_code < 500
        assert said in answer.text
    assert opened(console) == []


def test_a_stranger_can_t_sign_in(console: Matcher):
    stranger = identity("officer", 151)
    answer = Visitor(console).enter(link_for(console, stranger))
    assert answer.status_code == 404
    assert opened(console) == []


def test_a_reason_that_the_log_can_t_hold_opens_nothing(console: Matcher):
    link = link_for(console, OFFICER, reason="About 14/03/2011, LS1 1AA")
    answer = Visitor(console).enter(link)
    assert answer.status_code == 422
    assert "can&#39;t be entered into the log" in answer.text
    # Neither the session nor the nonce was kept, since they are one change with the event.
    with console.services.database.reading() as connection:
        assert connection.execute(select(console_sessions)).all() == []
        assert connection.execute(select(nonces)).all() == []


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site", "origin": "here"},
        {"sec-fetch-site": "none"},
        {"origin": "null"},
        {"origin": "https://evil.example"},
    ],
)
def test_forms_of_other_sites_do_nothing(console: Matcher, headers: dict[str, str]):
    headers = {name: console.url if value == "here" else value for name, value in headers.items()}
    assert console.http.post(link_for(console, OFFICER), headers=headers).status_code == 403
    officer = visitor(console, OFFICER)
    token = form_token(officer.get("/").text)
    assert officer.send("/leave", {"token": token}, headers).status_code == 403
    assert officer.get("/").status_code == 200


def test_a_browser_that_says_no_site_is_taken_by_its_origin(console: Matcher):
    answer = console.http.post(link_for(console, OFFICER), headers={"origin": console.url})
    assert answer.status_code == 303


def form_token(text: str) -> str:
    return re.findall(r'name="token" value="([0-9a-f]{64})"', text)[0]


def test_signing_out_ends_the_session_and_takes_the_form_s_token(console: Matcher):
    officer, other = visitor(console, OFFICER), visitor(console, POLICE)
    token = form_token(officer.get("/").text)
    for wrong in ("", "0" * 64, form_token(other.get("/").text)):
        assert officer.send("/leave", {"token": wrong}).status_code == 403
    kept = dict(officer.cookies)
    assert "You are signed out" in officer.send("/leave", {"token": token}).text
    officer.cookies = kept
    assert officer.get("/").status_code == 401
    assert other.get("/").status_code == 200


def test_a_session_ends_when_nothing_is_done_and_after_a_day_of_work(console: Matcher):
    officer = visitor(console, OFFICER)
    for _ in range(MOST_SECONDS // (IDLE_SECONDS - 1)):
        console.clock.forward(seconds=IDLE_SECONDS - 1)
        assert officer.get("/").status_code == 200
    console.clock.forward(seconds=IDLE_SECONDS - 1)
    assert officer.get("/").status_code == 401
    officer = visitor(console, OFFICER)
    console.clock.forward(seconds=IDLE_SECONDS)
    assert officer.get("/").status_code == 401


def test_sessions_that_have_ended_are_forgotten_with_the_next(console: Matcher):
    visitor(console, OFFICER)
    console.clock.forward(hours=9)
    visitor(console, OFFICER)
    with console.services.database.reading() as connection:
        assert len(connection.execute(select(console_sessions.c.token)).all()) == 1


def test_a_session_ends_with_the_key_that_it_belongs_to(console: Matcher):
    officer = visitor(console, OFFICER)
    with console.services.database.writing() as connection:
        fingerprint = OFFICER.signing_key.verifying_key.fingerprint
        own = party_keys.c.fingerprint == fingerprint
        connection.execute(update(party_keys).where(own).values(fingerprint="0" * 64))
    assert officer.get("/").status_code == 401


def test_the_database_holds_no_cookie_and_the_cookie_no_name(console: Matcher):
    officer = visitor(console, OFFICER)
    (token,) = officer.cookies.values()
    with console.services.database.reading() as connection:
        rows = connection.execute(select(console_sessions)).all()
    assert token not in repr(rows)
    assert form_token(officer.get("/").text) not in repr(rows)
    for wrong in ("", "x", "0" * 64, token[:-1], token + "0", token.upper() + "é"):
        assert officer._ask("GET", f"{console.url}/console/").status_code == 200
        stranger = Visitor(console, {"concord-console": wrong.encode("ascii", "ignore").decode()})
        if wrong.lower() != token:
            assert stranger.get("/").status_code == 401


def test_behind_tls_the_cookie_is_bound_to_the_host(console: Matcher):
    from starlette.responses import Response

    from matcher.console.cookies import Cookie

    response = Response()
    Cookie("https://matcher.example").give(response, "0" * 64)
    said = response.headers["set-cookie"]
    assert said.startswith("__Host-concord-console=")
    assert all(part in said for part in ("Secure", "HttpOnly", "SameSite=strict", "Path=/"))
    assert "Domain" not in said
    assert "Max-Age" not in said


def test_the_service_s_log_says_nothing_of_links_and_cookies(console: Matcher, caplog):
    caplog.set_level("INFO", "matcher")
    link = link_for(console, OFFICER)
    officer = Visitor(console)
    officer.enter(link)
    officer.get("/log?party=officer")
    # What libraries say comes out without its words (matcher.logs.output).
    own = [record for record in caplog.records if record.name == "matcher"]
    lines = [json.dumps(record.concord_fields) + record.getMessage() for record in own]
    said = "\n".join(lines)
    assert "/console/enter/{link}" in said
    assert link.rpartition("/")[2][:40] not in said
    assert next(iter(officer.cookies.values())) not in said
    assert "party=officer" not in said
    assert "officer" not in said


def test_a_session_is_of_the_agreement_that_its_link_names(console: Matcher):
    later = parse(second())
    console.admit(later)
    officer = visitor(console, OFFICER, agreement=later.digest())
    assert "version 2" in officer.get("/").text
    assert "unsigned" in officer.get("/").text
    assert AGREEMENT.digest() not in officer.get("/").text


@pytest.mark.parametrize("path", ["/none", "/log/events/999999", "/disclosures/" + "0" * 64])
def test_what_isn_t_there_looks_like_what_isn_t_for_the_visitor(console: Matcher, path: str):
    hub, officer = visitor(console, POLICE), visitor(console, OFFICER)
    forbidden = hub.get("/refused")
    assert forbidden.status_code == 404
    assert NO_PAGE in forbidden.text
    missing = officer.get("/none")
    assert (missing.status_code, missing.text) == (404, forbidden.text)
    assert officer.get(path).status_code == 404


def test_a_fault_is_a_page_and_a_line_of_the_service_s_log(console: Matcher, monkeypatch, caplog):
    officer = visitor(console, OFFICER)
    monkeypatch.setattr(console.services.badges, "read", lambda: 1 / 0)
    answer = officer.get("/log")
    assert answer.status_code == 500
    assert "tell its operator" in answer.text
    assert "ZeroDivision" not in answer.text
    said = [str(getattr(own, "concord_fields", "")) for own in caplog.records]
    assert len([line for line in said if "ZeroDivisionError" in line]) == 1


def test_a_log_that_can_t_be_read_is_no_download(console: Matcher, monkeypatch):
    """Said before anything is sent: a download that breaks off is kept for a whole one."""

    def unreadable():
        yield from ()
        raise UnavailableError("The database can't be used.")

    officer = visitor(console, OFFICER)
    monkeypatch.setattr(console.services.ledger, "bundle", unreadable)
    answer = officer.get("/log/bundle")
    assert answer.status_code == 503
    assert "content-disposition" not in answer.headers


def test_who_asks_too_often_waits(database):
    with running(database, requests_per_second=1, burst=3) as matcher:
        matcher.admit()
        officer = visitor(matcher, OFFICER)
        answers = [officer.get("/agreement").status_code for _ in range(5)]
        assert answers == [200, 200, 200, 429, 429]
        assert "wait a moment" in officer.get("/agreement").text
        assert visitor(matcher, POLICE).get("/agreement").status_code == 200


def test_without_the_console_there_is_nothing(console: Matcher):
    settings = ServiceSettings(port=console.port)
    without = WebApp(console.services, [], settings, console.clock, console=False)
    try:
        console.web.asgi._app, first = without.asgi._app, console.web.asgi._app
        answer = console.http.get(f"{console.url}/console/")
        console.web.asgi._app = first
        assert answer.status_code == 404
        assert answer.headers["content-type"] == "application/problem+json"
    finally:
        without.close()
