"""What one party trusts about the log, and the only way by which that changes.

`TrustedLog` touches no disk, network or clock. Its owner keeps the *pinned* checkpoint, the last
one that was accepted, and hands in what the log sends. The rules:

 * A checkpoint is believed only with the signature of the log's key over its own origin.
 * Before the first one, the empty log is pinned, with which every log begins.
 * A larger checkpoint replaces the pinned one only with a proof that it contains it.
 * A checkpoint of the same size must be the same; a smaller one is never accepted.
 * Only the pinned checkpoint is cosigned, and only events under it are believed.

A check that fails changes nothing: what was pinned stays pinned. Bytes that fail are the log's
doing and raise a `LogError`; calls that come too early are the caller's fault and raise
`RuntimeError`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from linkage.audit.checkpoint import Checkpoint, empty_checkpoint, open_checkpoint
from linkage.audit.cosignature import cosign
from linkage.audit.events import Event
from linkage.audit.failures import (
    ForkError,
    ProofError,
    RollbackError,
    SplitViewError,
    TruncationError,
)
from linkage.audit.inclusion import proved_event
from linkage.audit.keys import Signer, VerifierKey
from linkage.audit.merkle import leaf_hash, verify_consistency
from linkage.audit.notes import NoteSignature, SignedNote, parse_note
from linkage.audit.tree import Frontier


class TrustedLog:
    """A log as one party has come to know it."""

    def __init__(self, log: VerifierKey, pinned: bytes | None = None) -> None:
        """Begin with the checkpoint that was pinned last, or with the empty log.

        Raises `LogError` if the bytes aren't a checkpoint that this log has signed.
        """
        self._log = log
        self._note: SignedNote | None = None
        self._pinned = empty_checkpoint(log.name)
        if pinned is not None:
            self._pinned = open_checkpoint(pinned, log)
            self._note = parse_note(pinned)

    @property
    def pinned(self) -> Checkpoint:
        """The state of the log that is trusted."""
        return self._pinned

    @property
    def pinned_bytes(self) -> bytes:
        """The pinned checkpoint as the log has signed it, to keep for the next time."""
        return self._require_note().to_bytes()

    @property
    def pinned_note(self) -> SignedNote:
        """The pinned checkpoint as the log has signed it, to be cosigned."""
        return self._require_note()

    def update(self, data: bytes, proof: Sequence[bytes]) -> Checkpoint:
        """Pin a newer checkpoint.

        ``proof`` is the consistency proof from the pinned size to the new one: empty if they are
        equal or nothing is pinned. Raises:

        1. `MalformedError` or `SignatureError`: not a checkpoint, or not signed by this log;
        2. `RollbackError`: smaller than the pinned one;
        3. `SplitViewError`: as large, with another root;
        4. `ForkError`: larger, and not shown to contain it.
        """
        offered = open_checkpoint(data, self._log)
        if offered.size < self._pinned.size:
            raise RollbackError(
                f"{self._whose()} shows a state of {offered.size:,} events after one of "
                f"{self._pinned.size:,}; ask its operator whether it was restored from an old "
                "backup, and keep both checkpoints."
            )
        self._require_extension(self._pinned, offered, proof)
        self._pinned, self._note = offered, parse_note(data)
        return offered

    def compare(self, data: bytes, proof: Sequence[bytes]) -> None:
        """Verify that a checkpoint which somebody else was shown is of the same history.

        It must be of at most the pinned size; ``proof`` leads from it to the pinned one. Raises as
        `update`, and changes nothing. With two parties' checkpoints of one size no proof is needed.
        """
        seen = open_checkpoint(data, self._log)
        if seen.size > self._pinned.size:
            raise RuntimeError("A larger checkpoint is for update().")
        self._require_extension(seen, self._pinned, proof)

    def verify_event(self, data: bytes, index: int, proof: Sequence[bytes]) -> Event:
        """Return event ``index`` (from 0), proved to be in the pinned log.

        Raises `MalformedError` or `ProofError`.
        """
        self._require_note()
        return proved_event(data, index, proof, self._pinned)

    def verify_all(self, events: Iterable[bytes]) -> None:
        """Verify that these are all events of the pinned log.

        Raises `TruncationError` if some are missing at the end, `ForkError` if there are others.
        """
        self._require_note()
        frontier = Frontier()
        for data in events:
            frontier.append(leaf_hash(data))
        require_count(frontier.size, self._pinned)
        if frontier.root() != self._pinned.root:
            raise ForkError(f"{self._whose()} gives other events than those it has signed for.")

    def cosign(self, witness: Signer, time: int) -> NoteSignature:
        """Return this party's cosignature of the pinned checkpoint, at POSIX seconds ``time``."""
        return cosign(self._require_note(), witness, time)

    def _require_extension(
        self, older: Checkpoint, newer: Checkpoint, proof: Sequence[bytes]
    ) -> None:
        if older.size == newer.size and older.root != newer.root:
            raise SplitViewError(
                f"{self._whose()} has signed two histories of {older.size:,} events; keep both "
                "checkpoints, they prove it, and tell the other parties."
            )
        try:
            verify_consistency(older.size, newer.size, proof, older.root, newer.root)
        except ProofError as error:
            raise ForkError(
                f"{self._whose()} hasn't shown that its {newer.size:,} events contain the "
                f"{older.size:,} seen before; ask for the proof again, and if it fails again, "
                "keep both checkpoints and tell the other parties."
            ) from error

    def _require_note(self) -> SignedNote:
        if self._note is None:
            raise RuntimeError("No checkpoint was accepted yet: call update() first.")
        return self._note

    def _whose(self) -> str:
        return f"The log {self._log.name}"


def require_count(found: int, checkpoint: Checkpoint) -> None:
    """Raise `TruncationError` or `ForkError` unless there are as many events as signed for."""
    if found < checkpoint.size:
        raise TruncationError(
            f"The checkpoint counts {checkpoint.size:,} events and {found:,} are here; the last "
            f"{checkpoint.size - found:,} are missing."
        )
    if found > checkpoint.size:
        raise ForkError(
            f"The checkpoint counts {checkpoint.size:,} events and {found:,} are here; the last "
            f"{found - checkpoint.size:,} were never signed for."
        )
