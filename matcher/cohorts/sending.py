"""What an agency does with its payload for an analyst. Every step can be repeated.

::

    (first piece) ── open ── commit ──► committed
                        └── too old: forgotten

While it is open, a piece takes the place of an earlier one: sealed anew, it has other bytes. What
is acknowledged is on disk: a piece before its row, a committed payload together with its event.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime

from sqlalchemy import Connection

from linkage.audit.events import Event
from linkage.errors import (
    ConflictError,
    InputError,
    NotReadyError,
    PolicyError,
    VerificationError,
)
from linkage.protocol.agreement import Agreement
from linkage.protocol.canonical import decode_base64
from linkage.protocol.cohort.messages import (
    MOST_PIECES,
    PayloadManifest,
    digest_of,
    verify_payload_manifest,
)
from linkage.protocol.cohort.payload import require_piece
from linkage.protocol.cohort.persons import verify_blinding
from linkage.protocol.cohort.replies import PayloadCommit, PayloadState
from linkage.protocol.upload import receipt_bytes
from linkage.receipts import MANIFEST_DIGEST, PAYLOAD_KIND, payload_counts
from matcher.agreements.once import Unchanged, lock_agreement
from matcher.cohorts import payload_rows as rows
from matcher.cohorts.payload_rows import Payload, Slot
from matcher.ledger.about import event_about
from matcher.ledger.ledger import Ledger
from matcher.objects.failures import ObjectMissingError
from matcher.objects.objects import Objects
from matcher.store.database import Database

_MIB = 2**20
_SOURCE = "The manifest"


class Payloads:
    """The payloads of all agencies. ``most_bytes`` is the most that one may have."""

    def __init__(
        self,
        database: Database,
        ledger: Ledger,
        objects: Objects,
        most_bytes: int,
        clock: Callable[[], datetime],
    ) -> None:
        self._database = database
        self._ledger = ledger
        self._objects = objects
        self._most = min(MOST_PIECES, most_bytes // _MIB)
        self._clock = clock

    def put(
        self, agreement: Agreement, agency: str, place: tuple[int, str, int], content: bytes
    ) -> None:
        """Store a sealed piece; ``place`` is its round, its analyst and its number, from 0.

        Raises `PolicyError` for one too many or for nobody's analyst, `VerificationError` unless it
        says that it is just that piece, `NotReadyError` before the agency's upload is committed,
        and `ConflictError` after the payload was.
        """
        round_number, analyst, number = place
        slot = _slot(agreement, agency, round_number, analyst)
        self._require_room(number)
        require_piece(content, agreement, round_number, number, agency, analyst)
        sha256 = hashlib.sha256(content).hexdigest()
        with self._database.writing() as connection:
            lock_agreement(connection, slot.agreement)
            if _is_there(connection, slot, number, sha256):
                return
            rows.require_upload(connection, slot)
            payload = rows.opened(connection, slot, self._now())
        self._objects.put(payload.key(number, sha256), content)
        self._acknowledge(slot, payload, number, sha256)

    def state(self, digest: str, agency: str, round_number: int, analyst: str) -> PayloadState:
        """Return how far an agency's own payload has come; raises `MissingError`."""
        with self._database.reading() as connection:
            found = rows.require(connection, Slot(digest, round_number, agency, analyst))
            pieces = rows.pieces_of(connection, found.id)
        return PayloadState(
            state="erased" if found.state == "erasing" else found.state,
            received={str(number): sha256 for number, sha256 in pieces.items()},
            manifest=None if found.manifest is None else digest_of(found.manifest),
        )

    def commit(
        self,
        agreement: Agreement,
        agency: str,
        round_number: int,
        analyst: str,
        sent: PayloadCommit,
    ) -> bytes:
        """Commit a payload and return its receipt; again, the same receipt.

        Raises `VerificationError` for a manifest or a blinding key that isn't the payload's,
        `NotReadyError` while pieces are missing, `ConflictError` where another was committed.
        """
        slot = _slot(agreement, agency, round_number, analyst)
        manifest, blinding = decode_base64(sent.manifest, _SOURCE), bytes.fromhex(sent.blinding)
        said = _require_of(slot, agreement, manifest)
        verify_blinding(blinding, said.blinding, _SOURCE)
        with suppress(Unchanged):
            self._commit(agreement, slot, said, manifest, blinding)
        return self._receipt(slot, manifest)

    def _commit(
        self,
        agreement: Agreement,
        slot: Slot,
        said: PayloadManifest,
        manifest: bytes,
        blinding: bytes,
    ) -> None:
        with self._ledger.recording() as recording:
            connection = recording.connection
            lock_agreement(connection, slot.agreement)
            payload = rows.require(connection, slot)
            if payload.state != "open":
                raise Unchanged  # whether by this manifest or another, the receipt will show
            rows.require_upload(connection, slot)
            _require_pieces(rows.pieces_of(connection, payload.id), said)
            leaf = recording.append(self._event(agreement, slot, said, manifest))
            rows.commit(connection, payload, said, manifest, blinding, (leaf, self._now()))
        self._delete_strays(payload, said)

    def _receipt(self, slot: Slot, manifest: bytes) -> bytes:
        with self._database.reading() as connection:
            found = rows.require(connection, slot)
        if found.manifest != manifest or found.leaf is None:
            raise rows.ended(found)
        logged = self._ledger.receipt(found.leaf)
        return receipt_bytes(manifest, logged.event, logged.leaf, logged.checkpoint, logged.proof)

    def _event(
        self, agreement: Agreement, slot: Slot, said: PayloadManifest, manifest: bytes
    ) -> Event:
        return event_about(
            agreement,
            PAYLOAD_KIND,
            slot.agency,
            self._clock(),
            recipients=(slot.analyst,),
            counts=payload_counts(said),
            digests={MANIFEST_DIGEST: digest_of(manifest)},
        )

    def _acknowledge(self, slot: Slot, payload: Payload, number: int, sha256: str) -> None:
        """Store that a piece is there, and delete the one whose place it takes."""
        with self._database.writing() as connection:
            lock_agreement(connection, slot.agreement)
            now = rows.find(connection, slot)
            is_open = now is not None and (now.id, now.state) == (payload.id, "open")
            before = None
            if is_open:
                self._require_stored(payload.key(number, sha256))
                before = rows.put_piece(connection, payload.id, number, sha256)
        if not is_open:
            # Whoever ended it has deleted its objects, perhaps before this one came.
            self._drop(payload, number, sha256)
            raise _ended_meanwhile(now)
        if before not in (None, sha256):
            self._drop(payload, number, before)

    def _require_stored(self, key: str) -> None:
        """Raise `NotReadyError` where another push has just deleted what this one had stored."""
        try:
            self._objects.size(key)
        except ObjectMissingError:
            raise NotReadyError("Another push has replaced this piece; send it again.") from None

    def _drop(self, payload: Payload, number: int, sha256: str | None) -> None:
        """Delete a piece that isn't one of the payload; who stores that piece waits meanwhile."""
        with self._database.writing() as connection:
            lock_agreement(connection, payload.agreement)
            if sha256 and rows.piece_of(connection, payload.id, number) != sha256:
                self._objects.delete(payload.key(number, sha256))

    def _delete_strays(self, payload: Payload, said: PayloadManifest) -> None:
        """Delete what is left of earlier attempts; nothing new comes once it is committed."""
        named = {payload.key(number, sha256) for number, sha256 in enumerate(said.pieces)}
        for key in tuple(self._objects.list(payload.folder)):
            if key not in named:
                self._objects.delete(key)

    def _require_room(self, number: int) -> None:
        if number >= self._most:
            raise PolicyError(
                f"A payload has at most {self._most:,} pieces of 1 MiB at this matcher; leave out "
                "what nobody needs, or ask its operator to take more."
            )

    def _now(self) -> int:
        return int(self._clock().timestamp())


def _is_there(connection: Connection, slot: Slot, number: int, sha256: str) -> bool:
    found = rows.find(connection, slot)
    return found is not None and rows.piece_of(connection, found.id, number) == sha256


def _ended_meanwhile(now: Payload | None) -> NotReadyError | ConflictError:
    if now is None or now.state == "open":
        return NotReadyError("The payload was given up meanwhile; push it again.")
    return rows.ended(now)


def _slot(agreement: Agreement, agency: str, round_number: int, analyst: str) -> Slot:
    if agreement.payload is None:
        raise PolicyError(
            f"The agreement {agreement.agreement.id!r} has no [payload], so none is taken."
        )
    if analyst not in agreement.names("analyst"):
        raise InputError(f"{analyst!r} is no analyst of the agreement; send payload to one who is.")
    return Slot(agreement.digest(), round_number, agency, analyst)


def _require_of(slot: Slot, agreement: Agreement, manifest: bytes) -> PayloadManifest:
    """Return what a manifest says, if it is of this slot; raises `VerificationError`."""
    signer, said = verify_payload_manifest(manifest, _SOURCE, agreement)
    if (signer, said.round, said.analyst) != (slot.agency, slot.round, slot.analyst):
        raise VerificationError(
            f"The manifest of {signer!r} is for {said.analyst!r} in round {said.round}, and was "
            f"sent by {slot.agency!r} for {slot.analyst!r} in round {slot.round}; push again."
        )
    return said


def _require_pieces(there: dict[int, str], said: PayloadManifest) -> None:
    missing = [number for number in range(len(said.pieces)) if number not in there]
    if missing:
        raise NotReadyError(
            f"Of {len(said.pieces):,} pieces {len(missing):,} are missing, the first is "
            f"{missing[0]}; send them first."
        )
    if any(there[number] != sha256 for number, sha256 in enumerate(said.pieces)):
        raise VerificationError(
            "The manifest is of other pieces than those that are here: another push has sent its "
            "own meanwhile; push the payload again."
        )
