"""Checkpoints (C2SP ``tlog-checkpoint``): a log's size and root, signed by the log."""

from __future__ import annotations

from dataclasses import dataclass

from linkage.audit.failures import MalformedError
from linkage.audit.keys import SignatureType, Signer, VerifierKey
from linkage.audit.merkle import EMPTY_ROOT, HASH_BYTES
from linkage.audit.notes import NoteSignature, SignedNote, parse_note, verify_note
from linkage.audit.strict import canonical_base64, canonical_decimal, to_base64


@dataclass(frozen=True)
class Checkpoint:
    """The state of a log: ``size`` events whose tree has the 32 bytes ``root``.

    ``origin`` says which log, and is the name of its key.
    """

    origin: str
    size: int
    root: bytes

    def __str__(self) -> str:
        return f"{self.origin}\n{self.size}\n{to_base64(self.root)}\n"


def empty_checkpoint(origin: str) -> Checkpoint:
    """Return the state of a log before its first event; nobody needs to sign that."""
    return Checkpoint(origin, 0, EMPTY_ROOT)


def sign_checkpoint(checkpoint: Checkpoint, log: Signer) -> SignedNote:
    """Return the checkpoint signed by its log, whose name is the origin."""
    if log.name != checkpoint.origin or log.type is not SignatureType.LOG:
        raise ValueError("A log signs its own checkpoints only, with the key of a log.")
    text = str(checkpoint)
    signature = log.private.sign(text.encode())
    return SignedNote(text, (NoteSignature(log.name, log.verifier.id, signature),))


def verify_checkpoint(note: SignedNote, log: VerifierKey) -> Checkpoint:
    """Return what a checkpoint says, after the log's signature was verified.

    1. The log's key has signed the text (`SignatureError`).
    2. The text is three lines: origin, size, root (`MalformedError`).
    3. The origin is the name of the log's key (`MalformedError`).
    """
    verify_note(note, log)
    checkpoint = parse_checkpoint_text(note.text)
    if checkpoint.origin != log.name:
        raise MalformedError(f"The checkpoint isn't of the log {log.name}.")
    return checkpoint


def open_checkpoint(data: bytes, log: VerifierKey) -> Checkpoint:
    """Parse and verify a signed checkpoint; raises as `parse_note` and `verify_checkpoint`."""
    return verify_checkpoint(parse_note(data), log)


def parse_checkpoint_text(text: str) -> Checkpoint:
    """Parse the text of a checkpoint; extension lines are refused."""
    lines = text.split("\n")
    if len(lines) != 4 or not all(lines[:3]) or lines[3]:
        raise MalformedError("A checkpoint has three lines: origin, size and root.")
    size = canonical_decimal(lines[1], "the size of the checkpoint")
    root = canonical_base64(lines[2], "the root of the checkpoint")
    if len(root) != HASH_BYTES or (size == 0 and root != EMPTY_ROOT):
        raise MalformedError("The root of the checkpoint can't be that of a tree of its size.")
    return Checkpoint(lines[0], size, root)
