"""The log of a running matcher: entering events, and answering what clients ask of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import delete, insert, select

from linkage.audit.bundle import BundleHead, bundle_lines
from linkage.audit.checkpoint import empty_checkpoint, sign_checkpoint
from linkage.audit.cosignature import verify_cosignature
from linkage.audit.failures import SignatureError
from linkage.audit.keys import LogKeys, Signer, VerifierKey
from linkage.audit.notes import NoteSignature, SignedNote
from linkage.errors import ConflictError, InputError
from matcher.ledger.recording import Recording
from matcher.ledger.stored_log import BATCH, StoredLog
from matcher.store.database import Database
from matcher.store.tables import log_checkpoints, log_cosignatures


@dataclass(frozen=True)
class Receipt:
    """That an event is in the log: its leaf (from 0), a signed checkpoint, and the proof."""

    leaf: int
    event: bytes
    checkpoint: bytes
    proof: tuple[bytes, ...]


class Ledger:
    """The log in a database, with the key that signs it."""

    def __init__(self, database: Database, signer: Signer) -> None:
        self._database = database
        self._signer = signer

    @contextmanager
    def recording(self, *, may_be_silent: bool = False) -> Iterator[Recording]:
        """Open a transaction for a change and the events about it.

        At the end of the context the change, the events and the new checkpoint are committed
        together; on any exception, or a kill at any moment before, none of them is. Without an
        event nothing is committed and `RuntimeError` raised. ::

            with ledger.recording() as recording:
                recording.connection.execute(...)
                leaf = recording.append(event)
            ledger.receipt(leaf)

        With ``may_be_silent`` the change is committed without an event, too: for what a party has
        sent that decides nothing until others have sent theirs.
        """
        with self._database.writing() as connection:
            recording = Recording(connection, self._signer)
            yield recording
            if not (may_be_silent and recording.is_silent):
                recording.seal()

    def checkpoint(self, size: int | None = None) -> SignedNote:
        """Return the checkpoint of a size that was signed, or the last, with its cosignatures."""
        with self._database.reading() as connection:
            log = StoredLog(connection)
            return self._head(log, log.size() if size is None else size).note

    def head(self) -> BundleHead:
        """Return the last checkpoint with its cosignatures, and whose keys have made them."""
        with self._database.reading() as connection:
            log = StoredLog(connection)
            return self._head(log, log.size())

    def receipt(self, leaf: int) -> Receipt:
        """Return the receipt of an event, as it was after its commit; raises `InputError`."""
        with self._database.reading() as connection:
            log = StoredLog(connection)
            size = log.sealed_at(leaf)
            event = next(log.events(leaf, leaf + 1))
            proof = tuple(log.inclusion_proof(leaf, size))
            return Receipt(leaf, event, log.note(size).to_bytes(), proof)

    def inclusion_proof(self, leaf: int, size: int) -> list[bytes]:
        """Return the proof that an event is among the first ``size``; raises `InputError`."""
        with self._database.reading() as connection:
            return StoredLog(connection).inclusion_proof(leaf, size)

    def consistency_proof(self, first: int, second: int) -> list[bytes]:
        """Return the proof that ``second`` events begin with ``first``; raises `InputError`."""
        with self._database.reading() as connection:
            return StoredLog(connection).consistency_proof(first, second)

    def add_cosignature(self, size: int, witness: VerifierKey, line: NoteSignature) -> None:
        """Keep a witness's cosignature of the checkpoint of a size, in place of an earlier one.

        Whether the witness is one of this log's is for the caller to know. Raises `SignatureError`
        unless the line is that witness's and verifies, `ConflictError` where one of that name with
        another key has signed.
        """
        with self._database.writing() as connection:
            lock = select(log_checkpoints.c.size).where(log_checkpoints.c.size == size)
            connection.execute(lock.with_for_update())
            note = StoredLog(connection).note(size).with_signatures(line)
            if verify_cosignature(note, witness) is None:
                raise SignatureError(f"The cosignature isn't one of {witness.name}.")
            of = (log_cosignatures.c.size == size) & (log_cosignatures.c.witness == witness.name)
            stored = connection.execute(select(log_cosignatures.c.witness_key).where(of)).scalar()
            if stored not in (None, str(witness)):
                raise ConflictError(
                    f"Somebody else named {witness.name!r} has cosigned {size:,} events; each "
                    "witness of a log needs a name of its own."
                )
            connection.execute(delete(log_cosignatures).where(of))
            connection.execute(
                insert(log_cosignatures).values(
                    size=size,
                    witness=witness.name,
                    witness_key=str(witness),
                    signature=line.signature,
                )
            )

    def bundle(self, size: int | None = None) -> Iterable[bytes]:
        """Yield a log bundle in pieces, of the first ``size`` events or of all.

        There must be a checkpoint of that size; raises `InputError`.
        """
        with self._database.reading() as connection:
            log = StoredLog(connection)
            size = log.size() if size is None else size
            head = self._head(log, size)
        yield from bundle_lines(head, self.events(0, size))

    def events(self, start: int, end: int) -> Iterator[bytes]:
        """Yield the bytes of the events from leaf ``start`` up to ``end``.

        No transaction is open while a piece is used, however slow who reads is: events never
        change, so each piece is read by itself. Raises `InputError` beyond the log's end.
        """
        with self._database.reading() as connection:
            if not 0 <= start <= end <= StoredLog(connection).size():
                raise InputError(f"The log has no events from {start:,} up to {end:,}.")
        for first in range(start, end, BATCH):
            with self._database.reading() as connection:
                found = list(StoredLog(connection).events(first, min(first + BATCH, end)))
            yield from found

    def _head(self, log: StoredLog, size: int) -> BundleHead:
        if size == 0:
            note = sign_checkpoint(empty_checkpoint(self._signer.name), self._signer)
            return BundleHead(LogKeys(self._signer.verifier), note)
        return stored_head(log, size, self._signer.verifier)


def stored_head(log: StoredLog, size: int, key: VerifierKey) -> BundleHead:
    """Return the keys and the cosigned checkpoint of a stored size; raises `InputError`."""
    cosignatures = log.cosignatures(size)
    keys = LogKeys(key, tuple(witness for witness, _ in cosignatures))
    note = log.note(size).with_signatures(*(line for _, line in cosignatures))
    return BundleHead(keys, note)
