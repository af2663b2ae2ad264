"""Disclosures in a world where the matcher lies and some parties sign whatever they like.

The matcher hands each holder any history that it can lay hands on: messages left out, repeated,
put in another order, of other proposals, with bits flipped, signed by strangers, and tokens of its
choice. A holder with the real code decides from that alone, by its own clock, what it seals.

Everything that was ever really signed is in the pool, so that the truth is known:

- `QUORUM`: what is sealed was approved by enough distinct approvers, none of them its proposer, who
  all signed exactly this proposal before it expired;
- `RULES`: the agreement allows the proposal, and the evidence for it is the matcher's;
- `RECIPIENTS`: it is sealed to the recipients of that proposal, and to nobody else;
- `TOKENS`: the records are those that the evidence had committed to;
- `TIME`: it is sealed before the proposal expires;
- `CONTENT`: what a recipient opens is what the holder sealed for this proposal and these clusters.
"""

import random
from dataclasses import dataclass, replace
from functools import cache

from linkage.errors import LinkageError
from linkage.protocol.disclosure.commitment import commit_tokens
from linkage.protocol.disclosure.history import advance, replay
from linkage.protocol.disclosure.messages import (
    Approval,
    ClusterEvidence,
    Holding,
    Refusal,
    digest_of,
    sign_message,
)
from linkage.protocol.disclosure.release import (
    Revealed,
    open_release,
    seal_release,
    tokens_to_release,
)
from tests.linkage.protocol.agreements import AGREEMENT, ANALYST, HUB
from tests.linkage.protocol.disclosure.made_up import DAY, NOW, ONE, TWO, evidence, proposal
from tests.linkage.protocol.parties import CARE, HEALTH, MATCHER, POLICE, identity

INVARIANTS = ("QUORUM", "RULES", "RECIPIENTS", "TOKENS", "TIME", "CONTENT")
HOLDER = POLICE
APPROVERS = (POLICE, CARE, HEALTH)
STRANGERS = (identity("police", 99), identity("stranger", 98), MATCHER, HUB)
EXPIRES = NOW + 14 * DAY


def salt(cluster, agency):
    return digest_of(f"{cluster}{agency}".encode()).encode()[:32]


def tokens(cluster, agency):
    return (digest_of(f"{agency}{cluster}".encode()).encode()[:16],)


def cluster(name, *agencies, protected=False, probability=0.95):
    holders = tuple(
        Holding(own, 1, commit_tokens(salt(name, own), name, own, tokens(name, own)))
        for own in sorted(agencies)
    )
    return ClusterEvidence(name, probability, holders, protected)


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

    @property
    def digest(self):
        return digest_of(self.content)


def ask(found, proposer=ANALYST, by=MATCHER, quorum=2, allowed=True, **changes):
    signed = sign_message(found, by)
    made = proposal(found, evidence=digest_of(signed), **changes)
    names = tuple(own.cluster for own in found.clusters)
    return Asked(sign_message(made, proposer), signed, names, proposer.name, quorum, allowed)


@cache
def world():
    """Return all proposals that anybody makes, and all messages that anybody signs about them."""
    plain = evidence(cluster(ONE, "police", "care", "health"))
    two = evidence(
        cluster(ONE, "police", "care", "health"), cluster(TWO, "police", "care", "health")
    )
    guarded = evidence(cluster(ONE, "police", "care", "health", protected=True))
    asked = [
        ask(plain),
        ask(plain, necessity="Another reason."),
        ask(two),
        ask(plain, proposer=CARE),
        ask(guarded, quorum=3),
        ask(plain, proposer=MATCHER, allowed=False),
        ask(plain, by=CARE, allowed=False),
        ask(evidence(cluster(ONE, "police", "care")), allowed=False),
        ask(plain, recipients=("care", "hub"), allowed=False),
        ask(plain, fields=("postcode",), allowed=False),
        ask(evidence(cluster(ONE, "police", "care", "health", probability=0.6)), allowed=False),
    ]
    said = [
        Signed(
            sign_message(made(own.digest, at), party),
            party.name,
            own.digest,
            at,
            approves,
            party in APPROVERS,
        )
        for own in asked
        for party in (*APPROVERS, *STRANGERS)
        for at in (NOW + 60, EXPIRES + 60)
        for made, approves in ((Approval, True), (_refusal, False))
    ]
    return asked, said


def _refusal(digest, at):
    return Refusal(digest, at, "Not necessary.")


@dataclass
class History:
    """What the matcher shows a holder, and when."""

    asked: Asked
    evidence: bytes
    messages: list[Signed]
    revealed: dict[str, Revealed]
    now: int


def any_history(rng):
    """Return an honest history with up to three lies in it."""
    asked_all, said = world()
    asked = rng.choice(asked_all)
    voters = [own for own in APPROVERS if own.name != asked.proposer]
    known = {(own.party, own.proposal, own.at, own.approves): own for own in said if own.genuine}
    messages = [
        known[own.name, asked.digest, NOW + 60, True]
        for own in rng.sample(voters, min(len(voters), asked.quorum))
    ]
    revealed = {
        name: Revealed(salt(name, "police"), tokens(name, "police")) for name in asked.clusters
    }
    history = History(asked, asked.evidence, messages, revealed, NOW + 120)
    for _ in range(rng.randrange(4)):
        rng.choice(LIES)(history, rng)
    return history


def _leave_out(history, rng):
    if history.messages:
        history.messages.pop(rng.randrange(len(history.messages)))


def _repeat(history, rng):
    if history.messages:
        history.messages.append(rng.choice(history.messages))


def _reorder(history, rng):
    rng.shuffle(history.messages)


def _add_of_anybody(history, rng):
    history.messages.append(rng.choice(world()[1]))


def _add_of_this_proposal(history, rng):
    own = [said for said in world()[1] if said.proposal == history.asked.digest]
    history.messages.append(rng.choice(own))


def _swap_for_another_proposal(history, rng):
    if history.messages:
        history.messages[rng.randrange(len(history.messages))] = rng.choice(world()[1])


def _flip_a_bit(history, rng):
    if history.messages:
        place = rng.randrange(len(history.messages))
        content = bytearray(history.messages[place].content)
        content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
        history.messages[place] = replace(
            history.messages[place], content=bytes(content), genuine=False
        )


def _swap_the_evidence(history, rng):
    history.evidence = rng.choice(world()[0]).evidence


def _swap_tokens(history, rng):
    name = rng.choice(sorted(history.revealed))
    other = rng.choice([ONE, TWO])
    history.revealed[name] = Revealed(
        rng.choice([salt(name, "police"), salt(other, "care")]),
        rng.choice([tokens(other, "police"), tokens(name, "care")]),
    )


def _name_another_cluster(history, _rng):
    history.revealed[TWO] = Revealed(salt(TWO, "police"), tokens(TWO, "police"))


def _wait(history, _rng):
    history.now = EXPIRES + 1


LIES = (
    _leave_out, _repeat, _reorder, _add_of_anybody, _add_of_this_proposal,
    _swap_for_another_proposal, _flip_a_bit, _swap_the_evidence, _swap_tokens,
    _name_another_cluster, _wait,
)  # fmt: skip


@dataclass(frozen=True)
class Outcome:
    """Whether anything was sealed, and which invariants that broke."""

    sealed: bool
    broken: frozenset[str]


def play(history, elsewhere):
    """Let a holder decide; return what came of it, measured against the truth.

    ``elsewhere`` are messages that it has sealed for other proposals, which the matcher hands to
    the recipient instead; what is sealed now is added to them.
    """
    contents = [own.content for own in history.messages]
    try:
        case = replay(AGREEMENT, history.evidence, history.asked.content, contents)
        looked_up = tokens_to_release(case, "police", history.revealed, history.now)
        rows = {name: ({"surname": name},) for name in looked_up}
        release, sealed = seal_release(case, HOLDER, rows, history.now)
    except LinkageError:
        return Outcome(sealed=False, broken=frozenset())
    broken = {
        "QUORUM": len(_approvers(history)) < history.asked.quorum,
        "RULES": not history.asked.allowed or history.evidence != history.asked.evidence,
        "RECIPIENTS": set(sealed) != {"hub"},
        "TOKENS": looked_up != {name: tokens(name, "police") for name in history.asked.clusters},
        "TIME": history.now >= EXPIRES,
        "CONTENT": not _reads(case, release, sealed["hub"], rows, elsewhere),
    }
    elsewhere[:] = [*elsewhere[-2:], sealed["hub"]]
    return Outcome(sealed=True, broken=frozenset(name for name, wrong in broken.items() if wrong))


def _approvers(history):
    """Who really approved this very proposal in time, of those whose word counts."""
    return {
        own.party
        for own in history.messages
        if own.genuine
        and own.approves
        and own.proposal == history.asked.digest
        and own.at < EXPIRES
        and own.party != history.asked.proposer
    }


def _reads(case, release, sealed, rows, elsewhere):
    """Whether the recipient reads what was sealed, and nothing that was sealed elsewhere."""
    told = advance(case, sign_message(release, HOLDER), "the release")
    if open_release(told, "police", sealed, HUB) != rows:
        return False
    for other in elsewhere:
        try:
            open_release(told, "police", other, HUB)
        except LinkageError:
            continue
        return False
    return True


def histories(seed, count):
    """Yield histories; the same seed gives the same ones."""
    rng = random.Random(seed)
    for _ in range(count):
        yield any_history(rng)
