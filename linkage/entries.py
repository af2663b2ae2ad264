"""Disclosures in the log: that each signed message is entered there, and what they lead to.

The matcher hands over messages, events and proofs; nothing of that is believed. What verifies here
are messages that their signers signed, in an order that the log has kept, under events that tell
the data protection officer what they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from linkage.audit.checkpoint import Checkpoint, open_checkpoint
from linkage.audit.events import AgreementReference, Event
from linkage.audit.failures import LogError
from linkage.audit.inclusion import proved_event
from linkage.audit.keys import VerifierKey
from linkage.errors import LinkageError, VerificationError
from linkage.protocol.agreement import Agreement
from linkage.protocol.canonical import decode_base64, parse_json
from linkage.protocol.disclosure import messages
from linkage.protocol.disclosure.history import (
    CLOCK_SECONDS,
    Case,
    advance,
    expire,
    open_case,
    supersede,
)
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
    # Step 2: the log has an event for each message, in this order.
    logged = [
        _logged(entered, f"{source}, message {number},", checkpoint)
        for number, entered in enumerate(file.entered)
    ]
    _require_order(logged, source)
    # Steps 3 and 4: they begin with the proposal that was asked for, and one follows from another.
    case = _told(file, digest, agreement, logged, source)
    # Step 5: each event says what its message is.
    entries = tuple(_entry(own, f"{source}, event {own.leaf:,},", case) for own in logged)
    return VerifiedFile(case, entries, checkpoint, note)


def settle(
    verified: VerifiedFile, said: State, now: int, successor: VerifiedFile | None
) -> VerifiedFile:
    """Return the file with the state that the matcher says it has, if that can be so (step 6).

    It can where the messages lead there; where the time is over at ``now`` (POSIX seconds); or
    where ``successor``, another file of this log, is of a proposal that replaces this one. Raises
    `VerificationError`.
    """
    case = verified.case
    try:
        if said == "expired":
            case = expire(case, now + CLOCK_SECONDS)
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


@dataclass(frozen=True)
class _Logged:
    """A message as it came, and the event that the log has at the place named for it."""

    message: bytes
    event: Event
    leaf: int


def _logged(entered: EnteredMessage, source: str, checkpoint: Checkpoint) -> _Logged:
    data = decode_base64(entered.event, source)
    proof = [decode_base64(hashed, source) for hashed in entered.proof]
    try:
        event = proved_event(data, entered.leaf, proof, checkpoint)
    except LogError as error:
        raise VerificationError(f"{source} isn't shown to be in the log: {error}") from error
    return _Logged(decode_base64(entered.message, source), event, entered.leaf)


def _require_order(logged: Sequence[_Logged], source: str) -> None:
    leaves = [own.leaf for own in logged]
    if leaves != sorted(set(leaves)):
        raise VerificationError(
            f"{source} has its messages in another order than the log (step 2); believe none of "
            "it, and tell the other parties."
        )


def _told(
    file: DisclosureFile,
    digest: str,
    agreement: Agreement,
    logged: Sequence[_Logged],
    source: str,
) -> Case:
    """Return the case that the messages lead to; whatever doesn't follow is the matcher's doing."""
    if digest_of(logged[0].message) != digest:
        raise VerificationError(
            f"{source} begins with another proposal than the one asked for (step 3); believe none "
            "of it, and tell the other parties."
        )
    try:
        return _replayed(agreement, decode_base64(file.evidence, source), logged)
    except LinkageError as error:
        raise VerificationError(
            f"{source} doesn't hold together, so a message was left out, moved or made up (step "
            f"4): {error}"
        ) from error


def _replayed(agreement: Agreement, evidence: bytes, logged: Sequence[_Logged]) -> Case:
    case = open_case(agreement, evidence, logged[0].message)
    if abs(_seconds(logged[0].event) - case.proposal.proposed) > CLOCK_SECONDS:
        raise VerificationError("the proposal says another time than the log.")
    for number, own in enumerate(logged[1:], start=1):
        case = advance(case, own.message, f"message {number}", _seconds(own.event))
    return case


def _seconds(event: Event) -> int:
    return int(event.at.timestamp())


def _entry(logged: _Logged, source: str, case: Case) -> Entry:
    """Return a message with its event, which says of it what it should."""
    envelope = parse_json(logged.message, source)
    kind, signer = str(envelope["kind"]), str(envelope["signer"])
    try:
        require_about(logged.event, kind, signer, logged.message, case)
    except VerificationError as error:
        raise VerificationError(
            f"{source} doesn't say what is so (step 5): {error} Believe none of it, and tell the "
            "data protection officer."
        ) from error
    return Entry(kind, signer, digest_of(logged.message), logged.event, logged.leaf)


def _require_later(verified: VerifiedFile, successor: VerifiedFile) -> None:
    if successor.entries[0].leaf <= verified.entries[-1].leaf:
        raise VerificationError("the one that should replace it is older.")


def _wrong_state(case: Case, said: State, end: str) -> VerificationError:
    return VerificationError(
        f"The matcher says that the disclosure {case.digest[:8]} is {said}, and its messages say "
        f"that it is {case.life.state}{end} Do nothing about it, and tell the other parties."
    )
