"""Requests that aren't what a party has signed, or not new: every one is refused."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import httpx2
import pytest

from linkage.errors import LinkageError
from linkage.protocol.keys import VerifyingKey
from linkage.protocol.problems import parse_problem
from linkage.protocol.requests import CLOCK_SKEW, MOST_AGE, UnknownKeyError
from linkage.protocol.standing import sign_agreement
from matcher.api.authentication import SentRequest, authenticate
from matcher.config.creation import create_matcher, plan_matcher
from matcher.store.database import Database
from tests.databases import open_database
from tests.linkage.protocol.agreements import AGREEMENT, changed, parse
from tests.linkage.protocol.parties import CARE, HEALTH, MATCHER, POLICE, identity
from tests.matcher.api.serving import BEGIN, Matcher, running
from tests.matcher.api.signing import Request

NOW = int(BEGIN.timestamp())
URL = "https://matcher.example/v1/agreements?x=1"
STRANGER = identity("stranger", 151)


def signed(body: bytes | None = b"body", **changes) -> Request:
    method = "GET" if body is None else "PUT"
    settings = {"created": NOW, "nonce": "0123456789abcdef" * 2, "pinned": 12}
    return Request(method, URL, body=body, **(settings | changes)).signed_by(POLICE)


def verify(request: Request, key: VerifyingKey = POLICE.signing_key.verifying_key):
    sent = SentRequest(request.method, request.url, request.headers)

    def key_of(fingerprint: str) -> VerifyingKey:
        if fingerprint != key.fingerprint:
            raise UnknownKeyError("another key")
        return key

    has_body = request.body is not None
    return authenticate(sent, has_body=has_body, now=NOW, key_of=key_of)


def flips(text: str):
    """Every text that differs in one bit of one character, as far as a header can hold it."""
    for at, character in enumerate(text):
        for bit in range(7):
            yield text[:at] + chr(ord(character) ^ 1 << bit) + text[at + 1 :]


@pytest.mark.parametrize("body", [b"body", None])
def test_a_signed_request_is_what_it_says(body: bytes | None):
    found = verify(signed(body))
    assert (found.pinned, found.nonce) == (12, "0123456789abcdef" * 2)
    assert found.key == POLICE.signing_key.verifying_key.fingerprint
    assert (found.body_sha256 is None) == (body is None)


@pytest.mark.parametrize(
    "name", ["signature", "signature-input", "content-digest", "concord-pinned"]
)
def test_no_bit_of_a_header_can_be_changed(name: str):
    right = signed().headers[name]
    for wrong in flips(right):
        request = signed()
        request.headers[name] = wrong
        with pytest.raises(LinkageError):
            verify(request)


@pytest.mark.parametrize("name", ["url", "method"])
def test_no_bit_of_the_target_or_the_method_can_be_changed(name: str):
    for wrong in flips(getattr(signed(), name)):
        request = signed()
        setattr(request, name, wrong)
        with pytest.raises(LinkageError):
            verify(request)


@pytest.mark.parametrize(
    "name", ["signature", "signature-input", "content-digest", "concord-pinned"]
)
def test_no_header_can_be_left_out_or_sent_twice(name: str):
    request = signed()
    request.headers[name] = f"{request.headers[name]}, {request.headers[name]}"
    with pytest.raises(LinkageError):
        verify(request)
    del request.headers[name]
    with pytest.raises(LinkageError):
        verify(request)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"@method" ', ""),
        ('"@target-uri" ', ""),
        ('"content-digest" ', ""),
        (' "concord-pinned"', ""),
        ('"@method" "@target-uri"', '"@target-uri" "@method"'),
        ('"@target-uri"', '"@path"'),
        ('"@method"', '"@method";req'),
        (";created=", ';alg="ed25519";created='),
        (";created=", ";expires=9999999999;created="),
        (";created=", "; created="),
        ("concord=", "other="),
    ],
)
def test_another_coverage_or_spelling_is_refused_even_if_it_was_signed(old: str, new: str):
    """Signing over less, or saying it otherwise, is no way round."""
    request = signed()
    request.headers["signature-input"] = request.headers["signature-input"].replace(old, new)
    with pytest.raises(LinkageError):
        verify(request)


def test_another_encoding_of_the_same_signature_is_refused():
    """Base64 has idle bits at its end."""
    request = signed()
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    head, last = request.headers["signature"][:-4], request.headers["signature"][-4]
    request.headers["signature"] = f"{head}{alphabet[alphabet.index(last) ^ 1]}==:"
    with pytest.raises(LinkageError):
        verify(request)


@pytest.mark.parametrize(
    ("created", "fine"),
    [
        (NOW + CLOCK_SKEW, True),
        (NOW + CLOCK_SKEW + 1, False),
        (NOW - MOST_AGE - CLOCK_SKEW, True),
        (NOW - MOST_AGE - CLOCK_SKEW - 1, False),
    ],
)
def test_a_request_has_its_time(created: int, fine: bool):
    request = signed(created=created)
    if fine:
        verify(request)
    else:
        with pytest.raises(LinkageError, match="signed"):
            verify(request)


def test_a_key_of_another_is_no_key():
    key = CARE.signing_key.verifying_key
    request = signed().signed_by(POLICE, key.fingerprint)
    with pytest.raises(LinkageError, match="isn't that key's"):
        verify(request, key)


def problem(answer: httpx2.Response) -> str:
    assert answer.status_code >= 400, answer.text
    return parse_problem(answer.content, "it")[0].name


def test_what_callers_are_told(matcher: Matcher):
    matcher.admit()
    police = matcher.caller(POLICE)
    path = "/v1/agreements"
    for created, name in ((NOW - 200, "stale"), (NOW + 60, "stale")):
        assert problem(police.send(police.signed("GET", path, created=created))) == name
    request = police.signed("GET", path)
    request.signed_by(STRANGER, POLICE.signing_key.verifying_key.fingerprint)
    assert problem(police.send(request)) == "unsigned"
    assert problem(matcher.caller(STRANGER).get(path)) == "unknown-key"
    assert problem(police.send(Request("GET", matcher.url + path, NOW))) == "unsigned"
    elsewhere = Request("GET", f"https://elsewhere.example{path}", NOW).signed_by(POLICE)
    elsewhere.url = matcher.url + path
    assert problem(police.send(elsewhere)) == "unsigned"


def test_another_agreements_party_finds_nothing(matcher: Matcher):
    """As if the agreement weren't there."""
    other = parse(
        changed(
            ('id = "trial"', 'id = "other"'),
            *((str(own.public.signing_key), str(new.public.signing_key)) for own, new in NEW),
            *((str(own.public.sealing_key), str(new.public.sealing_key)) for own, new in NEW),
        )
    )
    matcher.admit()
    new_matcher = dict(NEW)[MATCHER]
    matcher.services.admission.admit(other, {"it": sign_agreement(other, new_matcher)})
    caller = matcher.caller(dict(NEW)[POLICE])
    found = problem(caller.get(f"/v1/agreements/{AGREEMENT.digest()}"))
    nothing = problem(caller.get(f"/v1/agreements/{'0' * 64}"))
    assert found == nothing == "missing"
    (own,) = caller.get("/v1/agreements").json()["agreements"]
    assert own["id"] == "other"


NEW = tuple((own, identity(own.name, 101 + 10 * at)) for at, own in enumerate((POLICE, MATCHER)))


def test_a_request_is_taken_once(matcher: Matcher):
    matcher.admit()
    police = matcher.caller(POLICE)
    request = police.signed("GET", "/v1/agreements")
    assert police.send(request).status_code == 200
    assert problem(police.send(request)) == "replayed"
    # Another party's request may have the nonce of mine, and is refused without harm.
    same = matcher.caller(CARE).signed("GET", "/v1/agreements", nonce=request.nonce)
    assert problem(matcher.caller(CARE).send(same)) == "replayed"


def test_a_refused_request_is_taken_once_too(matcher: Matcher):
    """What was refused today could otherwise be repeated by others when it is allowed."""
    digest = matcher.admit()
    care = matcher.caller(CARE)
    request = care.signed("GET", f"/v1/agreements/{digest}/rounds")
    assert problem(care.send(request)) == "not-ready"
    matcher.sign_all()
    assert problem(care.send(request)) == "replayed"


def test_a_changed_request_uses_up_nothing(matcher: Matcher):
    """Else whoever is on the way could stop a request by sending a broken copy ahead of it."""
    matcher.admit()
    path = f"/v1/agreements/{AGREEMENT.digest()}/signatures/health"
    health = matcher.caller(HEALTH)
    request = health.signed("PUT", path, sign_agreement(AGREEMENT, HEALTH))
    right = request.body
    request.body = right[:-1] + b" "
    assert problem(health.send(request)) == "unsigned"
    request.body = right
    assert health.send(request).status_code == 204


def test_a_nonce_counts_in_every_process_on_the_database(database_url: str, database: Database):
    other = open_database(database_url)
    public = "https://matcher.example"
    with (
        running(database, public_url=public) as one,
        running(other, public_url=public) as two,
    ):
        one.admit()
        request = Request("GET", f"{public}/v1/agreements", NOW).signed_by(POLICE)
        first, second = (
            httpx2.get(f"http://127.0.0.1:{port}/v1/agreements", headers=request.headers)
            for port in (one.port, two.port)
        )
    other.close()
    assert (first.status_code, problem(second)) == (200, "replayed")


def test_a_replay_after_a_kill_and_a_restart_is_refused(tmp_path: Path):
    """With the real command, killed as the system kills."""
    folder, public = tmp_path / "service", "https://matcher.example"
    create_matcher(folder, plan_matcher(folder, "concord.example/kill"))
    agreement = tmp_path / "agreement.toml"
    from tests.linkage.protocol.agreements import TEXT

    agreement.write_text(TEXT, encoding="utf-8")
    signature = tmp_path / "agreement.matcher.signed"
    signature.write_bytes(sign_agreement(AGREEMENT, MATCHER))
    assert _matcher("migrate", folder).wait() == 0
    assert _matcher("admit", folder, agreement).wait() == 0
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    now = int(datetime.now(UTC).timestamp())
    request = Request("GET", f"{public}/v1/agreements", now).signed_by(POLICE)
    answers = []
    for end in (signal.SIGKILL, signal.SIGTERM):
        process = _matcher("serve", folder, "--port", port, CONCORD_SERVICE_PUBLIC_URL=public)
        try:
            _wait_for(port)
            url = f"http://127.0.0.1:{port}/v1/agreements"
            answers.append(httpx2.get(url, headers=request.headers))
        finally:
            process.send_signal(end)
            code = process.wait(60)
    assert (answers[0].status_code, problem(answers[1])) == (200, "replayed")
    assert code == 0


def _matcher(*words: object, **variables: str) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "CONCORD_WORKER_PROCESSES": "0", **variables}
    program = "from matcher.cli import main; main()"
    return subprocess.Popen([sys.executable, "-c", program, *map(str, words)], env=environment)


def _wait_for(port: int) -> None:
    for _ in range(600):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise AssertionError("the matcher didn't begin to listen")
