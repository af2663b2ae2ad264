"""What every answer says of the log: its newest checkpoint, and that it contains an older one."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from threading import Lock

from linkage.audit.checkpoint import empty_checkpoint, sign_checkpoint
from linkage.audit.keys import Signer
from matcher.ledger.stored_log import StoredLog
from matcher.store.database import Database

_MOST_KEPT = 1024


@dataclass(frozen=True)
class Head:
    """The log's newest checkpoint without cosignatures, and the proof that it contains ``first``.

    ``proof`` is None where the log has fewer events than that.
    """

    note: bytes
    first: int
    size: int
    proof: Sequence[bytes] | None


class Heads:
    """Reads the log's head for every answer; what was read of a pair of sizes never changes."""

    def __init__(self, database: Database, signer: Signer) -> None:
        self._database = database
        self._empty = sign_checkpoint(empty_checkpoint(signer.name), signer).to_bytes()
        self._kept: OrderedDict[tuple[int, int], Head] = OrderedDict()
        self._lock = Lock()

    def since(self, first: int) -> Head:
        """Return the newest head, with the proof from size ``first`` to it."""
        with self._database.reading() as connection:
            log = StoredLog(connection)
            size = log.size()
            with self._lock:
                if (first, size) in self._kept:
                    return self._kept[first, size]
            head = self._read(log, first, size)
        with self._lock:
            self._kept[first, size] = head
            if len(self._kept) > _MOST_KEPT:
                self._kept.popitem(last=False)
        return head

    def _read(self, log: StoredLog, first: int, size: int) -> Head:
        note = log.note(size).to_bytes() if size else self._empty
        proof = log.consistency_proof(first, size) if first <= size else None
        return Head(note, first, size, proof)
