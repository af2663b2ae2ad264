"""Lines of the service's log, and that nothing of anybody's gets into one."""

from __future__ import annotations

import gc
import io
import json
import logging
import sys
import threading
import warnings
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from matcher.logs.lines import (
    UNMATCHED,
    RequestLine,
    known_method,
    log_fault,
    log_notice,
    log_request,
    route_template,
)
from matcher.logs.output import configure_logs

SECRET = "Aoife Ní Bhriain 2011-04-01 943 476 5919"


@pytest.fixture(params=["json", "text"])
def format_(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    root = logging.getLogger()
    before = root.handlers[:], root.level
    hooks = sys.excepthook, threading.excepthook, sys.unraisablehook
    yield
    root.handlers[:], level = before[0], before[1]
    root.setLevel(level)
    logging.getLogger("matcher").setLevel(logging.NOTSET)
    logging.captureWarnings(capture=False)
    sys.excepthook, threading.excepthook, sys.unraisablehook = hooks


def lines(stream: io.StringIO) -> list[dict]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_request_in_json():
    stream = io.StringIO()
    configure_logs("json", "info", stream)
    log_request(RequestLine("0a1b", "PUT", "/v1/agreements/{digest}", 204, 0.01234, "agency", 7))
    (line,) = lines(stream)
    assert line.pop("time").endswith("Z")
    assert line == {
        "level": "info", "event": "request", "request": "0a1b", "method": "PUT", "status": 204,
        "route": "/v1/agreements/{digest}", "ms": 12.3, "role": "agency", "received": 7,
    }  # fmt: skip


def test_a_request_in_text():
    stream = io.StringIO()
    configure_logs("text", "info", stream)
    log_request(RequestLine("0a1b", "GET", "/healthz", 200, 0.001))
    line = stream.getvalue()
    assert "Z info request request=0a1b method=GET route=/healthz status=200 ms=1.0" in line
    assert "role=" not in line


def test_the_matchers_own_faults_are_errors():
    stream = io.StringIO()
    configure_logs("json", "error", stream)
    for status in (200, 404, 500):
        log_request(RequestLine("0a1b", "GET", "/healthz", status, 0.001))
    log_notice("worker.started")
    assert [line["status"] for line in lines(stream)] == [500]


def test_what_libraries_chat_about_is_left_out():
    stream = io.StringIO()
    configure_logs("json", "debug", stream)
    for level in ("debug", "info", "warning", "error"):
        getattr(logging.getLogger("library"), level)("words")
    assert [line["level"] for line in lines(stream)] == ["warning", "error"]


def test_a_fault_says_what_and_where():
    stream = io.StringIO()
    configure_logs("json", "info", stream)
    try:
        int(SECRET)
    except ValueError as error:
        log_fault(error, "0a1b")
    (line,) = lines(stream)
    assert (line["event"], line["request"], line["errors"]) == ("fault", "0a1b", ["ValueError"])
    assert line["at"][-1].startswith("test_logs.py:")
    assert line["at"][-1].endswith("test_a_fault_says_what_and_where")


def raised(secret: str, how: int) -> BaseException:
    """Return an exception that holds a secret in one of the ways in which exceptions can."""
    with pytest.raises(Exception) as caught:  # noqa: PT011
        raise_with(secret, how)
    return caught.value


def raise_with(secret: str, how: int) -> None:
    try:
        {}[secret]
    except KeyError as error:
        error.add_note(secret)
        if how == 0:
            raise RuntimeError(f"not {secret}") from error
        if how == 1:
            raise OSError(5, secret, secret)  # noqa: B904
        undecoded = UnicodeDecodeError("utf-8", secret.encode(), 0, 1, secret)
        raise ExceptionGroup(secret, [error, undecoded])  # noqa: B904


@given(
    st.text("abcdefghijklmnopqrstuvwxyzÁé0123456789 -'", min_size=12).filter(str.strip),
    st.integers(0, 2),
    st.sampled_from(["json", "text"]),
)
def test_no_exception_shows_a_value(secret: str, how: int, format_: str):
    stream = io.StringIO()
    configure_logs(format_, "debug", stream)
    error = raised(secret := f"«{secret}»", how)
    log_fault(error)
    log = logging.getLogger(f"some.library.{how}")
    log.error("failed for %s", secret, exc_info=error)
    log.error(secret)
    log.warning(f"got {secret}", extra={"name_of_somebody": secret}, stack_info=True)  # noqa: G004
    log.error("wrong number of values %s %s", secret)  # noqa: PLE1206
    log.error("%d", secret)
    logging.getLogger("matcher.api").error("%s", secret)
    said = stream.getvalue()
    assert len(said.splitlines()) == 7
    for form in (secret, secret[1:-1], json.dumps(secret)[1:-1], repr(secret)[1:-1]):
        assert form not in said


class Nasty:
    """A value whose text can't be had."""

    def __str__(self) -> str:
        raise RuntimeError(SECRET)

    __repr__ = __str__

    def __del__(self) -> None:
        raise RuntimeError(SECRET)


def test_what_nobody_catches_shows_no_value(format_: str, capfd: pytest.CaptureFixture[str]):
    stream = io.StringIO()
    configure_logs(format_, "debug", stream)

    def fail() -> None:
        raise RuntimeError(SECRET)

    thread = threading.Thread(target=fail)
    thread.start()
    thread.join()
    try:
        fail()
    except RuntimeError as error:
        sys.excepthook(type(error), error, error.__traceback__)
    warnings.warn(SECRET, UserWarning, stacklevel=1)
    nasty = Nasty()
    logging.getLogger("library").error("%s", nasty)
    del nasty
    gc.collect()
    stream.flush()
    said = stream.getvalue() + "".join(capfd.readouterr())
    assert len(stream.getvalue().splitlines()) == 5
    assert SECRET not in said
    assert SECRET.split(maxsplit=1)[0] not in said


def test_a_stream_that_fails_shows_no_value(capfd: pytest.CaptureFixture[str]):
    stream = io.StringIO()
    configure_logs("json", "info", stream)
    stream.close()
    log_notice("worker.started")
    logging.getLogger("library").error("%s", SECRET)
    assert SECRET not in "".join(capfd.readouterr())


@pytest.mark.parametrize("event", ["Aoife", "name of somebody", "", "x" * 60, "943.476", "a..b"])
def test_a_notice_is_named_by_words_of_the_program(event: str):
    with pytest.raises(ValueError, match="words of the program"):
        log_notice(event)


def test_a_notice_has_numbers_only():
    with pytest.raises(TypeError):
        log_notice("worker.started", workers="Aoife")


@pytest.mark.parametrize(
    ("template", "logged"),
    [
        ("/v1/agreements/{digest}/rounds/{number}/uploads", None),
        ("/healthz", None),
        ("/v1/agreements/0a1b", UNMATCHED),
        (f"/v1/agreements/{'a' * 32}", UNMATCHED),
        ("/v1/agreements/{digest}?name=Aoife", UNMATCHED),
        ("/Aoife", UNMATCHED),
        ("", UNMATCHED),
        (None, UNMATCHED),
    ],
)
def test_only_templates_of_addresses_are_logged(template: str | None, logged: str | None):
    assert route_template(template) == (logged or template)


def test_only_known_methods_are_logged():
    assert (known_method("PUT"), known_method("AOIFE")) == ("PUT", "OTHER")
