"""Moving a disclosure on: every message is signed here, and must then be in the log."""

from __future__ import annotations

from agency_client.disclosures.office import Office, require_plain
from agency_client.disclosures.reading import read_disclosure
from linkage.entries import VerifiedFile
from linkage.errors import InputError, PolicyError, VerificationError
from linkage.protocol.disclosure.history import Case, advance
from linkage.protocol.disclosure.messages import (
    Approval,
    Move,
    Recall,
    Refusal,
    Return,
    digest_of,
    sign_message,
)


def moment(office: Office, case: Case) -> int:
    """Return the time, POSIX seconds; a clock a little behind the proposer's needn't wait."""
    return max(office.seconds, case.proposal.proposed)


def approve(office: Office, case: Case) -> VerifiedFile:
    """Agree to exactly this proposal."""
    return send(office, case, Approval(case.digest, moment(office, case)))


def refuse(office: Office, case: Case, reason: str) -> VerifiedFile:
    """Decide against it, for a reason that goes on record."""
    said = require_plain(reason, "reason")
    return send(office, case, Refusal(case.digest, moment(office, case), said))


def recall(office: Office, case: Case, reason: str, clusters: tuple[str, ...]) -> VerifiedFile:
    """Ask the recipients to give up what was disclosed of some clusters, of all if none is named.

    Raises `InputError` for a cluster that wasn't asked for.
    """
    asked = [own.cluster for own in case.proposal.clusters]
    named = [_meant(asked, name) for name in clusters] or asked
    said = require_plain(reason, "reason")
    return send(
        office, case, Recall(case.digest, moment(office, case), said, dict.fromkeys(named, ()))
    )


def unanswered(case: Case, recipient: str) -> list[str]:
    """Return the digests of the recalls that a recipient hasn't answered yet.

    Raises `PolicyError` where there is none.
    """
    found = [
        digest
        for number, (digest, _) in enumerate(case.recalls)
        if (recipient, number) not in case.life.returned
    ]
    if not found or recipient not in case.life.terms.recipients:
        raise PolicyError(
            f"The disclosure {case.digest[:8]} has no recall that {recipient!r} has yet to answer."
        )
    return found


def give_back(office: Office, case: Case) -> VerifiedFile:
    """Say that nothing of what was recalled is used or kept any more, to each of the recalls."""
    for recall in unanswered(case, office.name):
        found = send(office, case, Return(case.digest, moment(office, case), recall))
        case = found.case
    return found


def send(office: Office, case: Case, move: Move) -> VerifiedFile:
    """Sign a message and hand it in; return the disclosure once the log has it.

    Whatever the rules say against it is raised before it is sent.
    """
    message = sign_message(move, office.own)
    advance(case, message, "your message")
    office.api.move(case.digest, message)
    return require_entered(office, case.digest, message)


def require_entered(office: Office, digest: str, message: bytes) -> VerifiedFile:
    """Return a disclosure, in whose verified messages this one is."""
    found = read_disclosure(office, digest)
    if digest_of(message) not in {entry.digest for entry in found.entries}:
        raise VerificationError(
            f"The matcher took your message about {digest[:8]} and doesn't show it in its log; tell"
            " the other parties, and its operator."
        )
    return found


def _meant(asked: list[str], digits: str) -> str:
    found = [name for name in asked if len(digits) >= 8 and name.startswith(digits.lower())]
    if len(found) != 1:
        raise InputError(f"{digits!r} is no cluster of the proposal, or not only one.")
    return found[0]
