"""Disclosures in the log: that each signed message is entered there, and what they lead to.

The matcher hands over messages, events and proofs; nothing of that is believed. What verifies here
are messages that their signers signed, in an order that the log has kept, under events that tell
the data protection officer what they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from linkage.audit.checkpoint import Checkpoint, open_checkpoint
from linkage.audit.events import AgreementReference, Event, parse_event
from linkage.audit.failures import LogError, ProofError
from linkage.audit.keys import VerifierKey
from linkage.audit.merkle import leaf_hash, verify_inclusion
from linkage.errors import LinkageError, VerificationError
from linkage.protocol.agreement import Agreement
from linkage.protocol.canonical import decode_base64, parse_json
from linkage.protocol.disclosure import messages
from linkage.protocol.disclosure.history import Case, advance, expire, open_case, supersede
from linkage.protocol.disclosure.life import State
from linkage.protocol.disclosure.messages import digest_of
from linkage.protocol.disclosure.replies import DisclosureFile, EnteredMessage
from linkage.protocol.signing import Signed

EVENT_KINDS = {
    messages.PROPOSAL_KIND: "disclosure.proposed",
    messages.APPROVAL_KIND: "disclosure.approved",
    messages.REFUSAL_KIND: "disclosure.refused",
    messages.RELEASE_KIND: "disclosure.released",
    messages.OPENING_KIND: "disclosure.opened",
    messages.RECALL_KIND: "disclosure.recalled",
    messages.RETURN_KIND: "disclosure.returned",
}
"""The kind of the event under which each kind of message is entered."""
CLOCKS_APART = 180
"""Seconds by which a matcher's clock may be ahead of its reader's."""


@dataclass(frozen=True)
class Entry:
    """A message that the log has: its kind, its signer, its digest, and the event about it."""

    kind: str
    signer: str
    digest: str
    event: Event
    leaf: int


@dataclass(frozen=True)
class VerifiedFile:
    """A disclosure as its messages tell it, and the state of the log that has all of them.

    Whether the checkpoint ``note`` belongs to the history that its reader has pinned is for the
    reader to ask of its `TrustedLog`.
    """

    case: Case
    entries: tuple[Entry, ...]
    checkpoint: Checkpoint
    note: bytes


def verify_file(
    file: DisclosureFile, digest: str, agreement: Agreement, log: VerifierKey
) -> VerifiedFile:
    """Return what the file of the disclosure ``digest`` proves (protocol/SPEC.md, Entries).

    Raises `VerificationError` where anything of it doesn't hold, also for messages that come out of
    turn: an honest matcher wouldn't have entered them.
    """
    source = f"What the matcher has of the disclosure {digest[:8]}"
    # Step 1: the log has signed the checkpoint.
    note = decode_base64(file.checkpoint, source)
    try:
        checkpoint = open_checkpoint(note, log)
    except LogError as error:
        raise VerificationError(f"{source} proves nothing: {error}") from error
    # Steps 2 and 3: the proposal is the one that was asked for, and one message follows from
    # another.
    case = _told(file, digest, agreement, source)
    # Steps 4 to 6: the log has each, in this order, under the event that it should be.
    entries = tuple(
        _entry(entered, f"{source}, message {number},", checkpoint, case)
        for number, entered in enumerate(file.entered)
    )
    leaves = [entry.leaf for entry in entries]
    if leaves != sorted(set(leaves)):
        raise VerificationError(
            f"{source} has its messages in another order than the log (step 6); believe none of "
            "it, and tell the other parties."
        )
    return VerifiedFile(case, entries, checkpoint, note)


def settle(
    verified: VerifiedFile, said: State, now: int, successor: VerifiedFile | None
) -> VerifiedFile:
    """Return the file with the state that the matcher says it has, if that can be so (step 7).

    It can where the messages lead there; where the time is over at ``now`` (POSIX seconds); or
    where ``successor``, another file of this log, is of a proposal that replaces this one. Raises
    `VerificationError`.
    """
    case = verified.case
    try:
        if said == "expired":
            case = expire(case, now + CLOCKS_APART)
        elif said == "superseded" and successor is not None:
            _require_later(verified, successor)
            case = supersede(case, successor.case)
    except LinkageError as error:
        raise _wrong_state(case, said, f": {error}") from error
    if case.life.state != said:
        raise _wrong_state(case, said, ".")
    return VerifiedFile(case, verified.entries, verified.checkpoint, verified.note)


def require_about(event: Event, kind: str, signer: str, content: bytes, case: Case) -> None:
    """Raise `VerificationError` unless an event says that this message of the case was entered.

    ``content`` is the message of that ``kind``, whose signature was verified.
    """
    digest = digest_of(content)
    digests = {"proposal": case.digest, "message": digest}
    if kind == messages.PROPOSAL_KIND:
        digests = {"proposal": digest, "evidence": case.proposal.evidence}
    released = kind == messages.RELEASE_KIND
    due = (EVENT_KINDS[kind], signer, digests, case.proposal.recipients if released else ())
    found = (event.kind, event.party, event.digests, event.recipients)
    terms = case.agreement.agreement
    about = AgreementReference(case.agreement.digest(), terms.id, terms.version)
    counts = {"clusters": len(case.proposal.clusters)}
    words = _justification(kind, signer, content, case)
    if (*found, event.agreement, event.counts, event.justification) != (*due, about, counts, words):
        raise VerificationError("the event is another than its own.")


def _justification(kind: str, signer: str, content: bytes, case: Case) -> str:
    """Return what justifies a message: its own reason, or what the proposal says it is for."""
    payload = decode_base64(parse_json(content, "it")["payload"], "it")
    reason = getattr(messages.parse_signed(Signed(kind, signer, payload), "it"), "reason", "")
    if kind in (messages.PROPOSAL_KIND, messages.RELEASE_KIND, messages.OPENING_KIND):
        return reason or case.proposal.necessity
    return str(reason)


def _told(file: DisclosureFile, digest: str, agreement: Agreement, source: str) -> Case:
    """Return the case that the messages lead to; whatever doesn't follow is the matcher's doing."""
    evidence = decode_base64(file.evidence, source)
    signed = [decode_base64(entered.message, source) for entered in file.entered]
    if digest_of(signed[0]) != digest:
        raise VerificationError(
            f"{source} begins with another proposal than the one asked for (step 2); believe none "
            "of it, and tell the other parties."
        )
    try:
        return _replayed(agreement, evidence, signed)
    except LinkageError as error:
        raise VerificationError(
            f"{source} doesn't hold together, so a message was left out, moved or made up (step "
            f"3): {error}"
        ) from error


def _replayed(agreement: Agreement, evidence: bytes, signed: Sequence[bytes]) -> Case:
    case = open_case(agreement, evidence, signed[0])
    for number, message in enumerate(signed[1:], start=1):
        case = advance(case, message, f"message {number}")
    return case


def _entry(entered: EnteredMessage, source: str, checkpoint: Checkpoint, case: Case) -> Entry:
    """Return one message with its event, both proved to be in the log."""
    message, data = decode_base64(entered.message, source), decode_base64(entered.event, source)
    proof = [decode_base64(hashed, source) for hashed in entered.proof]
    try:
        if entered.leaf >= checkpoint.size:
            raise ProofError("the checkpoint doesn't count it yet.")
        verify_inclusion(leaf_hash(data), entered.leaf, checkpoint.size, proof, checkpoint.root)
        event = parse_event(data)
    except LogError as error:
        raise VerificationError(f"{source} isn't shown to be in the log: {error}") from error
    envelope = parse_json(message, source)
    kind, signer = str(envelope["kind"]), str(envelope["signer"])
    try:
        require_about(event, kind, signer, message, case)
    except VerificationError as error:
        raise VerificationError(
            f"{source} is in the log under what isn't said of it (step 5): {error} Believe none of "
            "it, and tell the data protection officer."
        ) from error
    return Entry(kind, signer, digest_of(message), event, entered.leaf)


def _require_later(verified: VerifiedFile, successor: VerifiedFile) -> None:
    if successor.entries[0].leaf <= verified.entries[-1].leaf:
        raise VerificationError("the one that should replace it is older.")


def _wrong_state(case: Case, said: State, end: str) -> VerificationError:
    return VerificationError(
        f"The matcher says that the disclosure {case.digest[:8]} is {said}, and its messages say "
        f"that it is {case.life.state}{end} Do nothing about it, and tell the other parties."
    )
