"""How lines get out: one of JSON or of text for each event, to standard error.

Whatever else is said through Python's logging, warnings or hooks for uncaught exceptions, by
libraries or by mistake, comes out as the name of who said it and where: never in its own words.
"""

from __future__ import annotations

import json
import logging
import sys
import threading
from datetime import UTC, datetime
from pathlib import PurePath
from types import TracebackType
from typing import IO, Any, Literal

from matcher.logs.lines import FIELDS, fault_fields, log_fault

Format = Literal["json", "text"]
Level = Literal["debug", "info", "warning", "error"]


def configure_logs(format_: Format, level: Level, stream: IO[str] | None = None) -> None:
    """Let all that this process says go out as lines, from ``level`` on; for good.

    Of what libraries say, warnings and errors alone: without its words the rest tells nothing.
    """
    handler = _Handler(stream or sys.stderr)
    handler.setFormatter(_Formatter(format_))
    root = logging.getLogger()
    for old in root.handlers[:]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel("WARNING")
    logging.getLogger("matcher").setLevel(level.upper())
    logging.captureWarnings(capture=True)
    sys.excepthook = _uncaught
    threading.excepthook = _uncaught_in_thread
    sys.unraisablehook = _unraisable


class _Handler(logging.StreamHandler[IO[str]]):
    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's name
        """Say nothing of a line that can't be written: logging itself would show its values."""


class _Formatter(logging.Formatter):
    def __init__(self, format_: Format) -> None:
        super().__init__()
        self._line = _json if format_ == "json" else _text

    def format(self, record: logging.LogRecord) -> str:
        at = datetime.fromtimestamp(record.created, UTC)
        head = {
            "time": f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03}Z",
            "level": record.levelname.lower(),
        }
        return self._line({**head, **_fields(record)})


def _fields(record: logging.LogRecord) -> dict[str, Any]:
    own = getattr(record, FIELDS, None)
    if own is not None:
        return dict(own)
    fields: dict[str, Any] = {
        "event": "library",
        "logger": record.name,
        "where": f"{PurePath(record.pathname).name}:{record.lineno}",
    }
    if record.exc_info and record.exc_info[1] is not None:
        fields |= fault_fields(record.exc_info[1])
    return fields


def _json(fields: dict[str, Any]) -> str:
    return json.dumps(fields)


def _text(fields: dict[str, Any]) -> str:
    head = [fields.pop(name) for name in ("time", "level", "event")]
    said = (f"{name}={_value(value)}" for name, value in fields.items() if value not in ("", []))
    return " ".join([*head, *said])


def _value(value: object) -> str:
    return " < ".join(map(str, value)) if isinstance(value, list) else str(value)


def _uncaught(_: type[BaseException], error: BaseException, __: TracebackType | None) -> None:
    log_fault(error)


def _uncaught_in_thread(arguments: threading.ExceptHookArgs) -> None:
    if arguments.exc_value is not None:
        log_fault(arguments.exc_value)


def _unraisable(arguments: sys.UnraisableHookArgs) -> None:
    if arguments.exc_value is not None:
        log_fault(arguments.exc_value)
