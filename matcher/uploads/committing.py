"""From parts to a committed upload: manifest, verification, event and receipt."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import datetime

from sqlalchemy import Connection

from linkage.audit.events import Event
from linkage.errors import ConflictError, NotReadyError, VerificationError
from linkage.protocol.agreement import Agreement
from linkage.protocol.upload import Manifest, State, receipt_bytes, verify_manifest
from linkage.receipts import KIND, MANIFEST_DIGEST
from matcher.ledger.about import event_about, operator_of
from matcher.ledger.ledger import Ledger
from matcher.objects.objects import Objects
from matcher.store.database import Database
from matcher.uploads import rows
from matcher.uploads.checking import require_fit
from matcher.uploads.failures import REASONS, UnfitError
from matcher.uploads.file import opened_upload
from matcher.uploads.rows import Upload, require_newest
from matcher.uploads.turns import Turns

OnCommit = Callable[[Connection, str, int], None]
"""Called in the transaction of a commit, with the agreement's digest and the round."""
_AT_ONCE = 2
"""How many files are verified at the same time; each takes a few batches of memory."""
_NAMED = 12


class _BeatenError(Exception):
    """Another commit in the round was quicker; this one's transaction is undone."""


class Committer:
    """Commits uploads: the file is verified first, then all that follows is one transaction."""

    def __init__(
        self,
        database: Database,
        ledger: Ledger,
        objects: Objects,
        clock: Callable[[], datetime],
        on_commit: OnCommit,
    ) -> None:
        self._database = database
        self._ledger = ledger
        self._objects = objects
        self._clock = clock
        self._on_commit = on_commit
        self._turns = Turns(_AT_ONCE)

    def commit(self, agreement: Agreement, agency: str, upload: str, manifest: bytes) -> bytes:
        """Commit an upload and return its receipt; see `matcher.uploads.service.Uploads.commit`."""
        with self._database.reading() as connection:
            found = rows.require(connection, agreement.digest(), agency, upload)
            parts = rows.parts_of(connection, upload)
        if found.state == "refused":
            raise _refused_before(found)
        if found.state == "open":
            said = _require_of_upload(manifest, agreement, found, parts)
            with self._turns.of(found.id):
                if self._is_open(found):  # a request before this one may just have ended it
                    self._commit_open(agreement, found, parts, said, manifest)
        return self._receipt(found, manifest)

    def _is_open(self, upload: Upload) -> bool:
        with self._database.reading() as connection:
            now = rows.require(connection, upload.agreement, upload.agency, upload.id)
        return now.state == "open"

    def _commit_open(
        self,
        agreement: Agreement,
        upload: Upload,
        parts: dict[int, str],
        said: Manifest,
        manifest: bytes,
    ) -> None:
        try:
            with opened_upload(self._objects, upload, parts) as file:
                require_fit(file, said, agreement, upload.agency, "The upload")
        except UnfitError as error:
            self._refuse(agreement, upload, error.reason)
            raise
        try:
            self._store(agreement, upload, said, manifest)
        except _BeatenError:
            return  # whether by its own twin or by another upload, the receipt will show

    def _store(self, agreement: Agreement, upload: Upload, said: Manifest, manifest: bytes) -> None:
        with self._ledger.recording() as recording:
            # The log's lock comes first: from here on commits follow one another.
            leaf = recording.append(self._committed(agreement, upload, said, manifest))
            connection = recording.connection
            require_newest(connection, upload.agreement, upload.round)
            place = (upload.agreement, upload.round, upload.agency)
            if rows.committed_in(connection, *place) is not None:
                raise _BeatenError
            _end(connection, upload, "committed")
            now = int(self._clock().timestamp())
            rows.add_commitment(connection, upload, manifest, said.rows, leaf, now)
            self._on_commit(connection, upload.agreement, upload.round)

    def _refuse(self, agreement: Agreement, upload: Upload, reason: str) -> None:
        try:
            with self._ledger.recording() as recording:
                recording.append(self._refused(agreement, upload, reason))
                _end(recording.connection, upload, "refused", reason)
        except _BeatenError:
            return  # what has become of it meanwhile is not for this one to delete
        self._objects.delete_below(upload.folder)

    def _receipt(self, upload: Upload, manifest: bytes) -> bytes:
        with self._database.reading() as connection:
            committed = rows.commitment_of(connection, upload.id)
            now = rows.require(connection, upload.agreement, upload.agency, upload.id)
        if now.state == "refused":
            raise _refused_before(now)
        if committed is None or committed.manifest != manifest:
            raise ConflictError(
                f"Another upload or manifest than that of {upload.id[:8]} was committed for "
                f"{upload.agency!r} in round {upload.round}, and stays; what has changed since "
                "goes into the next round."
            )
        found = self._ledger.receipt(committed.leaf)
        return receipt_bytes(manifest, found.event, found.leaf, found.checkpoint, found.proof)

    def _committed(
        self, agreement: Agreement, upload: Upload, said: Manifest, manifest: bytes
    ) -> Event:
        digests = {
            "encodings": said.encodings,
            "file": upload.sha256,
            MANIFEST_DIGEST: hashlib.sha256(manifest).hexdigest(),
        }
        counts = {"rows": said.rows, "round": upload.round}
        return event_about(
            agreement, KIND, upload.agency, self._clock(), counts=counts, digests=digests
        )

    def _refused(self, agreement: Agreement, upload: Upload, reason: str) -> Event:
        return event_about(
            agreement,
            "upload.refused",
            operator_of(agreement),
            self._clock(),
            recipients=(upload.agency,),
            counts={"round": upload.round},
            digests={"file": upload.sha256},
            justification=REASONS[reason],
        )


def _end(connection: Connection, upload: Upload, state: State, refusal: str | None = None) -> None:
    if not rows.end(connection, upload.id, state, refusal):
        raise _BeatenError


def _require_of_upload(
    manifest: bytes, agreement: Agreement, upload: Upload, parts: dict[int, str]
) -> Manifest:
    """Return what a manifest says, if it is the agency's own and of just these parts."""
    if missing := [number for number in range(upload.parts) if number not in parts]:
        named = ", ".join(map(str, missing[:_NAMED])) + (" …" if len(missing) > _NAMED else "")
        raise NotReadyError(
            f"Of {upload.parts:,} parts {len(missing):,} are missing: {named}; send them first."
        )
    signer, said = verify_manifest(manifest, "The manifest", agreement, upload.round)
    found = (signer, said.upload, said.sha256, said.size, said.part_size, said.parts)
    digests = tuple(parts[number] for number in range(upload.parts))
    if found != (
        upload.agency, upload.id, upload.sha256, upload.size, upload.part_size, digests
    ):  # fmt: skip
        raise VerificationError(
            f"The manifest isn't that of what was received as upload {upload.id[:8]}; push the "
            "file again."
        )
    return said


def _refused_before(upload: Upload) -> UnfitError:
    reason = upload.refusal or "unreadable"
    return UnfitError(
        reason, f"The upload was refused: {REASONS[reason]}; encode the extract again and push it."
    )
