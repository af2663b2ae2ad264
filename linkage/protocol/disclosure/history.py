"""Reading a disclosure from its signed messages alone, whoever hands them over.

The matcher enters messages in the order of its log; each client reads the same messages again, and
comes to the same life or refuses them. A matcher that makes one up, or puts one of another proposal
in, gets no further than an honest one. One that keeps a message back can hide from a client, for a
while, that something was refused, replaced or recalled, and never that it wasn't approved: the log
has the event, so that whoever reads the log finds out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from linkage.errors import PolicyError, VerificationError
from linkage.protocol.agreement import Agreement
from linkage.protocol.canonical import parse_json
from linkage.protocol.disclosure.life import Life, Terms
from linkage.protocol.disclosure.messages import (
    EVIDENCE_KIND,
    KINDS,
    PROPOSAL_KIND,
    Approval,
    Evidence,
    Move,
    Opening,
    Proposal,
    Recall,
    Refusal,
    Release,
    Return,
    digest_of,
    parse_signed,
)
from linkage.protocol.disclosure.rules import quorum, require_allowed
from linkage.protocol.keys import PublicIdentity
from linkage.protocol.signing import verify_signed

CLOCK_SECONDS = 300
"""By how much the clocks of a party and of the matcher may differ."""


@dataclass(frozen=True)
class Case:
    """A disclosure as its messages tell it.

    ``digest`` is the proposal's, ``releases`` the holders' releases by name, ``recalls`` the
    recalls in their order, each with its digest.
    """

    agreement: Agreement
    proposer: str
    digest: str
    proposal: Proposal
    evidence: Evidence
    life: Life
    releases: dict[str, Release]
    recalls: tuple[tuple[str, Recall], ...] = ()


def open_case(agreement: Agreement, evidence: bytes, proposal: bytes) -> Case:
    """Begin with a proposal and the evidence that it names.

    Raises `VerificationError` where either isn't what its signer signed, or the proposal names
    other evidence; `PolicyError` where the agreement doesn't allow it, or where the quorum can't
    be met without the proposer.
    """
    found = open_evidence(agreement, evidence)
    signed = verify_signed(proposal, "the proposal", PROPOSAL_KIND, agreement.identities)
    said: Proposal = parse_signed(signed, "the proposal")
    if said.evidence != digest_of(evidence):
        raise VerificationError(
            "The proposal names other evidence than is given with it (step 7); ask for both again."
        )
    require_allowed(agreement, signed.signer, said, found)
    terms = Terms(
        signed.signer,
        frozenset(agreement.approvers),
        quorum(agreement, found),
        frozenset(name for own in found.clusters for name in own.agencies),
        frozenset(said.recipients),
        said.expires,
    )
    if len(terms.voters) < terms.quorum:
        raise PolicyError(
            f"The proposal needs {terms.quorum} approvals, and without its proposer there are only "
            f"{len(terms.voters)} approvers (disclosure.quorum)."
        )
    return Case(agreement, signed.signer, digest_of(proposal), said, found, Life(terms), {})


def advance(case: Case, message: bytes, source: str, entered: int | None = None) -> Case:
    """Return the case after one more signed message.

    ``source`` is the name that errors give to it, ``entered`` when the log took it in (POSIX
    seconds), if that is known. Raises `VerificationError` where it isn't what a party signed about
    this very proposal, `PolicyError` or `NotReadyError` where it comes out of turn.
    """
    kind = _kind(message, source)
    signed = verify_signed(message, source, kind, case.agreement.identities)
    move: Move = parse_signed(signed, source)
    if move.proposal != case.digest:
        raise VerificationError(
            f"{source} of {signed.signer!r} is about another proposal, or about one that was "
            "changed since (step 7); it counts for nothing here."
        )
    if move.at < case.proposal.proposed:
        raise VerificationError(f"{source} of {signed.signer!r} is older than the proposal.")
    if entered is not None and abs(entered - move.at) > CLOCK_SECONDS:
        raise VerificationError(
            f"{source} says another time than that at which it came, by more than "
            f"{CLOCK_SECONDS // 60} minutes; set the clock of {signed.signer!r} right."
        )
    return _moved(case, signed.signer, move, message)


def expire(case: Case, now: int) -> Case:
    """Return the case ended by its time being over at ``now`` (POSIX seconds), or raise."""
    return _with(case, case.life.expire(now))


def supersede(case: Case, successor: Case) -> Case:
    """Return the case ended by another that names it as the one it replaces, or raise."""
    if successor.proposal.supersedes != case.digest:
        raise VerificationError("The new proposal doesn't say that it replaces this one.")
    return _with(case, case.life.supersede(successor.proposer))


def replay(
    agreement: Agreement, evidence: bytes, proposal: bytes, messages: Sequence[bytes]
) -> Case:
    """Return the case that signed messages lead to, in their order; raises as each step does."""
    case = open_case(agreement, evidence, proposal)
    for number, message in enumerate(messages, start=1):
        case = advance(case, message, f"message {number}")
    return case


def _moved(case: Case, party: str, move: Move, message: bytes) -> Case:
    life = case.life
    match move:
        case Approval():
            return _with(case, life.approve(party, move.at))
        case Refusal():
            return _with(case, life.refuse(party, move.at))
        case Release():
            _require_release(case, party, move)
            after = life.release(party, move.at)
            return _with(case, after, releases={**case.releases, party: move})
        case Opening():
            after = life.open(party)
            _require_opened(case, party, move)
            return _with(case, after)
        case Recall():
            _require_known(case, move)
            after = life.recall(party, _matcher(case.agreement).name)
            return _with(case, after, recalls=(*case.recalls, (digest_of(message), move)))
        case Return():
            made = [digest for digest, _ in case.recalls]
            if move.recall not in made:
                raise VerificationError("It answers a recall that wasn't made.")
            return _with(case, life.give_back(party, made.index(move.recall)))


def _with(
    case: Case,
    life: Life,
    *,
    releases: dict[str, Release] | None = None,
    recalls: tuple[tuple[str, Recall], ...] | None = None,
) -> Case:
    return replace(
        case,
        life=life,
        releases=case.releases if releases is None else releases,
        recalls=case.recalls if recalls is None else recalls,
    )


def _require_release(case: Case, party: str, release: Release) -> None:
    """Raise unless it is to all recipients and accounts for every record that is asked for."""
    if set(release.sealed) != set(case.proposal.recipients):
        raise VerificationError(f"{party!r} has not sealed to exactly the proposal's recipients.")
    held = sum(
        holding.records
        for own in case.evidence.clusters
        for holding in own.holders
        if holding.agency == party
    )
    if release.records + release.withheld != held:
        raise VerificationError(
            f"{party!r} accounts for {release.records + release.withheld} records, and the "
            f"proposal is about {held} of its."
        )


def _require_opened(case: Case, recipient: str, opening: Opening) -> None:
    """Raise unless what was opened is what holders have released to this recipient."""
    released = {name: own.sealed.get(recipient) for name, own in case.releases.items()}
    if any(released.get(name) != digest for name, digest in opening.opened.items()):
        raise VerificationError(
            f"{recipient!r} says to have opened something else than was released."
        )


def _require_known(case: Case, recall: Recall) -> None:
    asked = {own.cluster for own in case.proposal.clusters}
    if set(recall.lineage) - asked:
        raise VerificationError("The recall is about clusters that the proposal didn't ask for.")


def open_evidence(agreement: Agreement, content: bytes) -> Evidence:
    """Return the matcher's word on some clusters; raises `VerificationError`."""
    signed = verify_signed(content, "the evidence", EVIDENCE_KIND, [_matcher(agreement)])
    found: Evidence = parse_signed(signed, "the evidence")
    return found


def _matcher(agreement: Agreement) -> PublicIdentity:
    return agreement.identity(agreement.names("matcher")[0])


def _kind(message: bytes, source: str) -> str:
    """Return the kind that a message says it is; whether it is, its signature decides."""
    kind = parse_json(message, source).get("kind")
    if not isinstance(kind, str) or kind not in KINDS or kind in (EVIDENCE_KIND, PROPOSAL_KIND):
        raise VerificationError(f"{source} is no message that moves a disclosure.")
    return kind
