"""What a backup says about itself: every member with its SHA-256, under the log's signature.

A backup is a tar file. Its members, in this order:

1. ``tables/NAME/000000.jsonl`` and so on: the rows of one moment (`matcher.backups.rows`);
2. ``objects/KEY``: the objects that those rows name;
3. ``manifest.json``: canonical JSON (RFC 8785) with the digest and the size of each member above;
4. ``manifest.note``: a signed note (C2SP) of the log's key over the SHA-256 of the manifest.

The signature says that this matcher has made the backup: whoever keeps it can read it and can't
change it. The first line of the note has spaces, so that it can be taken for no checkpoint.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Annotated

from pydantic import Field, TypeAdapter
from pydantic.dataclasses import dataclass

from linkage.audit.failures import LogError
from linkage.audit.keys import Signer, VerifierKey
from linkage.audit.notes import NoteSignature, SignedNote, parse_note, verify_note
from linkage.errors import VerificationError
from linkage.protocol.canonical import canonical_json, parse_message
from linkage.protocol.scheme import STRICT
from matcher.backups.failures import BackupError

TYPE = "concord.backup/1"
MANIFEST = "manifest.json"
NOTE = "manifest.note"
TABLES = "tables/"
OBJECTS = "objects/"
MOST_BYTES = 1 << 24
"""The manifest is held in memory: it has room for about 70,000 objects."""
_REST = 1 << 16  # for all of it but the members
_MEMBER = len(',"":{"sha256":"","size":}') + 64 + len(str(2**53))

_Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


@dataclass(frozen=True, config=STRICT)
class Member:
    """The SHA-256 (hex) and the size in bytes of a member."""

    sha256: _Sha256
    size: Annotated[int, Field(ge=0, lt=2**53)]


@dataclass(frozen=True, config=STRICT)
class Manifest:
    """What the backup holds.

    ``made`` is POSIX seconds, ``version`` that of the tables, ``log_key`` the log's verifier key,
    ``log_size`` the events of the log, ``members`` by name.
    """

    type: str
    made: int
    version: str
    log_key: str
    log_size: int
    members: dict[str, Member]

    @property
    def objects(self) -> dict[str, Member]:
        """The objects by key."""
        return {
            name.removeprefix(OBJECTS): member
            for name, member in self.members.items()
            if name.startswith(OBJECTS)
        }

    def content(self) -> bytes:
        """Return the manifest as it stands in the backup."""
        members = {
            name: {"sha256": member.sha256, "size": member.size}
            for name, member in self.members.items()
        }
        return canonical_json(
            {
                "type": self.type,
                "made": self.made,
                "version": self.version,
                "log_key": self.log_key,
                "log_size": self.log_size,
                "members": members,
            }
        )


_MANIFEST = TypeAdapter(Manifest)


def require_room(names: Iterable[str]) -> None:
    """Raise `BackupError` if a manifest can't name so many members (whose names are plain)."""
    sizes = [_MEMBER + len(name) for name in names]
    if _REST + sum(sizes) > MOST_BYTES:
        raise BackupError(
            f"There are {len(sizes):,} members to be backed up and a backup can name about 70,000. "
            "Let 'matcher purge' erase what is due and set [uploads] part_size larger; until then, "
            "copy database and objects with the tools of their makers."
        )


def sign_manifest(content: bytes, signer: Signer) -> bytes:
    """Return the note that says whose backup it is."""
    text = _note_text(content)
    line = NoteSignature(signer.name, signer.verifier.id, signer.private.sign(text.encode()))
    return SignedNote(text, (line,)).to_bytes()


def verify_manifest(content: bytes, note: bytes, key: VerifierKey) -> Manifest:
    """Return the manifest, after the signature was verified; raises `BackupError`."""
    try:
        signed = parse_note(note)
        verify_note(signed, key)
    except LogError as error:
        raise BackupError(
            f"The backup isn't signed by this matcher's log: {error} Restore it in the folder of "
            "the matcher that has made it, with its matcher.toml."
        ) from None
    if signed.text != _note_text(content):
        raise BackupError("The backup's manifest was altered: its signature is of another one.")
    try:
        manifest = parse_message(_MANIFEST, content, "The backup's manifest")
    except VerificationError as error:
        raise BackupError(str(error)) from None
    if manifest.type != TYPE:
        raise BackupError(
            "The backup is of a format that this release doesn't know; restore it with the "
            "release that has made it."
        )
    return manifest


def _note_text(content: bytes) -> str:
    return f"Backup of a Concord matcher\nsha256 {hashlib.sha256(content).hexdigest()}\n"
