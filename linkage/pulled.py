"""Cohorts in the log: that an analyst asked for one, and the matcher made it, as both have signed.

The matcher hands over messages, an event and a proof; nothing of that is believed before it is
verified here.
"""

from __future__ import annotations

from dataclasses import dataclass

from linkage.audit.checkpoint import Checkpoint, open_checkpoint
from linkage.audit.events import AgreementReference, Event
from linkage.audit.failures import LogError
from linkage.audit.inclusion import proved_event
from linkage.audit.keys import VerifierKey
from linkage.errors import VerificationError
from linkage.protocol.agreement import Agreement
from linkage.protocol.canonical import decode_base64
from linkage.protocol.cohort.messages import (
    Cohort,
    CohortRequest,
    PayloadManifest,
    digest_of,
    verify_cohort,
    verify_cohort_request,
)
from linkage.protocol.cohort.replies import CohortFile

KIND = "cohort.pulled"


@dataclass(frozen=True)
class VerifiedCohort:
    """A cohort, what was asked, who has sealed payload for it, and where the log has it.

    Whether the checkpoint ``note`` belongs to the history that its reader has pinned is for the
    reader to ask of its `TrustedLog`.
    """

    cohort: Cohort
    request: CohortRequest
    payloads: dict[str, PayloadManifest]
    event: Event
    leaf: int
    checkpoint: Checkpoint
    note: bytes


def verify_cohort_file(
    file: CohortFile, source: str, agreement: Agreement, analyst: str, log: VerifierKey
) -> VerifiedCohort:
    """Return what the file of a cohort proves, or raise `VerificationError` (SPEC.md, Cohorts)."""
    signed, asked = decode_base64(file.cohort, source), decode_base64(file.request, source)
    # Steps 1 to 8: the matcher's word, with each agency's own about its payload.
    cohort, payloads = verify_cohort(signed, source, agreement)
    # Step 9: the analyst has asked for it.
    signer, request = verify_cohort_request(asked, f"The request in {source}", agreement)
    if (signer, cohort.analyst, cohort.request) != (analyst, analyst, digest_of(asked)):
        raise VerificationError(
            f"{source} is a cohort for another request or analyst (step 9); ask for your own."
        )
    # Steps 10 and 11: the log has signed the checkpoint, and counts the event.
    event, checkpoint, note = _logged(file, source, log)
    # Step 12: the event says what is so.
    _require_about(event, file, cohort, request, agreement, source)
    return VerifiedCohort(cohort, request, payloads, event, file.leaf, checkpoint, note)


def _logged(file: CohortFile, source: str, log: VerifierKey) -> tuple[Event, Checkpoint, bytes]:
    data, note = decode_base64(file.event, source), decode_base64(file.checkpoint, source)
    proof = [decode_base64(hashed, source) for hashed in file.proof]
    try:
        checkpoint = open_checkpoint(note, log)
        return proved_event(data, file.leaf, proof, checkpoint), checkpoint, note
    except LogError as error:
        raise VerificationError(f"{source} isn't shown to be in the log: {error}") from error


def _require_about(
    event: Event,
    file: CohortFile,
    cohort: Cohort,
    request: CohortRequest,
    agreement: Agreement,
    source: str,
) -> None:
    """Raise unless the event tells of this cohort what a data protection officer must know."""
    terms = agreement.agreement
    about = AgreementReference(agreement.digest(), terms.id, terms.version)
    digests = {
        "cohort": digest_of(decode_base64(file.cohort, source)),
        "map": cohort.map,
        "request": cohort.request,
    }
    counts = {"agencies": sum(own.payload is not None for own in cohort.agencies)}
    due = (KIND, cohort.analyst, (cohort.analyst,), about, digests, counts, request.reason)
    found = (
        event.kind, event.party, event.recipients, event.agreement, event.digests, event.counts,
        event.justification,
    )  # fmt: skip
    if found != due:
        raise VerificationError(
            f"The event of {source} doesn't say what is so (step 12); use none of it, and tell the "
            "data protection officer."
        )
