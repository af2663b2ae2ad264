"""Events that enter the log in the transaction of the change that they are about."""

from __future__ import annotations

from sqlalchemy import Connection, insert, update

from linkage.audit.checkpoint import Checkpoint, sign_checkpoint, verify_checkpoint
from linkage.audit.events import Event, event_bytes
from linkage.audit.keys import Signer
from linkage.audit.merkle import leaf_hash
from linkage.audit.tree import Frontier
from linkage.errors import VerificationError
from matcher.ledger.index import index_events
from matcher.ledger.stored_log import StoredLog
from matcher.store.tables import log_checkpoints, log_events, log_head, log_nodes


class Recording:
    """One transaction: whatever is written through ``connection``, and the events about it.

    From the first `append` on, nobody else appends until this transaction ends; append last.
    """

    def __init__(self, connection: Connection, signer: Signer) -> None:
        self.connection = connection
        self._signer = signer
        self._log = StoredLog(connection)
        self._frontier: Frontier | None = None
        self._appended: list[tuple[int, bytes]] = []
        self._events: list[tuple[int, Event]] = []
        self._nodes: list[tuple[int, int, bytes]] = []

    @property
    def is_silent(self) -> bool:
        """Whether no event was appended."""
        return self._frontier is None

    def append(self, event: Event) -> int:
        """Append an event and return its leaf, which counts only once the context has ended.

        Raises `VerificationError` if the stored log isn't what it has last signed for.
        """
        if self._frontier is None:
            self._frontier = self._begin()
        data, leaf = event_bytes(event), self._frontier.size
        self._nodes += self._frontier.append(leaf_hash(data))
        self._appended.append((leaf, data))
        self._events.append((leaf, event))
        return leaf

    def seal(self) -> None:
        """Store the events and their signed checkpoint.

        Raises `RuntimeError` without an event: no change is made that the log doesn't know.
        """
        if self._frontier is None:
            raise RuntimeError("A recording needs an event: append() one about the change.")
        self._store_events()
        size = self._frontier.size
        checkpoint = Checkpoint(self._signer.name, size, self._frontier.root())
        note = sign_checkpoint(checkpoint, self._signer).to_bytes()
        self.connection.execute(insert(log_checkpoints).values(size=size, note=note))
        self.connection.execute(update(log_head).values(size=size))

    def _store_events(self) -> None:
        self.connection.execute(
            insert(log_events), [{"leaf": leaf, "event": data} for leaf, data in self._appended]
        )
        self.connection.execute(
            insert(log_nodes),
            [{"level": level, "position": at, "hash": node} for level, at, node in self._nodes],
        )
        index_events(self.connection, self._events)

    def _begin(self) -> Frontier:
        """Lock the log, and see that what is stored is what was last signed with this key.

        Without that, a damaged database, or another log's key, would make the log sign two
        histories.
        """
        size = self._log.size(lock=True)
        frontier = self._log.frontier(size)
        if size:
            signed = verify_checkpoint(self._log.note(size), self._signer.verifier)
            if (signed.size, signed.root) != (size, frontier.root()):
                raise VerificationError(
                    f"The log's stored tree of {size:,} events isn't the one that was signed for; "
                    "nothing can be entered: run 'matcher verify-log' and restore a backup beside "
                    "this database."
                )
        return frontier
