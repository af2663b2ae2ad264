"""The stored log as one transaction sees it: its size, events, checkpoints and proofs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from sqlalchemy import ColumnElement, Connection, and_, or_, select

from linkage.audit.keys import VerifierKey, parse_verifier_key
from linkage.audit.merkle import HASH_BYTES
from linkage.audit.notes import NoteSignature, SignedNote, parse_note
from linkage.audit.tree import Frontier, Nodes, consistency_proof, inclusion_proof
from linkage.errors import InputError, VerificationError
from matcher.store.tables import log_checkpoints, log_cosignatures, log_events, log_head, log_nodes

BATCH = 1024
"""How many events are read at a time."""
_Computed = TypeVar("_Computed")


Cosigned = tuple[VerifierKey, NoteSignature]
"""A witness, and its line below a checkpoint."""


@dataclass(frozen=True)
class SignedCheckpoint:
    """A stored checkpoint, and its cosignatures by the names of the witnesses."""

    note: SignedNote
    cosignatures: list[Cosigned]


class StoredLog:
    """Reads the log; nothing is verified here. Leaves are numbered from 0."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def size(self, *, lock: bool = False) -> int:
        """Return the number of events; with ``lock`` nobody else appends until the commit."""
        query = select(log_head.c.size)
        if lock:
            query = query.with_for_update()
        size: int = self._connection.execute(query).scalar_one()
        return size

    def sealed_at(self, leaf: int) -> int:
        """Return the size of the first checkpoint that counts an event; raises `InputError`."""
        sizes = log_checkpoints.c.size
        query = select(sizes).where(sizes > leaf).order_by(sizes).limit(1)
        size: int | None = self._connection.execute(query).scalar_one_or_none()
        if size is None:
            raise InputError(f"The log has no event {leaf + 1:,} yet; ask for another.")
        return size

    def note(self, size: int) -> SignedNote:
        """Return the checkpoint of a size, without cosignatures; raises `InputError`."""
        query = select(log_checkpoints.c.note).where(log_checkpoints.c.size == size)
        note = self._connection.execute(query).scalar_one_or_none()
        if note is None:
            raise InputError(f"The log has no checkpoint of {size:,} events; ask for another size.")
        return parse_note(note)

    def cosignatures(self, size: int) -> list[Cosigned]:
        """Return the witnesses of the checkpoint of a size, by name, with their lines."""
        return [line for _, line in self._cosignatures(size, size + 1)]

    def signed(self, start: int, stop: int) -> dict[int, SignedCheckpoint]:
        """Return the checkpoints of sizes from ``start`` up to ``stop``, by size."""
        of = log_checkpoints.c
        query = select(of.size, of.note).where(of.size >= start, of.size < stop)
        found = {
            size: SignedCheckpoint(parse_note(note), [])
            for size, note in self._connection.execute(query)
        }
        for size, line in self._cosignatures(start, stop):
            if size in found:
                found[size].cosignatures.append(line)
        return found

    def _cosignatures(self, start: int, stop: int) -> Iterator[tuple[int, Cosigned]]:
        of = log_cosignatures.c
        query = (
            select(of.size, of.witness_key, of.signature)
            .where(of.size >= start, of.size < stop)
            .order_by(of.size, of.witness)
        )
        for size, text, signature in self._connection.execute(query):
            key = parse_verifier_key(text)
            yield size, (key, NoteSignature(key.name, key.id, signature))

    def events(self, first: int, end: int) -> Iterator[bytes]:
        """Yield the bytes of the events from leaf ``first`` up to ``end``, in bounded memory.

        Raises `VerificationError` if one is missing.
        """
        for start in range(first, end, BATCH):
            stop = min(start + BATCH, end)
            found = self.batch(start, stop)
            if [leaf for leaf, _ in found] != list(range(start, stop)):
                raise VerificationError(
                    f"Of the events {start + 1:,} to {stop:,} some are missing in the database; "
                    "run 'matcher verify-log' and restore a backup beside this database."
                )
            yield from (event for _, event in found)

    def batch(self, start: int, stop: int) -> list[tuple[int, bytes]]:
        """Return leaf and bytes of the events that are there from leaf ``start`` up to ``stop``."""
        leaf = log_events.c.leaf
        query = select(leaf, log_events.c.event).where(leaf >= start, leaf < stop).order_by(leaf)
        return [(leaf, event) for leaf, event in self._connection.execute(query)]

    def frontier(self, size: int) -> Frontier:
        """Return the right edge of the tree of the first ``size`` events."""
        return self._with_nodes(lambda nodes: Frontier(nodes, size))

    def inclusion_proof(self, leaf: int, size: int) -> list[bytes]:
        """Return the proof that an event is among the first ``size``; raises `InputError`."""
        if not 0 <= leaf < size <= self.size():
            raise InputError(f"There is no event {leaf + 1:,} among the first {size:,} of the log.")
        return self.inclusion_proofs([leaf], size)[0]

    def inclusion_proofs(self, leaves: Sequence[int], size: int) -> list[list[bytes]]:
        """Return the proofs that events are among the first ``size``, which must be stored."""
        return self._with_nodes(
            lambda nodes: [inclusion_proof(nodes, leaf, size) for leaf in leaves]
        )

    def consistency_proof(self, first: int, second: int) -> list[bytes]:
        """Return the proof that ``second`` events begin with ``first``; raises `InputError`."""
        if not 0 <= first <= second <= self.size():
            raise InputError(f"The log can't grow from {first:,} to {second:,} events.")
        return self._with_nodes(lambda nodes: consistency_proof(nodes, first, second))

    def _with_nodes(self, compute: Callable[[Nodes], _Computed]) -> _Computed:
        """Compute something from nodes that are fetched at once, after a dry run to know which."""
        wanted: set[tuple[int, int]] = set()

        def note(level: int, position: int) -> bytes:
            wanted.add((level, position))
            return bytes(HASH_BYTES)

        compute(note)
        found = self._nodes(sorted(wanted))
        return compute(lambda level, position: found[level, position])

    def _nodes(self, wanted: list[tuple[int, int]]) -> dict[tuple[int, int], bytes]:
        level, position = log_nodes.c.level, log_nodes.c.position
        found: dict[tuple[int, int], bytes] = {}
        for start in range(0, len(wanted), BATCH):
            query = select(level, position, log_nodes.c.hash).where(
                or_(*_at_levels(wanted[start : start + BATCH]))
            )
            found |= {
                (row.level, row.position): row.hash for row in self._connection.execute(query)
            }
        if missing := set(wanted) - set(found):
            raise VerificationError(
                f"The node {min(missing)} of the log's tree is missing in the database; run "
                "'matcher verify-log' and restore a backup beside this database."
            )
        return found


def _at_levels(wanted: Sequence[tuple[int, int]]) -> Iterator[ColumnElement[bool]]:
    """Yield what finds nodes, level by level: SQLite reads the whole table for a list of pairs."""
    for level in sorted({level for level, _ in wanted}):
        positions = [position for at, position in wanted if at == level]
        yield and_(log_nodes.c.level == level, log_nodes.c.position.in_(positions))
