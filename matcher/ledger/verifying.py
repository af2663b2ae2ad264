"""Verifying the stored log from its bytes: events, tree, checkpoints and cosignatures.

Two ways meet: the log is verified as any bundle of it would be, and while its events pass, every
stored node and every checkpoint that was ever signed is held against the tree that they make.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import Connection, and_, func, or_, select

from linkage.audit.bundle import BundleHead, bundle_lines
from linkage.audit.checkpoint import Checkpoint, empty_checkpoint, verify_checkpoint
from linkage.audit.cosignature import verify_cosignature
from linkage.audit.failures import LogError, RollbackError
from linkage.audit.keys import VerifierKey
from linkage.audit.merkle import leaf_hash
from linkage.audit.summary import Summary, Tally
from linkage.audit.tree import Frontier
from linkage.audit.verification import Trust, verify_bundle
from linkage.errors import InputError
from matcher.ledger.index import Sort, verify_counts, verify_indexed
from matcher.ledger.ledger import stored_head
from matcher.ledger.stored_log import BATCH, SignedCheckpoint, StoredLog
from matcher.store.database import Database
from matcher.store.tables import (
    log_checkpoints,
    log_cosignatures,
    log_events,
    log_index,
    log_nodes,
)

_SOURCE = "The stored log"


@dataclass(frozen=True)
class VerifiedLog:
    """What a verified log holds; ``checkpoints`` and ``cosignatures`` count all that were kept."""

    checkpoint: Checkpoint
    checkpoints: int
    cosignatures: int
    summary: Summary


def verify_stored_log(
    database: Database, key: VerifierKey, earlier: Checkpoint | None = None
) -> VerifiedLog:
    """Verify the whole stored log, of one moment, in bounded memory.

    1. As a bundle (`linkage.audit.verification`), up to the last checkpoint, with ``earlier``.
    2. Every event hashes to the stored nodes, of which there are no others, and is found by the
       index as what it is.
    3. Every checkpoint is signed by ``key`` and has the root of its size, of those there are no
       others, and every cosignature verifies.

    Raises `LogError`. What was cut off together, with its checkpoints, only ``earlier`` shows.
    """
    with database.reading() as connection:
        return verify_log_of(connection, key, earlier)


def verify_log_of(
    connection: Connection, key: VerifierKey, earlier: Checkpoint | None = None
) -> VerifiedLog:
    """Verify the log that a transaction sees, as `verify_stored_log` does."""
    with _types_in_words():
        log = StoredLog(connection)
        stored = _StoredEvents(connection, key)
        size = log.size()
        if size == 0:
            _require_empty(stored, earlier)
            return VerifiedLog(empty_checkpoint(key.name), 0, 0, Tally().summary())
        head = _head(log, size, key)
        chunks = bundle_lines(head, stored)
        lines = _split_head(next(chunks), chunks)
        verified = verify_bundle(lines, _SOURCE, Trust(head.keys, 0, earlier))
        stored.require_nothing_else()
    return VerifiedLog(
        verified.checkpoint, stored.checkpoints, stored.cosignatures, verified.summary
    )


@contextmanager
def _types_in_words() -> Iterator[None]:
    """Say so if a column holds what isn't of its type: SQLite keeps anything in any column."""
    try:
        yield
    except (TypeError, ValueError):
        raise LogError(
            f"{_SOURCE} holds a value of another type than its column has; it was altered."
        ) from None


def _head(log: StoredLog, size: int, key: VerifierKey) -> BundleHead:
    try:
        return stored_head(log, size, key)
    except InputError:
        raise LogError(
            f"{_SOURCE} says that it has {size:,} events, and holds no checkpoint of so many: "
            "either was altered."
        ) from None


def _split_head(head: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    yield from (line + b"\n" for line in head.split(b"\n")[:-1])
    yield from rest


def _require_empty(stored: _StoredEvents, earlier: Checkpoint | None) -> None:
    for _ in stored:
        raise LogError(f"{_SOURCE} has events and says that it is empty.")
    stored.require_nothing_else()
    if earlier is not None and earlier.size:
        raise RollbackError(
            f"{_SOURCE} is empty, and the checkpoint you have from before counts "
            f"{earlier.size:,} events: they were taken away."
        )


class _StoredEvents:
    """The events in their order, each held against nodes and checkpoints as it passes."""

    def __init__(self, connection: Connection, key: VerifierKey) -> None:
        self._connection = connection
        self._log = StoredLog(connection)
        self._key = key
        self._frontier = Frontier()
        self._nodes = 0
        self._sorts: Counter[Sort] = Counter()
        self.checkpoints = 0
        self.cosignatures = 0

    def __iter__(self) -> Iterator[bytes]:
        while batch := self._log.batch(self._frontier.size, self._frontier.size + BATCH):
            nodes = self._stored_nodes(batch[-1][0] + 1)
            signed = self._log.signed(self._frontier.size + 1, batch[-1][0] + 2)
            for leaf, event in batch:
                self._check_event(leaf, event, nodes)
                self._check_checkpoint(signed)
                yield event
            self._sorts += verify_indexed(self._connection, batch)

    def require_nothing_else(self) -> None:
        """Raise `LogError` if there is more in the tables than belongs to the events."""
        for table, passed, what in (
            (log_events, self._frontier.size, "events"),
            (log_nodes, self._nodes, "nodes of the tree"),
            (log_checkpoints, self.checkpoints, "checkpoints"),
            (log_cosignatures, self.cosignatures, "cosignatures"),
            (log_index, self._frontier.size, "rows of the index"),
        ):
            found = self._connection.execute(select(func.count()).select_from(table)).scalar_one()
            if found != passed:
                raise LogError(
                    f"{_SOURCE} holds {found:,} {what}, and {passed:,} belong to its events; "
                    "rows were added to the database or taken away."
                )
        verify_counts(self._connection, self._sorts)

    def _check_event(self, leaf: int, event: bytes, nodes: dict[tuple[int, int], bytes]) -> None:
        if leaf != self._frontier.size:
            raise LogError(f"Event {self._frontier.size + 1:,} of the stored log is missing.")
        for level, position, computed in self._frontier.append(leaf_hash(event)):
            if nodes.get((level, position)) != computed:
                raise LogError(
                    f"Event {leaf + 1:,} of the stored log and the stored node "
                    f"({level}, {position}) don't fit; one of them was altered."
                )
            self._nodes += 1

    def _check_checkpoint(self, signed: dict[int, SignedCheckpoint]) -> None:
        size = self._frontier.size
        if size not in signed:
            return
        note = signed[size].note
        if verify_checkpoint(note, self._key) != self._here():
            raise LogError(
                f"The checkpoint that is stored for {size:,} events isn't that of the events "
                "before it: they were altered, or the log has signed two histories."
            )
        self.checkpoints += 1
        for witness, line in signed[size].cosignatures:
            verify_cosignature(note.with_signatures(line), witness)
            self.cosignatures += 1

    def _here(self) -> Checkpoint:
        return Checkpoint(self._key.name, self._frontier.size, self._frontier.root())

    def _stored_nodes(self, end: int) -> dict[tuple[int, int], bytes]:
        """Return the nodes that the leaves up to ``end`` complete."""
        start = self._frontier.size
        level, position = log_nodes.c.level, log_nodes.c.position
        ranges = [
            and_(level == at, position >= start >> at, position < end >> at)
            for at in range(end.bit_length())
        ]
        query = select(level, position, log_nodes.c.hash).where(or_(*ranges))
        return {(row.level, row.position): row.hash for row in self._connection.execute(query)}
