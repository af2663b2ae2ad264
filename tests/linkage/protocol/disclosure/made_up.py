"""A made-up proposal about three clusters, and the messages that could follow it."""

from dataclasses import replace

from linkage.protocol.disclosure.commitment import commit_tokens
from linkage.protocol.disclosure.messages import (
    Approval,
    Asked,
    ClusterEvidence,
    Evidence,
    Holding,
    Opening,
    Proposal,
    Recall,
    Refusal,
    Release,
    Return,
    digest_of,
    sign_message,
)
from tests.linkage.protocol.agreements import AGREEMENT, ANALYST, HUB, changed, parse
from tests.linkage.protocol.parties import CARE, HEALTH, MATCHER, POLICE

NOW = 1_770_000_000
DAY = 86_400
ONE, TWO, THREE = ("1" * 32, "2" * 32, "3" * 32)
EVERYONE = {own.name: own for own in (POLICE, CARE, HEALTH, MATCHER, ANALYST, HUB)}


def holding(agency, cluster, records=1):
    tokens = [bytes([number]) * 16 for number in range(records)]
    return Holding(agency, records, commit_tokens(bytes(32), cluster, agency, tokens))


def cluster(name, *agencies, probability=0.97, protected=False, records=1):
    holders = tuple(holding(agency, name, records) for agency in sorted(agencies))
    return ClusterEvidence(name, probability, holders, protected)


def evidence(*clusters, agreement=AGREEMENT):
    clusters = clusters or (cluster(ONE, "police", "care", "health"),)
    epoch = agreement.agreement.epoch
    return Evidence(agreement.digest(), epoch, "a" * 32, "b" * 64, clusters)


def proposal(found, **changes):
    asked = tuple(Asked(own.cluster, "several") for own in found.clusters)
    made = Proposal(
        agreement=found.agreement,
        epoch=found.epoch,
        evidence=digest_of(sign_message(found, MATCHER)),
        clusters=asked,
        fields=("given_name", "surname"),
        recipients=("hub",),
        purpose="safeguarding",
        lawful_basis="A law.",
        reference="MACE 12",
        necessity="Seen together with others at risk.",
        proposed=NOW,
        expires=NOW + 14 * DAY,
    )
    return replace(made, **changes)


EVIDENCE = evidence()
SIGNED_EVIDENCE = sign_message(EVIDENCE, MATCHER)
PROPOSAL = proposal(EVIDENCE)
SIGNED_PROPOSAL = sign_message(PROPOSAL, ANALYST)
DIGEST = digest_of(SIGNED_PROPOSAL)


def approval(party, digest=DIGEST, at=NOW + 60):
    return sign_message(Approval(digest, at), party)


def refusal(party, digest=DIGEST, at=NOW + 60):
    return sign_message(Refusal(digest, at, "Not necessary."), party)


def release(party, digest=DIGEST, at=NOW + 120, **changes):
    made = Release(digest, at, {"hub": "c" * 64}, 1)
    return sign_message(replace(made, **changes), party)


def opening(*holders, digest=DIGEST, at=NOW + 180, party=HUB):
    opened = {own.name: "c" * 64 for own in holders}
    return sign_message(Opening(digest, at, opened), party)


def recall(party, digest=DIGEST, at=NOW + 240, lineage=None):
    lineage = lineage or {ONE: (TWO, THREE)}
    return sign_message(Recall(digest, at, "Two people after all.", lineage), party)


def giving_back(recalled, digest=DIGEST, at=NOW + 300, party=HUB):
    return sign_message(Return(digest, at, digest_of(recalled)), party)


def agreement_with(*changes):
    return parse(changed(*changes))
