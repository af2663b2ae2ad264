"""Signed notes (C2SP ``signed-note``): a text and under it the signatures of several keys."""

from __future__ import annotations

import re
from dataclasses import dataclass

from linkage.audit.failures import MalformedError, SignatureError
from linkage.audit.keys import KEY_ID_BYTES, SIGNATURE_BYTES, SignatureType, VerifierKey
from linkage.audit.strict import canonical_base64, to_base64, utf8

MOST_BYTES = 1 << 16
MOST_SIGNATURES = 100
_DASH = "—"  # U+2014
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f]")


@dataclass(frozen=True)
class NoteSignature:
    """One signature line: who, which key, and what the key's type makes of it.

    ``signature`` is 64 bytes for an Ed25519 signature over the text and 72 for a cosignature.
    """

    name: str
    key_id: bytes
    signature: bytes

    def __str__(self) -> str:
        return f"{_DASH} {self.name} {to_base64(self.key_id + self.signature)}\n"

    def is_of(self, key: VerifierKey) -> bool:
        """Whether the line says that it is this key's; not whether that is true."""
        return (self.name, self.key_id) == (key.name, key.id)


@dataclass(frozen=True)
class SignedNote:
    """A text, with its last newline, and the signatures in the order in which they stand."""

    text: str
    signatures: tuple[NoteSignature, ...]

    def __str__(self) -> str:
        return f"{self.text}\n{''.join(map(str, self.signatures))}"

    def to_bytes(self) -> bytes:
        """Return the note as it is stored and sent."""
        return str(self).encode()

    def signature_of(self, key: VerifierKey) -> NoteSignature | None:
        """Return the line that says it is this key's, unverified."""
        return next((line for line in self.signatures if line.is_of(key)), None)

    def with_signatures(self, *added: NoteSignature) -> SignedNote:
        """Return the note with more signatures; one of the same key is replaced."""
        of = {(line.name, line.key_id): line for line in (*self.signatures, *added)}
        return SignedNote(self.text, tuple(of.values()))


def parse_note(data: bytes) -> SignedNote:
    """Parse a signed note; raises `MalformedError` for anything but its canonical form.

    Nothing is verified here: until `verify_note` the text is hearsay.
    """
    if len(data) > MOST_BYTES:
        raise MalformedError(f"The note is longer than {MOST_BYTES:,} bytes.")
    whole = utf8(data, "the note")
    if _CONTROL.search(whole):
        raise MalformedError("The note holds a control character.")
    text, blank, lines = whole.rpartition("\n\n")
    if not blank or not text or not lines.endswith("\n"):
        raise MalformedError("The note isn't a text, an empty line and signature lines.")
    signatures = tuple(_parse_signature(line) for line in lines[:-1].split("\n"))
    keys = {(signature.name, signature.key_id) for signature in signatures}
    if len(keys) < len(signatures) or len(signatures) > MOST_SIGNATURES:
        raise MalformedError("The note has two signatures of one key, or too many.")
    return SignedNote(text + "\n", signatures)


def _parse_signature(line: str) -> NoteSignature:
    parts = line.split(" ")
    if len(parts) != 3 or parts[0] != _DASH:
        raise MalformedError("A signature line isn't a dash, a name and a signature.")
    _, name, encoded = parts
    if not name or "+" in name or any(character.isspace() for character in name):
        raise MalformedError("A signature line has no name that a key can have.")
    signed = canonical_base64(encoded, "a signature")
    if len(signed) <= KEY_ID_BYTES:
        raise MalformedError("A signature is too short to be one.")
    return NoteSignature(name, signed[:KEY_ID_BYTES], signed[KEY_ID_BYTES:])


def verify_note(note: SignedNote, key: VerifierKey) -> None:
    """Raise `SignatureError` unless this key has signed the text; others' lines are ignored."""
    if key.type is not SignatureType.LOG:
        raise ValueError("A witness signs cosignatures.")
    line = note.signature_of(key)
    if line is None:
        raise SignatureError(f"There is no signature of {key.name} with the key you gave.")
    if len(line.signature) != SIGNATURE_BYTES:
        raise SignatureError(f"The signature of {key.name} doesn't have 64 bytes.")
    key.verify(line.signature, note.text.encode())
