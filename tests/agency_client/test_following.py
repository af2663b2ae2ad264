"""Following a log from many threads, and what is made of answers that aren't as they should be."""

from __future__ import annotations

import ssl
import threading

import httpx2
import pytest

from agency_client.keystore.store import create_keystore, open_keystore
from agency_client.keystore.witnessed import witnessed
from agency_client.matcher_api.connection import Connection
from agency_client.matcher_api.following import FollowedLog
from agency_client.matcher_api.place import MatcherPlace
from linkage.audit.checkpoint import open_checkpoint
from linkage.audit.failures import ForkError, RollbackError, SplitViewError
from linkage.errors import InputError, NotReadyError, UnavailableError, VerificationError
from linkage.protocol.problems import MEDIA_TYPE, PROBLEMS, problem_bytes
from linkage.protocol.requests import checkpoint_value, consistency_value
from tests.agency_client.keystore.test_wrapping import CHEAP
from tests.linkage.audit.made_up import LOG, LyingLog, events

TRUE = LyingLog(events(20))
# It has signed another history from the sixth event on.
FALSE = LyingLog([*events(5), *events(15, first=40)])


@pytest.fixture
def store(tmp_path):
    create_keystore(tmp_path / "keys", "police", b"passphrase", CHEAP)
    return open_keystore(tmp_path / "keys", b"passphrase")


def note(size, log=TRUE):
    return log.note(size, ()).to_bytes()


def pinned(store):
    kept = witnessed(store, LOG.name)
    return 0 if kept is None else open_checkpoint(kept, LOG.verifier).size


def refuse(first, second):
    raise AssertionError("no proof is needed")


def test_what_is_proved_is_pinned(store):
    followed = FollowedLog(store, LOG.verifier)
    for first, second in ((0, 3), (3, 3), (3, 8)):
        followed.accept(first, note(second), TRUE.proof(first, second), refuse)
    assert pinned(store) == 8


@pytest.mark.parametrize(
    ("size", "log", "proof", "error"),
    [
        (7, TRUE, [], RollbackError),
        (8, FALSE, [], SplitViewError),
        (12, FALSE, FALSE.proof(8, 12), ForkError),
        (12, TRUE, [], ForkError),
    ],
)
def test_what_does_not_go_on_changes_nothing(store, size, log, proof, error):
    followed = FollowedLog(store, LOG.verifier)
    followed.accept(0, note(8), [], refuse)
    with pytest.raises(error):
        followed.accept(8, note(size, log), proof, refuse)
    assert pinned(store) == 8


def test_answers_that_cross_are_held_against_each_other(store):
    """One that left at 3 comes back with 5 when another has brought 8 meanwhile."""
    followed = FollowedLog(store, LOG.verifier)
    followed.accept(0, note(3), [], refuse)
    followed.accept(3, note(8), TRUE.proof(3, 8), refuse)
    followed.accept(3, note(5), TRUE.proof(3, 5), TRUE.proof)
    assert pinned(store) == 8
    followed.accept(3, note(9), TRUE.proof(3, 9), TRUE.proof)
    assert pinned(store) == 9


def test_a_fork_shows_where_answers_cross(store):
    """Each of the two goes on from 3; only together do they show that there are two histories."""
    followed = FollowedLog(store, LOG.verifier)
    followed.accept(0, note(3), [], refuse)
    followed.accept(3, note(8), TRUE.proof(3, 8), refuse)
    for size in (7, 8, 9):
        with pytest.raises((ForkError, SplitViewError)):
            followed.accept(3, note(size, FALSE), FALSE.proof(3, size), FALSE.proof)
    assert pinned(store) == 8


def test_many_threads_pin_the_newest(store):
    followed, faults = FollowedLog(store, LOG.verifier), []

    def follow(sizes):
        try:
            for size in sizes:
                first = followed.pinned.pinned.size
                proof = TRUE.proof(first, size) if first <= size else []
                followed.accept(first if first <= size else None, note(size), proof, TRUE.proof)
        except Exception as error:  # noqa: BLE001 - whatever it is, the test has to see it
            faults.append(error)

    threads = [threading.Thread(target=follow, args=(range(at, 21, 4),)) for at in range(1, 5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (faults, pinned(store)) == ([], 20)


def connection(store, answer):
    """A connection whose requests a function answers."""
    place = MatcherPlace("https://matcher.example", LOG.verifier)
    found = Connection(place, store, pause=lambda _: None)
    found._http = httpx2.Client(transport=httpx2.MockTransport(answer))
    return found


@pytest.mark.parametrize(("path", "seconds"), [("/v1/agreements", 60), ("/v1/x/commit", 300)])
def test_what_reads_a_whole_file_may_take_minutes(store, path, seconds):
    waited = []

    def answer(request):
        waited.append(request.extensions["timeout"]["read"])
        return good()

    connection(store, answer).send("POST", path, b"{}")
    assert waited == [seconds]


def good(size=3, **more):
    headers = {
        "concord-checkpoint": checkpoint_value(note(size)),
        "concord-consistency": consistency_value(0, size, []),
    }
    return httpx2.Response(200, headers=headers | more.pop("headers", {}), **more)


def problem(name, detail="Because."):
    kind = PROBLEMS[name]
    headers = {"content-type": MEDIA_TYPE}
    content = problem_bytes(kind, detail)
    if kind.status == 503:
        return httpx2.Response(kind.status, headers=headers, content=content)
    found = good(headers=headers, content=content)
    found.status_code = kind.status
    return found


@pytest.mark.parametrize("name", sorted(PROBLEMS))
def test_a_problem_raises_its_error(store, name):
    with pytest.raises(PROBLEMS[name].raises, match=r"matcher.example: Because\."):
        connection(store, lambda _: problem(name)).send("GET", "/v1/x")


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_what_can_be_repeated_is_tried_again_with_a_new_nonce(store, method):
    seen = []

    def answer(request):
        seen.append(request.headers["signature-input"])
        if len(seen) == 1:
            raise httpx2.ReadError("broken", request=request)
        return problem("unavailable") if len(seen) == 2 else good(content=b"it")

    body = b"x" if method == "PUT" else None
    assert connection(store, answer).send(method, "/v1/x", body).content == b"it"
    assert len(set(seen)) == 3


def test_what_may_have_been_done_is_not_repeated(store):
    seen = []

    def answer(request):
        seen.append(request)
        raise httpx2.ReadTimeout("late", request=request)

    with pytest.raises(UnavailableError, match="took too long"):
        connection(store, answer).send("POST", "/v1/x", b"x")
    assert len(seen) == 1


def test_a_note_whose_proof_does_not_come_is_not_pinned(store):
    def answer(request):
        raise httpx2.ReadError("broken", request=request)

    found = connection(store, answer)
    found.log.accept(0, note(3), [], refuse)
    with pytest.raises(UnavailableError, match="broke off"):
        found.hold_against(note(8))
    assert pinned(store) == 3


def test_what_was_done_is_not_repeated_for_a_proof_that_does_not_come(store):
    """The answer crosses another; the matcher can't be reached for the proof between the two."""
    seen = []

    def answer(request):
        seen.append(request.method)
        if request.method == "GET":
            raise httpx2.ConnectError("gone", request=request)
        found.log.accept(0, note(8), [], refuse)
        return good(size=3)

    found = connection(store, answer)
    with pytest.raises(UnavailableError, match="can't be reached"):
        found.send("POST", "/v1/x", b"x")
    assert seen == ["POST", "GET"]


def test_too_many_requests_wait_as_long_as_they_are_told(store):
    waits = []
    found = connection(store, lambda _: _too_many())
    found._pause = waits.append
    with pytest.raises(NotReadyError):
        found.send("POST", "/v1/x", b"x")
    assert waits == [7.0, 7.0]


def _too_many():
    found = problem("too-many")
    found.headers["retry-after"] = "7"
    return found


def test_who_cannot_prove_the_log_is_not_believed(store):
    bare = httpx2.Response(200, content=b"{}")
    with pytest.raises(VerificationError, match="isn't a matcher's"):
        connection(store, lambda _: bare).send("GET", "/v1/x")
    forged = good(headers={"concord-checkpoint": checkpoint_value(note(3)[:-20])})
    with pytest.raises(VerificationError):
        connection(store, lambda _: forged).send("GET", "/v1/x")
    other = good(headers={"concord-consistency": consistency_value(2, 3, [])})
    with pytest.raises(VerificationError, match="something else"):
        connection(store, lambda _: other).send("GET", "/v1/x")
    assert pinned(store) == 0


def test_a_certificate_that_does_not_verify_is_told_from_silence(store):
    def answer(request):
        error = httpx2.ConnectError("no", request=request)
        error.__cause__ = ssl.SSLCertVerificationError("certificate verify failed")
        raise error

    with pytest.raises(VerificationError, match="certificate"):
        connection(store, answer).send("GET", "/v1/x")


def test_a_proxys_page_is_no_answer(store):
    page = httpx2.Response(503, content=b"<html>", headers={"content-type": "text/html"})
    with pytest.raises(UnavailableError, match="not as a matcher does"):
        connection(store, lambda _: page).send("GET", "/v1/x")


@pytest.mark.parametrize("status", [502, 504])
@pytest.mark.parametrize(("method", "tries"), [("GET", 3), ("PUT", 3), ("POST", 1)])
def test_a_proxy_without_an_answer_is_asked_again(store, status, method, tries):
    """What may have been done is left to who knows whether it may be asked twice."""
    seen = []

    def answer(request):
        seen.append(request)
        return httpx2.Response(status, content=b"<html>", headers={"content-type": "text/html"})

    with pytest.raises(UnavailableError, match=rf"got no answer from it \({status}\)"):
        connection(store, answer).send(method, "/v1/x", None if method == "GET" else b"x")
    assert len(seen) == tries


def test_an_answer_has_an_end(store, monkeypatch):
    monkeypatch.setattr("agency_client.matcher_api.connection.MOST_BYTES", 10)
    with pytest.raises(VerificationError, match="longer than any"):
        connection(store, lambda _: good(content=b"x" * 11)).send("GET", "/v1/x")


def test_a_config_that_is_not_one_is_refused(tmp_path):
    from agency_client.matcher_api.place import read_place

    for text in ("x", "[matcher]\nurl = 1\n", "[other]\n", '[matcher]\nurls = "x"\n'):
        (tmp_path / "config.toml").write_text(text)
        with pytest.raises(InputError):
            read_place(tmp_path, None, None)
    (tmp_path / "config.toml").write_text('[matcher]\nurl = "https://matcher.example"\n')
    with pytest.raises(InputError, match="needs both"):
        read_place(tmp_path, None, None)
