"""Verifying a log bundle, step by step.

1. *form*: it is a bundle, with keys and a checkpoint.
2. *signature*: the log's key has signed the checkpoint.
3. *witnesses*: enough witnesses have signed it, and every signature of theirs fits.
4. *events*: every event is in canonical form and obeys the rules.
5. *count*: there are as many as the checkpoint counts.
6. *root*: their tree has the root that was signed.
7. *earlier*: it contains the checkpoint that the verifier has seen before, if there is one.

Keys and earlier checkpoint come from the verifier, never from the bundle.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from linkage.audit.bundle import BundleHead, line_content, read_head
from linkage.audit.checkpoint import Checkpoint, verify_checkpoint
from linkage.audit.cosignature import Cosignature, verify_witnesses
from linkage.audit.events import Event, parse_event
from linkage.audit.failures import (
    BundleError,
    ForkError,
    LogError,
    RollbackError,
    SplitViewError,
)
from linkage.audit.keys import LogKeys
from linkage.audit.merkle import leaf_hash
from linkage.audit.summary import Summary, Tally
from linkage.audit.tree import Frontier
from linkage.audit.trusted_log import require_count

STEPS = ("form", "signature", "witnesses", "events", "count", "root", "earlier")

Visit = Callable[[int, Event], object]
"""Called with each event and its number from 1, before the whole is verified."""


@dataclass(frozen=True)
class Trust:
    """What a verifier knows without the bundle.

    At least ``least_witnesses`` of the witnesses in ``keys`` must have signed. ``earlier`` is a
    checkpoint of this log that the verifier has verified before.
    """

    keys: LogKeys
    least_witnesses: int
    earlier: Checkpoint | None = None

    def __post_init__(self) -> None:
        if self.earlier is not None and self.earlier.origin != self.keys.log.name:
            raise ValueError("The earlier checkpoint is of another log.")


@dataclass(frozen=True)
class VerifiedBundle:
    """What a verified bundle says, and who vouches for it.

    ``other_signatures`` counts signature lines of keys that the verifier didn't give.
    """

    checkpoint: Checkpoint
    cosignatures: tuple[Cosignature, ...]
    other_signatures: int
    summary: Summary


def verify_bundle(
    lines: Iterator[bytes], source: str, trust: Trust, visit: Visit | None = None
) -> VerifiedBundle:
    """Verify a bundle from its lines, each with its newline, in bounded memory.

    ``source`` is the name that errors give to it. Raises `BundleError` that says which step failed
    and at which event. What ``visit`` has made of the events until then is to be thrown away.
    """
    with _step(source, "form"):
        head = read_head(lines)
    with _step(source, "signature"):
        checkpoint = verify_checkpoint(head.note, trust.keys.log)
    with _step(source, "witnesses"):
        cosignatures = verify_witnesses(head.note, trust.keys.witnesses, trust.least_witnesses)
    events = _Events(trust.earlier)
    for number, line in enumerate(lines, 1):
        with _step(source, "events", number):
            event = events.add(line_content(line))
        if visit is not None:
            visit(number, event)
    with _step(source, "count"):
        require_count(events.size, checkpoint)
    with _step(source, "root"):
        events.require_root(checkpoint)
    with _step(source, "earlier"):
        events.require_earlier(checkpoint)
    return VerifiedBundle(
        checkpoint, cosignatures, _other_signatures(head, trust.keys), events.summary()
    )


class _Events:
    """The events of a bundle as they pass: their tree, their counts, the earlier checkpoint."""

    def __init__(self, earlier: Checkpoint | None) -> None:
        self._frontier = Frontier()
        self._tally = Tally()
        self._earlier = earlier
        self._root_then: bytes | None = None
        self._note_root()

    @property
    def size(self) -> int:
        return self._frontier.size

    def add(self, data: bytes) -> Event:
        event = parse_event(data)
        self._frontier.append(leaf_hash(data))
        self._tally.add(event)
        self._note_root()
        return event

    def summary(self) -> Summary:
        return self._tally.summary()

    def require_root(self, checkpoint: Checkpoint) -> None:
        if self._frontier.root() != checkpoint.root:
            first = 1
            if self._earlier is not None and self._root_then == self._earlier.root:
                first = self._earlier.size + 1
            raise ForkError(
                "The events aren't those that were signed for: at least one of the events "
                f"{first:,} to {self.size:,} was altered, moved or replaced."
            )

    def require_earlier(self, checkpoint: Checkpoint) -> None:
        earlier = self._earlier
        if earlier is None:
            return
        if earlier.size > checkpoint.size:
            raise RollbackError(
                f"This log has {checkpoint.size:,} events, and the checkpoint you have from "
                f"before counts {earlier.size:,}: the bundle is older, or events were taken away."
            )
        if self._root_then != earlier.root:
            kind = SplitViewError if earlier.size == checkpoint.size else ForkError
            raise kind(
                f"The first {earlier.size:,} events aren't those of the checkpoint you have from "
                "before: the log's operator has signed two histories, and both files prove it."
            )

    def _note_root(self) -> None:
        if self._earlier is not None and self.size == self._earlier.size:
            self._root_then = self._frontier.root()


def _other_signatures(head: BundleHead, keys: LogKeys) -> int:
    known = (keys.log, *keys.witnesses)
    return sum(not any(line.is_of(key) for key in known) for line in head.note.signatures)


@contextmanager
def _step(source: str, name: str, event: int | None = None) -> Iterator[None]:
    """Say of an error in which step, and at which event, it arose."""
    try:
        yield
    except LogError as error:
        raise BundleError(source, STEPS.index(name) + 1, name, event, error) from error
