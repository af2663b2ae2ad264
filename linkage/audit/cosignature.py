"""Cosignatures of witnesses (C2SP ``tlog-cosignature``, Ed25519, ``cosignature/v1``).

A witness says: at this time, this was the largest state of the log that I had seen, and it
contains every earlier one that I had seen.
"""

from __future__ import annotations

from dataclasses import dataclass

from linkage.audit.failures import SignatureError, WitnessError
from linkage.audit.keys import SIGNATURE_BYTES, SignatureType, Signer, VerifierKey
from linkage.audit.notes import NoteSignature, SignedNote

_TIME_BYTES = 8
_LATEST = 253_402_300_799  # the end of the year 9999, which is as far as calendars go here


@dataclass(frozen=True)
class Cosignature:
    """A witness's verified statement; ``time`` is POSIX seconds."""

    witness: str
    time: int


def cosign(note: SignedNote, witness: Signer, time: int) -> NoteSignature:
    """Return a witness's signature line for a checkpoint.

    ``time`` is POSIX seconds. Call it for what was verified only: `TrustedLog.cosign` sees to it.
    """
    if witness.type is not SignatureType.WITNESS or not 0 <= time <= _LATEST:
        raise ValueError("A cosignature needs a witness's key and a time since 1970.")
    signature = witness.private.sign(_message(note.text, time))
    return NoteSignature(
        witness.name, witness.verifier.id, time.to_bytes(_TIME_BYTES, "big") + signature
    )


def verify_cosignature(note: SignedNote, witness: VerifierKey) -> Cosignature | None:
    """Return a witness's statement; None if it made none; raises `SignatureError`."""
    if witness.type is not SignatureType.WITNESS:
        raise ValueError("A log signs notes.")
    line = note.signature_of(witness)
    if line is None:
        return None
    time = int.from_bytes(line.signature[:_TIME_BYTES], "big")
    if len(line.signature) != _TIME_BYTES + SIGNATURE_BYTES or time > _LATEST:
        raise SignatureError(f"The cosignature of {witness.name} isn't a time and a signature.")
    witness.verify(line.signature[_TIME_BYTES:], _message(note.text, time))
    return Cosignature(witness.name, time)


def verify_witnesses(
    note: SignedNote, witnesses: tuple[VerifierKey, ...], least: int
) -> tuple[Cosignature, ...]:
    """Return the statements of the given witnesses, of whom at least ``least`` must have signed.

    Raises `SignatureError` for a wrong signature by any of them, `WitnessError` for too few.
    """
    found = [verify_cosignature(note, witness) for witness in witnesses]
    made = tuple(statement for statement in found if statement is not None)
    if len(made) < least:
        silent = [key.name for key, one in zip(witnesses, found, strict=True) if one is None]
        raise WitnessError(
            f"{len(made)} of {len(witnesses)} witnesses have signed and {least} must; there is "
            f"none of {', '.join(silent)}: get a later bundle, or ask for fewer."
        )
    return made


def _message(text: str, time: int) -> bytes:
    return f"cosignature/v1\ntime {time}\n{text}".encode()
