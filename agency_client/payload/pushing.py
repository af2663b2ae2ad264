"""Sending payload: sealed to each analyst, committed once, and the receipt kept.

Sealing is never the same twice, so a payload that broke off is sealed and sent anew. What commits
it is kept beside the encodings until its receipt is there, so that a commit whose answer was lost
is repeated and not made twice.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter

from agency_client.matcher_api.cohorts import CohortsApi, commit_bytes
from agency_client.outputs import write_alone
from agency_client.payload.blinding import tables_for
from agency_client.payload.preparing import PreparedPayload
from linkage.audit.keys import VerifierKey
from linkage.errors import PolicyError, VerificationError
from linkage.protocol.agreement import Agreement
from linkage.protocol.canonical import decode_base64, parse_message
from linkage.protocol.cohort.messages import (
    PayloadManifest,
    digest_of,
    sign_payload_manifest,
    verify_payload_manifest,
)
from linkage.protocol.cohort.payload import seal_payload
from linkage.protocol.cohort.persons import BLINDING_BYTES
from linkage.protocol.cohort.replies import PayloadCommit, PayloadState
from linkage.protocol.keys import Identity
from linkage.receipts import VerifiedPayloadReceipt, verify_payload_receipt

RECEIPT_SUFFIX, COMMIT_SUFFIX = ".receipt", ".commit"
_COMMIT = TypeAdapter(PayloadCommit)


@dataclass(frozen=True)
class PushedPayload:
    """A payload that is committed: in how many pieces, and where its receipt is.

    ``before`` says that it was committed by an earlier command.
    """

    analyst: str
    pieces: int
    receipt: Path
    before: bool


@dataclass(frozen=True)
class PayloadPush:
    """An agency's payload of a round on its way to the analysts; ``file`` are its encodings."""

    api: CohortsApi
    agreement: Agreement
    own: Identity
    round: int
    file: Path

    def run(self, prepared: PreparedPayload, analyst: str, places: bytes) -> PushedPayload:
        """Seal, send and commit the payload for one analyst, unless that was done before.

        ``places`` is the key of the analyst's place tokens. Raises what the matcher refuses it for,
        `UnavailableError` where it can't be reached, `PolicyError` where it was erased.
        """
        state = self.api.payload(self.round, analyst)
        if state.state == "erased":
            raise PolicyError(
                f"The payload for {analyst!r} in round {self.round} was erased, as the agreement's "
                "[retention] says; what is new goes into a new round."
            )
        if state.state == "committed":
            return self._again(analyst, state)
        commit = self._kept_commit(analyst)
        if commit is None or not self._is_there(commit, state):
            commit = self._sealed_and_sent(prepared, analyst, places)
        return self._committed(analyst, commit, before=False)

    def receipt_path(self, analyst: str) -> Path:
        """Return where the receipt for an analyst's payload belongs."""
        return self._beside(analyst, RECEIPT_SUFFIX)

    def _again(self, analyst: str, state: PayloadState) -> PushedPayload:
        """Return a payload that is committed already, its receipt from here or fetched again."""
        path = self.receipt_path(analyst)
        if path.exists():
            found = self._verified(path.read_bytes(), path.name, analyst)
            return PushedPayload(analyst, len(found.manifest.pieces), path, before=True)
        commit = self._kept_commit(analyst)
        if commit is None or digest_of(self._signed(commit)) != state.manifest:
            raise PolicyError(
                f"A payload for {analyst!r} is committed in round {self.round} already, from "
                "another place or file, and a round has one; what is new goes into a new round."
            )
        return self._committed(analyst, commit, before=True)

    def _sealed_and_sent(self, prepared: PreparedPayload, analyst: str, places: bytes) -> bytes:
        """Return what commits the pieces, which are all there."""
        blinding = secrets.token_bytes(BLINDING_BYTES)
        tables = tables_for(prepared, blinding, places)
        manifest, pieces = seal_payload(
            self.agreement, self.round, analyst, tables, blinding, self.own
        )
        for number, piece in enumerate(pieces):
            self.api.put_piece(self.round, analyst, number, piece)
        commit = commit_bytes(sign_payload_manifest(manifest, self.own), blinding)
        write_alone(self._beside(analyst, COMMIT_SUFFIX), commit)
        return commit

    def _committed(self, analyst: str, commit: bytes, *, before: bool) -> PushedPayload:
        receipt = self.api.commit(self.round, analyst, commit)
        found = self._verified(receipt, "The receipt", analyst)
        if found.manifest != self._manifest(commit):
            raise VerificationError(
                "The receipt is for another payload than the one that was sent."
            )
        write_alone(self.receipt_path(analyst), receipt)
        self._beside(analyst, COMMIT_SUFFIX).unlink(missing_ok=True)
        pieces = len(found.manifest.pieces)
        return PushedPayload(analyst, pieces, self.receipt_path(analyst), before)

    def _verified(self, receipt: bytes, source: str, analyst: str) -> VerifiedPayloadReceipt:
        connection = self.api.connection
        log: VerifierKey = connection.place.log_key
        found = verify_payload_receipt(receipt, source, self.agreement, self.own.name, log)
        if (found.manifest.analyst, found.manifest.round) != (analyst, self.round):
            raise VerificationError(f"{source} is for another analyst or round; push again.")
        connection.hold_against(found.note)
        return found

    def _kept_commit(self, analyst: str) -> bytes | None:
        """Return what an earlier command would have committed, if it is of this round."""
        try:
            content = self._beside(analyst, COMMIT_SUFFIX).read_bytes()
            manifest = self._manifest(content)
        except (FileNotFoundError, VerificationError):
            return None
        return content if (manifest.round, manifest.analyst) == (self.round, analyst) else None

    def _is_there(self, commit: bytes, state: PayloadState) -> bool:
        pieces = self._manifest(commit).pieces
        return state.received == {str(number): own for number, own in enumerate(pieces)}

    def _manifest(self, commit: bytes) -> PayloadManifest:
        source = "What is kept of an earlier push"
        return verify_payload_manifest(self._signed(commit), source, self.agreement)[1]

    @staticmethod
    def _signed(commit: bytes) -> bytes:
        source = "What is kept of an earlier push"
        return decode_base64(parse_message(_COMMIT, commit, source).manifest, source)

    def _beside(self, analyst: str, suffix: str) -> Path:
        return self.file.with_name(f"{self.file.name}.payload.{self.round}.{analyst}{suffix}")
