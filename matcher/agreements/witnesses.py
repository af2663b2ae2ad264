"""Witnesses of the log: the parties of admitted agreements, and nobody else."""

from __future__ import annotations

from linkage.audit.checkpoint import parse_checkpoint_text
from linkage.audit.keys import SignatureType, VerifierKey
from linkage.audit.notes import parse_note
from linkage.errors import InputError, PolicyError
from linkage.protocol.keys import VerifyingKey
from matcher.agreements.directory import Directory
from matcher.ledger.ledger import Ledger


class Witnesses:
    """Takes cosignatures."""

    def __init__(self, directory: Directory, ledger: Ledger) -> None:
        self._directory = directory
        self._ledger = ledger

    def cosign(self, fingerprint: str, content: bytes) -> None:
        """Keep the cosignature that a party has put under a checkpoint, in place of its earlier.

        Raises `VerificationError` for what isn't a checkpoint with its cosignature, `PolicyError`
        where no line is that of the party.
        """
        note = parse_note(content)
        size = parse_checkpoint_text(note.text).size
        stored = self._ledger.checkpoint(size)
        if stored.text != note.text:
            raise InputError(
                f"The log has signed another checkpoint of {size:,} events than the one that was "
                "cosigned; keep yours, and tell the other parties."
            )
        for witness in self._keys(fingerprint):
            line = note.signature_of(witness)
            if line is not None:
                self._ledger.add_cosignature(size, witness, line)
                return
        raise PolicyError("No signature under the checkpoint is yours as a party's.")

    def _keys(self, fingerprint: str) -> list[VerifierKey]:
        """Return the caller's key under each name that it has in an agreement."""
        key: VerifyingKey = self._directory.key(fingerprint)
        names = sorted({place.party for place in self._directory.places(fingerprint)})
        return [VerifierKey(name, SignatureType.WITNESS, key.raw) for name in names]
