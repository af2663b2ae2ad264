"""What the agreement asks of a proposal. The matcher checks it, and so does every client.

Each fault names the clause that forbids it, so that a refusal can be looked up in the agreement.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta

from linkage.errors import PolicyError
from linkage.protocol.agreement import Agreement
from linkage.protocol.disclosure.messages import Asked, ClusterEvidence, Evidence, Proposal
from linkage.protocol.sections.disclosure import Disclosure
from linkage.protocol.sections.party import Role

DAY = 86_400
PROPOSERS: tuple[Role, ...] = ("agency", "analyst", "recipient")
"""Who may propose. The matcher, which knows who is in which cluster, may not; nor the auditor."""


def require_allowed(
    agreement: Agreement, proposer: str, proposal: Proposal, evidence: Evidence
) -> None:
    """Raise `PolicyError`, with every clause that a proposal breaks.

    That the signatures are right, and that the agreement was in force when it was proposed, is for
    the caller to know.
    """
    terms = _terms(agreement)
    faults = [
        *_parties(agreement, terms, proposer, proposal),
        *_purpose(agreement, proposal),
        *_extent(agreement, terms, proposal),
        *_binding(agreement, proposal, evidence),
    ]
    found = {own.cluster: own for own in evidence.clusters}
    for asked in proposal.clusters:
        if asked.cluster in found:
            faults += _cluster(agreement, terms, asked, found[asked.cluster])
    if faults:
        raise PolicyError(f"The proposal isn't allowed: {'; '.join(faults)}.")


def quorum(agreement: Agreement, evidence: Evidence) -> int:
    """Return how many approvers must agree: more where a protected person is among them."""
    terms = _terms(agreement)
    if any(own.protected for own in evidence.clusters):
        return terms.protected_quorum or terms.quorum
    return terms.quorum


def _terms(agreement: Agreement) -> Disclosure:
    if agreement.disclosure is None:
        raise PolicyError(
            f"The agreement {agreement.agreement.id!r} has no [disclosure], so nobody is named to "
            "anybody."
        )
    return agreement.disclosure


def _parties(
    agreement: Agreement, terms: Disclosure, proposer: str, proposal: Proposal
) -> Iterator[str]:
    if not any(proposer in agreement.names(role) for role in PROPOSERS):
        yield f"{proposer} may not propose (only {', '.join(PROPOSERS)})"
    if strange := sorted(set(proposal.recipients) - set(terms.recipients)):
        yield f"{', '.join(strange)} may not receive (disclosure.recipients)"
    if strange := sorted(set(proposal.fields) - set(terms.fields)):
        yield f"{', '.join(strange)} may not be released (disclosure.fields)"


def _purpose(agreement: Agreement, proposal: Proposal) -> Iterator[str]:
    own = agreement.agreement
    if proposal.purpose not in own.purpose_codes:
        yield f"{proposal.purpose} is no purpose of it (agreement.purpose_codes)"
    if proposal.lawful_basis != own.lawful_basis:
        yield "it has another lawful basis (agreement.lawful_basis)"


def _extent(agreement: Agreement, terms: Disclosure, proposal: Proposal) -> Iterator[str]:
    count = len(proposal.clusters)
    if count < terms.least_batch:
        yield f"{count} clusters are fewer than {terms.least_batch} (disclosure.least_batch)"
    if count > terms.most_batch:
        yield f"{count} clusters are more than {terms.most_batch} (disclosure.most_batch)"
    if proposal.expires - proposal.proposed > terms.expires_days * DAY:
        yield f"it is open for more than {terms.expires_days} days (disclosure.expires_days)"
    ends = agreement.agreement.ends
    if ends is None or proposal.expires > _midnight_after(ends):
        yield f"it is open beyond the day on which the agreement ends, {ends} (agreement.ends)"


def _midnight_after(day: date) -> float:
    return (datetime.combine(day, time(), UTC) + timedelta(days=1)).timestamp()


def _binding(agreement: Agreement, proposal: Proposal, evidence: Evidence) -> Iterator[str]:
    own = (agreement.digest(), agreement.agreement.epoch)
    if (proposal.agreement, proposal.epoch) != own or (evidence.agreement, evidence.epoch) != own:
        yield "it or its evidence is for another agreement, version or epoch"
    if [asked.cluster for asked in proposal.clusters] != [own.cluster for own in evidence.clusters]:
        yield "its evidence is about other clusters"


def _cluster(
    agreement: Agreement, terms: Disclosure, asked: Asked, found: ClusterEvidence
) -> Iterator[str]:
    name = f"cluster {asked.cluster[:8]}"
    rule = next((rule for rule in terms.rule if rule.name == asked.rule), None)
    if rule is None:
        yield f"{name} rests on the rule {asked.rule}, which there isn't (disclosure.rule)"
        return
    if len(found.holders) < rule.least_agencies:
        yield f"{name} is known to too few agencies (rule {rule.name}, least_agencies)"
    if set(rule.agencies) - set(found.agencies):
        yield f"{name} isn't known to all of those named (rule {rule.name}, agencies)"
    if found.probability < terms.least_probability:
        yield f"{name} is too unsure (disclosure.least_probability)"
    if strange := sorted(set(found.agencies) - set(agreement.names("agency"))):
        yield f"{name} has records of {', '.join(strange)}, which is no agency of it"
    if not terms.several_records and any(holding.records > 1 for holding in found.holders):
        yield f"{name} has several records of one agency (disclosure.several_records)"
    if found.protected and terms.protected_quorum is None:
        yield f"{name} is a protected person (disclosure.protected_quorum)"
