"""Receipts: that the log holds what an agency has sent, verified without asking anybody.

An agency gets one for its upload of encodings, and one for each payload that it has sealed to an
analyst.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from linkage.audit.checkpoint import Checkpoint, open_checkpoint
from linkage.audit.events import Event
from linkage.audit.failures import LogError
from linkage.audit.inclusion import proved_event
from linkage.audit.keys import VerifierKey
from linkage.errors import VerificationError
from linkage.protocol.agreement import Agreement
from linkage.protocol.cohort.messages import PayloadManifest, verify_payload_manifest
from linkage.protocol.upload import Manifest, OpenReceipt, open_receipt, verify_manifest

KIND = "upload.committed"
PAYLOAD_KIND = "payload.committed"
MANIFEST_DIGEST = "manifest"
"""The name, among an event's digests, of the SHA-256 of the signed manifest."""


@dataclass(frozen=True)
class VerifiedReceipt:
    """What was sent, the event about it, and the state of the log that has it."""

    manifest: Manifest
    event: Event
    checkpoint: Checkpoint
    note: bytes


def verify_receipt(
    content: bytes, source: str, agreement: Agreement, agency: str, log: VerifierKey
) -> VerifiedReceipt:
    """Return what a receipt proves, or raise `VerificationError` (protocol/SPEC.md, Receipts).

    Whether its checkpoint belongs to the history that this party has pinned is for the caller to
    ask of its `TrustedLog`.
    """
    # Step 1: strict, canonical JSON of exactly these members.
    receipt = open_receipt(content, source)
    # Step 2: the manifest is this agency's, under this agreement.
    manifest = _manifest_of(receipt, source, agreement, agency)
    # Steps 3 to 5: the log has an event that says that it was committed.
    event, checkpoint = _logged(receipt, source, log)
    _require_about(event, KIND, receipt.manifest, source, agreement, agency)
    return VerifiedReceipt(manifest, event, checkpoint, receipt.checkpoint)


@dataclass(frozen=True)
class VerifiedPayloadReceipt:
    """What was sealed to whom, the event about it, and the state of the log that has it."""

    manifest: PayloadManifest
    event: Event
    checkpoint: Checkpoint
    note: bytes


def verify_payload_receipt(
    content: bytes, source: str, agreement: Agreement, agency: str, log: VerifierKey
) -> VerifiedPayloadReceipt:
    """Return what the receipt for a payload proves, by the same steps as `verify_receipt`."""
    receipt = open_receipt(content, source)
    signer, manifest = verify_payload_manifest(
        receipt.manifest, f"The manifest in {source}", agreement
    )
    _require_of(signer, agency, source)
    event, checkpoint = _logged(receipt, source, log)
    _require_about(event, PAYLOAD_KIND, receipt.manifest, source, agreement, agency)
    told = (event.recipients, event.counts)
    if told != ((manifest.analyst,), payload_counts(manifest)):
        raise _another_event(source)
    return VerifiedPayloadReceipt(manifest, event, checkpoint, receipt.checkpoint)


def payload_counts(manifest: PayloadManifest) -> dict[str, int]:
    """Return the counts of the event about a payload."""
    return {"pieces": len(manifest.pieces), "round": manifest.round}


def _manifest_of(receipt: OpenReceipt, source: str, agreement: Agreement, agency: str) -> Manifest:
    place = f"The manifest in {source}"
    # The round is the manifest's own: any round of this agreement may have a receipt.
    signer, manifest = verify_manifest(receipt.manifest, place, agreement, None)
    _require_of(signer, agency, source)
    return manifest


def _require_of(signer: str, agency: str, source: str) -> None:
    if signer != agency:
        raise VerificationError(f"{source} is a receipt for {signer!r} and not for {agency!r}.")


def _logged(receipt: OpenReceipt, source: str, log: VerifierKey) -> tuple[Event, Checkpoint]:
    """Return the event that the log has, and the checkpoint that counts it (steps 3 and 4)."""
    try:
        checkpoint = open_checkpoint(receipt.checkpoint, log)
        return proved_event(receipt.event, receipt.leaf, receipt.proof, checkpoint), checkpoint
    except LogError as error:
        raise VerificationError(f"{source} proves nothing: {error}") from error


def _require_about(
    event: Event, kind: str, manifest: bytes, source: str, agreement: Agreement, agency: str
) -> None:
    """Raise unless the event says that this manifest was committed (step 5)."""
    found = (event.kind, event.party, event.agreement.digest, event.digests.get(MANIFEST_DIGEST))
    if found != (kind, agency, agreement.digest(), hashlib.sha256(manifest).hexdigest()):
        raise _another_event(source)


def _another_event(source: str) -> VerificationError:
    return VerificationError(
        f"{source} proves another event than that this file was committed (step 5); keep it, and "
        "ask the matcher's operator."
    )
