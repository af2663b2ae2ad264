"""Worlds of three to eight agencies: all that anybody ever proposes and signs in them.

Everything that was really signed is in one pool, so that the truth is known.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, cached_property

from linkage.protocol.agreement import Agreement
from linkage.protocol.disclosure.commitment import commit_tokens
from linkage.protocol.disclosure.messages import (
    Approval,
    ClusterEvidence,
    Evidence,
    Holding,
    Refusal,
    digest_of,
    sign_message,
)
from linkage.protocol.keys import Identity
from tests.linkage.protocol.agreements import ANALYST, HUB, OFFICER, PARTIES, changed, parse
from tests.linkage.protocol.disclosure.made_up import DAY, NOW, ONE, TWO, evidence, proposal
from tests.linkage.protocol.parties import CARE, HEALTH, MATCHER, POLICE, identity

LEAST, MOST = 3, 8
"""How many agencies a world has."""
EXPIRES = NOW + 14 * DAY
NAMES = ("charity", "housing", "probation", "school", "youth")
AGENCIES = (
    POLICE, CARE, HEALTH, *(identity(name, 111 + 10 * at) for at, name in enumerate(NAMES)),
)  # fmt: skip
STRANGERS = (identity("police", 99), identity("stranger", 98), MATCHER, HUB)


@dataclass(frozen=True)
class Signed:
    """Something that was signed, by whom, and for which proposal.

    ``genuine`` are those of approvers under their own keys.
    """

    content: bytes
    party: str
    proposal: str
    at: int
    approves: bool
    genuine: bool


@dataclass(frozen=True)
class Asked:
    """A proposal with its evidence; ``allowed`` says whether the agreement lets it be made."""

    content: bytes
    evidence: bytes
    clusters: tuple[str, ...]
    proposer: str
    quorum: int
    allowed: bool

    @cached_property
    def digest(self) -> str:
        return digest_of(self.content)


@dataclass(frozen=True)
class World:
    """An agreement of some agencies, and all that is proposed and said under it."""

    agreement: Agreement
    agencies: tuple[Identity, ...]
    asked: tuple[Asked, ...]
    said: tuple[Signed, ...]

    @cached_property
    def approvals(self) -> dict[tuple[str, str], Signed]:
        """Who has really approved what in time, by proposal and party."""
        return {
            (own.proposal, own.party): own
            for own in self.said
            if own.genuine and own.approves and own.at < EXPIRES
        }


def quorum_of(count: int) -> int:
    """Return the quorum of a world with so many agencies: two of three, five of eight."""
    return count // 2 + 1


@cache
def agreement_of(count: int, title: str = "A trial") -> Agreement:
    """Return the agreement of the first agencies; one of another title is another agreement."""
    roles = dict.fromkeys(AGENCIES[:count], "agency")
    roles |= {MATCHER: "matcher", ANALYST: "analyst", HUB: "recipient", OFFICER: "dpo"}
    parties = "".join(
        f'[[party]]\nname = "{own.name}"\nroles = ["{role}"]\n'
        f'signing_key = "{own.public.signing_key}"\nsealing_key = "{own.public.sealing_key}"\n'
        for own, role in roles.items()
    )
    quorum = quorum_of(count)
    return parse(
        changed(
            (PARTIES, parties),
            ("protected_quorum = 3", f"protected_quorum = {quorum + 1}"),
            ("\nquorum = 2", f"\nquorum = {quorum}"),
            ('"A trial"', f'"{title}"'),
        )
    )


def salt(cluster: str, agency: str) -> bytes:
    return digest_of(f"{cluster}{agency}".encode()).encode()[:32]


def tokens(cluster: str, agency: str) -> tuple[bytes, ...]:
    return (digest_of(f"{agency}{cluster}".encode()).encode()[:16],)


def cluster(
    name: str, *agencies: str, protected: bool = False, probability: float = 0.95
) -> ClusterEvidence:
    holders = tuple(
        Holding(own, 1, commit_tokens(salt(name, own), name, own, tokens(name, own)))
        for own in sorted(agencies)
    )
    return ClusterEvidence(name, probability, holders, protected)


def ask(
    found: Evidence,
    quorum: int,
    proposer: Identity = ANALYST,
    by: Identity = MATCHER,
    *,
    allowed: bool = True,
    **changes: object,
) -> Asked:
    signed = sign_message(found, by)
    made = proposal(found, evidence=digest_of(signed), **changes)
    names = tuple(own.cluster for own in found.clusters)
    return Asked(sign_message(made, proposer), signed, names, proposer.name, quorum, allowed)


@cache
def world(count: int) -> World:
    """Return the world of so many agencies."""
    agencies = AGENCIES[:count]
    asked = tuple(_asked(count))
    said = tuple(
        Signed(
            sign_message(made(own.digest, at), party), party.name, own.digest, at,
            approves, party in agencies,
        )
        for own in asked
        for party in (*agencies, *STRANGERS)
        for at in (NOW + 60, EXPIRES + 60)
        for made, approves in ((Approval, True), (_refusal, False))
    )  # fmt: skip
    return World(agreement_of(count), agencies, asked, said)


def _asked(count: int) -> list[Asked]:
    own, quorum = agreement_of(count), quorum_of(count)
    # Not everybody holds a record of everybody.
    names = [agency.name for agency in AGENCIES[: max(LEAST, count - 2)]]
    plain = evidence(cluster(ONE, *names), agreement=own)
    two = evidence(cluster(ONE, *names), cluster(TWO, *names), agreement=own)
    guarded = evidence(cluster(ONE, *names, protected=True), agreement=own)
    pair = evidence(cluster(ONE, "police", "care"), agreement=own)
    unsure = evidence(cluster(ONE, *names, probability=0.6), agreement=own)
    elsewhere = evidence(cluster(ONE, *names), agreement=agreement_of(count, "Another trial"))
    return [
        ask(plain, quorum),
        ask(plain, quorum, necessity="Another reason."),
        ask(two, quorum),
        ask(plain, quorum, proposer=CARE),
        ask(guarded, quorum + 1),
        ask(plain, quorum, proposer=MATCHER, allowed=False),
        ask(plain, quorum, by=CARE, allowed=False),
        ask(pair, quorum, allowed=False),
        ask(plain, quorum, recipients=("care", "hub"), allowed=False),
        ask(plain, quorum, fields=("postcode",), allowed=False),
        ask(unsure, quorum, allowed=False),
        ask(elsewhere, quorum, allowed=False),
        ask(evidence(*plain.clusters, agreement=own), quorum, epoch=2, allowed=False),
    ]


def _refusal(digest: str, at: int) -> Refusal:
    return Refusal(digest, at, "Not necessary.")
