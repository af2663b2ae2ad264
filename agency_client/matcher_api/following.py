"""Following a matcher's log: every answer must go on from what this keystore has seen before."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from threading import RLock

from agency_client.keystore.store import OpenKeystore
from agency_client.keystore.witnessed import lock_file, remember_witnessed, witnessed
from agency_client.locking import locked
from linkage.audit.checkpoint import open_checkpoint
from linkage.audit.keys import VerifierKey
from linkage.audit.trusted_log import TrustedLog

Ask = Callable[[int, int], Sequence[bytes]]
"""Fetches the proof that the log of one size begins with that of another."""


class FollowedLog:
    """The log as the keystore has it pinned, for many threads and processes at once."""

    def __init__(self, store: OpenKeystore, key: VerifierKey) -> None:
        self._store = store
        self._key = key
        self._lock = RLock()

    @property
    def pinned(self) -> TrustedLog:
        """What is pinned now."""
        return TrustedLog(self._key, witnessed(self._store, self._key.name))

    def accept(self, first: int | None, note: bytes, proof: Sequence[bytes], ask: Ask) -> None:
        """Pin the checkpoint of an answer, once it is shown to go on from what is pinned.

        ``proof`` leads from size ``first``, which was pinned when the request was sent, to the
        checkpoint. Where another request has pinned a later one meanwhile, or ``first`` is None,
        both are held against each other with a proof that ``ask`` fetches. Raises `LogError`; then
        nothing is pinned.
        """
        with self._alone():
            trusted = self.pinned
            before = trusted.pinned
            offered = open_checkpoint(note, self._key)
            if before.size == first:
                trusted.update(note, proof)
            elif offered.size >= before.size:
                trusted.update(note, ask(before.size, offered.size))
            else:
                trusted.compare(note, ask(offered.size, before.size))
            if trusted.pinned != before:
                remember_witnessed(self._store, self._key.name, trusted.pinned_bytes)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Keep other threads and processes from pinning until the context ends."""
        with self._lock, locked(lock_file(self._store, self._key.name)):
            yield
