"""Disclosures in worlds where the matcher lies and some parties sign whatever they like.

A world has three to eight agencies, and a quorum of more than half of them. The matcher hands each
holder any history that it can lay hands on: messages left out, repeated, put in another order, of
other proposals, agreements and epochs, with bits flipped, signed by strangers, and tokens of its
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

from linkage.errors import LinkageError
from linkage.protocol.disclosure.history import advance, replay
from linkage.protocol.disclosure.messages import sign_message
from linkage.protocol.disclosure.release import (
    Revealed,
    open_release,
    seal_release,
    tokens_to_release,
)
from tests.linkage.protocol.agreements import HUB
from tests.linkage.protocol.disclosure.made_up import NOW, ONE, TWO
from tests.linkage.protocol.parties import POLICE
from tests.simulation.worlds import (
    EXPIRES,
    LEAST,
    MOST,
    Asked,
    Signed,
    World,
    salt,
    tokens,
    world,
)

INVARIANTS = ("QUORUM", "RULES", "RECIPIENTS", "TOKENS", "TIME", "CONTENT")
HOLDER = POLICE


@dataclass
class History:
    """What the matcher shows a holder, and when."""

    world: World
    asked: Asked
    evidence: bytes
    messages: list[Signed]
    revealed: dict[str, Revealed]
    now: int


def any_history(rng):
    """Return an honest history with up to three lies in it."""
    own_world = world(rng.randint(LEAST, MOST))
    asked = rng.choice(own_world.asked)
    voters = [own for own in own_world.agencies if own.name != asked.proposer]
    messages = [
        own_world.approvals[asked.digest, own.name]
        for own in rng.sample(voters, min(len(voters), asked.quorum))
    ]
    revealed = {
        name: Revealed(salt(name, "police"), tokens(name, "police")) for name in asked.clusters
    }
    history = History(own_world, asked, asked.evidence, messages, revealed, NOW + 120)
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
    history.messages.append(rng.choice(history.world.said))


def _add_of_this_proposal(history, rng):
    own = [said for said in history.world.said if said.proposal == history.asked.digest]
    history.messages.append(rng.choice(own))


def _swap_for_another_proposal(history, rng):
    if history.messages:
        history.messages[rng.randrange(len(history.messages))] = rng.choice(history.world.said)


def _flip_a_bit(history, rng):
    if history.messages:
        place = rng.randrange(len(history.messages))
        content = bytearray(history.messages[place].content)
        content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
        history.messages[place] = replace(
            history.messages[place], content=bytes(content), genuine=False
        )


def _swap_the_evidence(history, rng):
    history.evidence = rng.choice(history.world.asked).evidence


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
        case = replay(history.world.agreement, history.evidence, history.asked.content, contents)
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
