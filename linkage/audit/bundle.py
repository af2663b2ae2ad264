"""Log bundles: a whole log in one text file that anybody can keep, read and verify.

::

    concord.log-bundle/1
    == keys ==
    the log's verifier key, then those of its witnesses
    == checkpoint ==
    the signed and cosigned checkpoint
    == events ==
    the events, one a line

Lines end in one newline, also the last. The keys are there for convenience and prove nothing:
whoever forges a log can forge them, too.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain

from linkage.audit.events import MOST_BYTES
from linkage.audit.failures import MalformedError
from linkage.audit.keys import LogKeys, parse_keys
from linkage.audit.notes import MOST_BYTES as MOST_NOTE
from linkage.audit.notes import SignedNote, parse_note
from linkage.audit.strict import utf8

FORMAT = "concord.log-bundle/1"
_KEYS = "== keys =="
_CHECKPOINT = "== checkpoint =="
_EVENTS = "== events =="

MOST_LINE = MOST_BYTES + 1
"""No line of a bundle has more bytes, its newline included."""
_MOST_LINES = 1000  # of keys, and of the checkpoint


@dataclass(frozen=True)
class BundleHead:
    """What stands before the events."""

    keys: LogKeys
    note: SignedNote


def bundle_lines(head: BundleHead, events: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the lines of a bundle; ``events`` are canonical bytes in the order of the log."""
    yield f"{FORMAT}\n{_KEYS}\n{head.keys}{_CHECKPOINT}\n{head.note}{_EVENTS}\n".encode()
    for event in events:
        yield event + b"\n"


def read_head(lines: Iterator[bytes]) -> BundleHead:
    """Take the head off the lines of a bundle, so that the events are left.

    Every line comes with its newline; the next ones hold an event each, for `line_content`.
    Raises `MalformedError`.
    """
    if _next_line(lines) != FORMAT or _next_line(lines) != _KEYS:
        raise MalformedError(
            f"The file doesn't begin as a log bundle does, with {FORMAT}: it is another file, or "
            "of another version."
        )
    keys = parse_keys(list(_section(lines, _CHECKPOINT)))
    note = "".join(f"{line}\n" for line in _section(lines, _EVENTS))
    return BundleHead(keys, parse_note(note.encode()))


def read_note(lines: Iterator[bytes]) -> SignedNote:
    """Return the signed checkpoint of a file, from its lines: of a bundle, or alone.

    Takes no more lines than that needs. Raises `MalformedError`.
    """
    first = next(lines, b"")
    if first == f"{FORMAT}\n".encode():
        return read_head(chain((first,), lines)).note
    note = first
    for line in lines:
        note += line
        if len(note) > MOST_NOTE:
            break
    return parse_note(note)


def line_content(line: bytes) -> bytes:
    """Return a line without its newline, such as an event's bytes; raises `MalformedError`."""
    if not line.endswith(b"\n") or len(line) > MOST_LINE:
        raise MalformedError("The line is cut short, or longer than any can be.")
    return line[:-1]


def _section(lines: Iterator[bytes], end: str) -> Iterator[str]:
    for _ in range(_MOST_LINES):
        line = _next_line(lines)
        if line == end:
            return
        yield line
    raise MalformedError(f"The bundle has more than {_MOST_LINES:,} lines before {end}.")


def _next_line(lines: Iterator[bytes]) -> str:
    line = next(lines, None)
    if line is None:
        raise MalformedError("The bundle ends before its events; get it again.")
    return utf8(line_content(line), "a line of the bundle")
