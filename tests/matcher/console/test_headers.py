"""Faults around an answer: each is noted, and an answer that was cut short never looks whole."""

from __future__ import annotations

import asyncio

import pytest
from starlette.requests import ClientDisconnect
from starlette.responses import Response

from matcher.console import headers
from matcher.console.headers import POLICY, Guarded

BEGIN = {"type": "http.response.start", "status": 200, "headers": []}
PART = {"type": "http.response.body", "body": b"a", "more_body": True}
END = {"type": "http.response.body", "body": b"b"}


def served(monkeypatch, messages, error):
    """Serve an app that sends messages and then fails; return what was sent and what was noted."""
    sent, noted = [], []
    monkeypatch.setattr(headers, "log_fault", lambda error, request: noted.append((error, request)))

    async def app(_scope, _receive, send):
        for message in messages:
            await send(dict(message))
        raise error

    async def send(message):
        sent.append(message)

    async def receive():
        raise AssertionError

    caught = None
    try:
        guarded = Guarded(app, lambda _: "0a1b", lambda _: Response("failed", 500))
        asyncio.run(guarded({"type": "http"}, receive, send))
    except ZeroDivisionError as found:
        caught = found
    return sent, noted, caught


@pytest.mark.parametrize(
    "messages", [(), (BEGIN,), (BEGIN, PART), (BEGIN, END), (BEGIN, PART, END)]
)
def test_no_fault_is_lost_whenever_it_comes(monkeypatch, messages):
    error = ZeroDivisionError()
    sent, noted, caught = served(monkeypatch, messages, error)
    assert noted == [(error, "0a1b")]
    # An answer that wasn't whole is cut off by the server, which needs to hear of it.
    assert caught is (error if messages and END not in messages else None)
    bodies = [message["body"] for message in sent[1:]]
    assert bodies == ([message["body"] for message in messages[1:]] if messages else [b"failed"])
    assert sent[0]["status"] == (200 if messages else 500)
    assert (b"content-security-policy", POLICY.encode()) in sent[0]["headers"]


def test_a_fault_in_telling_of_a_fault_is_raised(monkeypatch):
    async def app(_scope, _receive, _send):
        raise ZeroDivisionError

    def failing(_request):
        raise KeyError

    noted = []
    monkeypatch.setattr(headers, "log_fault", lambda error, _: noted.append(type(error)))
    with pytest.raises(KeyError):
        asyncio.run(Guarded(app, lambda _: "", failing)({"type": "http"}, app, app))
    assert noted == [ZeroDivisionError]


def test_who_goes_away_is_no_fault(monkeypatch):
    assert served(monkeypatch, (BEGIN,), ClientDisconnect())[1:] == ([], None)
