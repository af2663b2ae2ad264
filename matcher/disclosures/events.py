"""What the log says of disclosures: who did what, why, about how many clusters, by which message.

It never says how many records an agency holds of them, nor whose they are.
"""

from __future__ import annotations

from datetime import datetime

from linkage.audit.events import Event
from linkage.protocol.disclosure.history import Case
from linkage.protocol.disclosure.messages import (
    Approval,
    Move,
    Opening,
    Recall,
    Refusal,
    Release,
    Return,
    digest_of,
)
from matcher.ledger.about import event_about, operator_of
from matcher.retention.days import why_erased

_KINDS: dict[type, str] = {
    Approval: "disclosure.approved",
    Refusal: "disclosure.refused",
    Release: "disclosure.released",
    Opening: "disclosure.opened",
    Recall: "disclosure.recalled",
    Return: "disclosure.returned",
}
_OVER = "The time that the proposal was open for is over."


def proposed(case: Case, at: datetime) -> Event:
    """Return the event that a disclosure was proposed at ``at`` (UTC)."""
    digests = {"evidence": case.proposal.evidence}
    words = case.proposal.necessity
    return _event(case, "disclosure.proposed", case.proposer, at, digests, words)


def superseded(case: Case, successor: Case, at: datetime) -> Event:
    """Return the event that a disclosure was replaced by its proposer's new one."""
    digests = {"message": successor.digest}
    words = successor.proposal.necessity
    return _event(case, "disclosure.superseded", successor.proposer, at, digests, words)


def expired(case: Case, at: datetime) -> Event:
    """Return the event that the matcher has ended a disclosure whose time was over."""
    matcher = operator_of(case.agreement)
    return _event(case, "disclosure.expired", matcher, at, {}, _OVER)


def erased(case: Case, at: datetime) -> Event:
    """Return the event that the matcher has erased what a disclosure held."""
    matcher, why = operator_of(case.agreement), why_erased(case.agreement, "disclosure")
    return _event(case, "records.erased", matcher, at, {}, why)


def moved(case: Case, party: str, move: Move, content: bytes, at: datetime) -> Event:
    """Return the event of a message that a party has sent; raises `InputError` for its words."""
    reason = getattr(move, "reason", "")
    # What is disclosed or consulted is justified by what the proposal says it is for.
    words = reason or (case.proposal.necessity if isinstance(move, Release | Opening) else "")
    digests = {"message": digest_of(content)}
    return _event(case, _KINDS[type(move)], party, at, digests, words)


def _event(
    case: Case, kind: str, party: str, at: datetime, digests: dict[str, str], words: str
) -> Event:
    recipients = case.proposal.recipients if kind == "disclosure.released" else ()
    return event_about(
        case.agreement,
        kind,
        party,
        at,
        recipients=recipients,
        counts={"clusters": len(case.proposal.clusters)},
        digests={"proposal": case.digest, **digests},
        justification=words,
    )
