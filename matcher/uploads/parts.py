"""One part while it arrives: hashed, written apart, and acknowledged once it is on disk."""

from __future__ import annotations

import hashlib

from sqlalchemy import Connection

from linkage.errors import ConflictError, InputError, VerificationError
from matcher.objects.objects import Objects
from matcher.objects.streams import Discarded
from matcher.store.database import Database
from matcher.uploads import rows
from matcher.uploads.rows import Upload


class PartDraft(Discarded):
    """A part that is being received. Leaving the context without `finish` discards it."""

    def __init__(
        self,
        database: Database,
        objects: Objects,
        upload: Upload,
        number: int,
        sha256: str,
        length: int,
    ) -> None:
        self._database = database
        self._objects = objects
        self._upload = upload
        self._number = number
        self._sha256 = sha256
        self._length = length
        self._hash = hashlib.sha256()
        self._received = 0
        self._draft = objects.draft(upload.key(number, sha256))

    @property
    def length(self) -> int:
        """The bytes that the part has."""
        return self._length

    @property
    def sha256(self) -> bytes:
        """The SHA-256 of what has arrived so far."""
        return self._hash.digest()

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Add what has arrived; raises `InputError` as soon as it is too much."""
        self._received += len(data)
        if self._received > self._length:
            raise self._wrong_length("more")
        self._hash.update(data)
        self._draft.write(data)

    def finish(self) -> None:
        """Store the part, for good once this returns; again, nothing is done twice.

        Raises `InputError` or `VerificationError` for other bytes than were said, `MissingError`
        or `ConflictError` where the upload has ended meanwhile.
        """
        if self._received != self._length:
            raise self._wrong_length("fewer")
        if self._hash.hexdigest() != self._sha256:
            raise VerificationError(
                f"Part {self._number} was altered on its way: its SHA-256 isn't the one that came "
                "with it; send it again."
            )
        self._draft.store()
        self._acknowledge()

    def discard(self) -> None:
        """Forget what has arrived; nothing happens once it was stored."""
        self._draft.discard()

    def _acknowledge(self) -> None:
        upload = self._upload
        with self._database.writing() as connection:
            found = rows.find(connection, upload.id, lock=True)
            if found is not None and self._belongs(connection, found):
                return
        # Whoever ended the upload has deleted its objects, perhaps before this one came.
        self._objects.delete(upload.key(self._number, self._sha256))
        with self._database.reading() as connection:
            now = rows.require(connection, upload.agreement, upload.agency, upload.id)
        raise taken(now, self._number)

    def _belongs(self, connection: Connection, found: Upload) -> bool:
        """Store that the part is there; return whether it is, now or from an earlier time."""
        if found.state not in {"open", "committed"}:
            return False
        there = rows.part_of(connection, found.id, self._number)
        if there is None and found.state == "open":
            rows.add_part(connection, found, self._number, self._sha256, self._length)
            there = self._sha256
        return there == self._sha256

    def _wrong_length(self, how: str) -> InputError:
        return InputError(
            f"Part {self._number} has {how} bytes than the {self._length:,} that belong to it; cut "
            f"the file into parts of {self._upload.part_size:,} bytes."
        )


def taken(upload: Upload, number: int) -> ConflictError:
    """Return the error for a part that can't be taken."""
    if upload.state != "open":
        return ended(upload)
    return ConflictError(
        f"Other bytes are there as part {number} of the upload {upload.id[:8]}: the file changed "
        "while it was sent; abandon the upload and push the file again."
    )


def ended(upload: Upload) -> ConflictError:
    """Return the error for an upload that isn't open any more."""
    return ConflictError(f"The upload {upload.id[:8]} is {upload.state} and takes nothing more.")
