"""What a line of the service's log can hold. There is no place in it for anybody's data.

A request is told by the template of its address, never by the address, and a fault by the classes
of its exceptions and the places in the program, never by its words, which may quote what was sent.
"""

from __future__ import annotations

import errno
import logging
import re
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePath

_LOG = logging.getLogger("matcher")
FIELDS = "concord_fields"
"""The attribute of a log record that holds the fields of a line."""

_EVENT = re.compile(r"[a-z]{1,24}(-[a-z]{1,24}){0,4}(\.[a-z]{1,24}(-[a-z]{1,24}){0,4})?")
# Of a template: literal words, versions as v1, and parameters by name.
_SEGMENT = r"([a-z]{1,24}(-[a-z]{1,24}){0,3}|v[0-9]|\{[a-z_]{1,24}\})"
_ROUTE = re.compile(rf"(/{_SEGMENT})+")
_METHODS = frozenset({"GET", "HEAD", "PUT", "POST", "DELETE", "OPTIONS", "PATCH"})
UNMATCHED = "unmatched"
_CODE = re.compile(r"[A-Z][A-Z0-9_]{1,40}")
_FRAMES = 12
_CHAIN = 8


@dataclass(frozen=True)
class RequestLine:
    """A request that was answered.

    ``request`` is an id that the answer carries, too; ``route`` the template of the address, or
    `UNMATCHED`; ``role`` the caller's role in the agreement, if the address names one; ``seconds``
    how long it took, ``received`` the bytes of the body. ``status`` is 0 if the caller went away.
    """

    request: str
    method: str
    route: str
    status: int
    seconds: float
    role: str = ""
    received: int = 0


def log_request(line: RequestLine) -> None:
    """Note a request; at level error if the matcher is to blame."""
    fields = {
        "event": "request",
        "request": line.request,
        "method": line.method,
        "route": line.route,
        "status": line.status,
        "ms": round(line.seconds * 1000, 1),
        "role": line.role,
        "received": line.received,
    }
    _emit(logging.ERROR if line.status >= 500 else logging.INFO, fields)


def log_fault(error: BaseException, request: str = "") -> None:
    """Note a fault of the matcher's own: its classes and places, and none of its words."""
    fields: dict[str, object] = {"event": "fault", "request": request}
    _emit(logging.ERROR, {**fields, **fault_fields(error)})


def log_notice(event: str, **counts: int) -> None:
    """Note that something happened (``worker.started``), with numbers that are nobody's."""
    if not _EVENT.fullmatch(event):
        raise ValueError("an event is named by words of the program")
    if any(type(count) is not int for count in counts.values()):
        raise TypeError("only whole numbers are noted beside an event")
    _emit(logging.INFO, {"event": event, **counts})


def route_template(template: object) -> str:
    """Return the template of an address, or `UNMATCHED` for what can't be one."""
    fits = isinstance(template, str) and _ROUTE.fullmatch(template)
    return str(template) if fits else UNMATCHED


def known_method(method: str) -> str:
    """Return the method, or ``OTHER`` for a word of the caller's."""
    return method if method in _METHODS else "OTHER"


def fault_fields(error: BaseException) -> dict[str, object]:
    """Return the classes of an exception and of its causes, and where it was raised."""
    return {
        "errors": [_named(one) for one in _chain(error)],
        "at": [
            f"{PurePath(frame.filename).name}:{frame.lineno} {frame.name}"
            for frame in traceback.extract_tb(error.__traceback__, limit=-_FRAMES)
        ],
    }


def _named(error: BaseException) -> str:
    """Return the class, and the name of the code that the system or SQLite has given: ENOSPC."""
    code = getattr(error, "sqlite_errorname", None)
    if isinstance(error, OSError):
        code = errno.errorcode.get(error.errno) if type(error.errno) is int else None
    known = isinstance(code, str) and _CODE.fullmatch(code)
    return f"{type(error).__qualname__} {code}" if known else type(error).__qualname__


def _chain(error: BaseException) -> Iterator[BaseException]:
    left: list[BaseException | None] = [error]
    seen: set[int] = set()
    while left and len(seen) < _CHAIN:
        one = left.pop(0)
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        left += [one.__cause__, one.__context__]
        if isinstance(one, BaseExceptionGroup):
            left += one.exceptions


def _emit(level: int, fields: dict[str, object]) -> None:
    _LOG.log(level, "%s", fields["event"], extra={FIELDS: fields})
