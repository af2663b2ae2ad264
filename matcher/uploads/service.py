"""What an agency can do with its uploads. Every step can be repeated, whatever broke before.

::

    (announced) ── open ──┬── commit ──► committed
                          ├── commit ──► refused      it doesn't fit; its parts are deleted
                          └── abandoned, pushed out by newer ones, or too old: forgotten

What is acknowledged is on disk: a part before its row, a committed upload together with its event.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import datetime
from typing import IO

from sqlalchemy import Connection

from linkage.errors import ConflictError, InputError, MissingError, PolicyError
from linkage.protocol.agreement import Agreement
from linkage.protocol.upload import Announcement, UploadState, part_length
from matcher.config.settings import UploadSettings
from matcher.ledger.ledger import Ledger
from matcher.objects.objects import Objects
from matcher.store.database import Database
from matcher.uploads import rows
from matcher.uploads.committing import Committer, OnCommit
from matcher.uploads.file import opened_upload
from matcher.uploads.parts import PartDraft, taken
from matcher.uploads.rows import Upload, require_newest


class Uploads:
    """The uploads of all agencies. That an agreement is in force is for the caller to know."""

    def __init__(
        self,
        database: Database,
        ledger: Ledger,
        objects: Objects,
        limits: UploadSettings,
        clock: Callable[[], datetime],
        on_commit: OnCommit,
    ) -> None:
        self._database = database
        self._objects = objects
        self._limits = limits
        self._clock = clock
        self._committer = Committer(database, ledger, objects, clock, on_commit)

    def open(
        self, digest: str, agency: str, round_number: int, announced: Announcement
    ) -> UploadState:
        """Return the upload of the announced file, an earlier one if it was announced before.

        Beyond the most that may be open, the agency's oldest is given up. Raises `PolicyError` for
        a file that is too large, `ConflictError` after another was committed in that round or in
        a round that is over, and `NotReadyError` before the round is open.
        """
        if announced.size > self._limits.most_bytes:
            raise PolicyError(
                f"The file has {announced.size:,} bytes, and this matcher takes "
                f"{self._limits.most_bytes:,}; ask its operator to take more."
            )
        outdated: list[Upload] = []
        with self._database.writing() as connection:
            require_newest(connection, digest, round_number, lock=True)
            found = _known(connection, digest, round_number, agency, announced)
            if found is None:
                outdated = self._make_room(connection, digest, round_number, agency)
                found = self._new(digest, round_number, agency, announced)
                rows.add(connection, found)
            state = rows.state_of(connection, found)
        for upload in outdated:
            self._objects.delete_below(upload.folder)
        return state

    def state(self, digest: str, agency: str, upload: str) -> UploadState:
        """Return how far an upload has come; raises `MissingError`."""
        with self._database.reading() as connection:
            return rows.state_of(connection, rows.require(connection, digest, agency, upload))

    def newest(self, digest: str, agency: str, round_number: int) -> UploadState:
        """Return an agency's committed upload in a round, or else the newest it has begun.

        Raises `MissingError` where there is none.
        """
        with self._database.reading() as connection:
            found = rows.newest_in(connection, digest, round_number, agency)
            if found is None:
                raise MissingError(f"You have no upload in round {round_number}; push your file.")
            return rows.state_of(connection, found)

    def begin_part(
        self, digest: str, agency: str, upload: str, number: int, sha256: str
    ) -> PartDraft | None:
        """Begin to receive a part whose SHA-256 (hex) is known; None if it is there already.

        Raises `InputError` for a number that the file doesn't have, `ConflictError` where other
        bytes are there or the upload has ended, `MissingError` where there is none.
        """
        with self._database.reading() as connection:
            found = rows.require(connection, digest, agency, upload)
            there = rows.part_of(connection, upload, number)
        if not 0 <= number < found.parts:
            raise InputError(
                f"The file has {found.parts:,} parts, numbered from 0, and no part {number}."
            )
        if there == sha256:
            return None
        if there is not None or found.state != "open":
            raise taken(found, number)
        length = part_length(found.size, found.part_size, number)
        return PartDraft(self._database, self._objects, found, number, sha256, length)

    def commit(self, agreement: Agreement, agency: str, upload: str, manifest: bytes) -> bytes:
        """Commit an upload and return its receipt; again, the same receipt.

        Raises `NotReadyError` while parts are missing, `BusyError` while it or others are being
        verified, `VerificationError` for a manifest that
        isn't of this upload, `UnfitError` for a file that doesn't fit, which is refused for good,
        and `ConflictError` where another was committed.
        """
        return self._committer.commit(agreement, agency, upload, manifest)

    def abandon(self, digest: str, agency: str, upload: str) -> None:
        """Forget an open upload and its parts; raises `MissingError`, `ConflictError`."""
        with self._database.writing() as connection:
            found = rows.require(connection, digest, agency, upload, lock=True)
            if not rows.remove_open(connection, upload):
                raise ConflictError(
                    f"The upload {upload[:8]} is {found.state} and can't be abandoned any more."
                )
        self._objects.delete_below(found.folder)

    def open_file(self, upload: str) -> IO[bytes]:
        """Open the file of a committed upload for `linkage.encodings.read_encodings`.

        Raises `InputError` for one that isn't committed; reading raises `ObjectsError`.
        """
        with self._database.reading() as connection:
            found = rows.find(connection, upload)
            if found is None or found.state != "committed":
                raise InputError(f"The upload {upload[:8]} is not committed, so nothing reads it.")
            parts = rows.parts_of(connection, upload)
        return opened_upload(self._objects, found, parts)

    def _new(self, digest: str, round_number: int, agency: str, announced: Announcement) -> Upload:
        return Upload(
            id=secrets.token_hex(16),
            agreement=digest,
            round=round_number,
            agency=agency,
            state="open",
            sha256=announced.sha256,
            size=announced.size,
            part_size=self._limits.part_size,
            opened=int(self._clock().timestamp()),
        )

    def _make_room(
        self, connection: Connection, digest: str, round_number: int, agency: str
    ) -> list[Upload]:
        """Forget the agency's oldest open uploads, so that one more may be open."""
        others = rows.open_ones(connection, digest, round_number, agency)
        outdated = others[: max(0, len(others) - self._limits.most_open + 1)]
        return [upload for upload in outdated if rows.remove_open(connection, upload.id)]


def _known(
    connection: Connection, digest: str, round_number: int, agency: str, announced: Announcement
) -> Upload | None:
    """Return the agency's upload of the same file, or raise `ConflictError` after another."""
    committed = rows.committed_in(connection, digest, round_number, agency)
    if committed is not None:
        if committed.sha256 == announced.sha256:
            return committed
        raise ConflictError(
            f"{agency!r} has committed another file in round {round_number}, and that stays; what "
            "has changed since goes into the next round."
        )
    others = rows.open_ones(connection, digest, round_number, agency)
    same = (announced.sha256, announced.size)
    return next((one for one in others if (one.sha256, one.size) == same), None)
