"""That nothing was kept back: everything the log has about a disclosure since its proposal.

A matcher can't make a message up, and could keep one back: a late refusal, a recall. So its reader
asks for all events from the proposal's on, and has them prove themselves. What is on the left of an
event in its inclusion proof is the log before it, in a handful of hashes; with the leaves from
there on they give the root that the log has signed, or some leaf was left out or changed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from linkage.audit.checkpoint import Checkpoint
from linkage.audit.events import Event, parse_event
from linkage.audit.failures import ForkError, LogError, ProofError
from linkage.audit.merkle import leaf_hash
from linkage.audit.tree import Frontier
from linkage.entries import EVENT_KINDS, VerifiedFile
from linkage.errors import VerificationError
from linkage.protocol.disclosure.life import State

ENDS: dict[str, State] = {
    "disclosure.expired": "expired",
    "disclosure.superseded": "superseded",
}
"""Events that no message stands for, and the state that each brings."""


def frontier_before(leaf: int, size: int, proof: Sequence[bytes]) -> Frontier:
    """Return the log before event ``leaf``, from that event's inclusion proof in ``size`` events.

    The proof was verified; raises `ProofError` for one of another length.
    """
    lefts: dict[tuple[int, int], bytes] = {}
    hashes = iter(proof)
    level, index, last = 0, leaf, size - 1
    try:
        while last:
            if index & 1:
                lefts[level, index - 1] = next(hashes)
            elif index < last:
                next(hashes)
            level, index, last = level + 1, index >> 1, last >> 1
        return Frontier(lambda at, number: lefts[at, number], leaf)
    except (StopIteration, KeyError):
        raise ProofError("The proof has another length than the log's size asks for.") from None


def verify_all_since(
    leaf: int, proof: Sequence[bytes], events: Iterable[bytes], checkpoint: Checkpoint
) -> list[Event]:
    """Return the events from ``leaf`` on, shown to be all that the checkpoint counts.

    Raises `LogError`.
    """
    frontier = frontier_before(leaf, checkpoint.size, proof)
    found = []
    for data in events:
        frontier.append(leaf_hash(data))
        found.append(parse_event(data))
    if frontier.size != checkpoint.size or frontier.root() != checkpoint.root:
        raise ForkError("The events aren't those that the log has signed for.")
    return found


def require_whole(
    verified: VerifiedFile, said: State, proof: Sequence[bytes], events: Iterable[bytes]
) -> None:
    """Raise `VerificationError` unless the file has every message that the log has an event for.

    ``proof`` is that of the proposal's event, ``events`` are those from there to the checkpoint.
    What the log says of its end must be the state that the matcher ``said``.
    """
    name = f"the disclosure {verified.case.digest[:8]}"
    first = verified.entries[0].leaf
    try:
        since = verify_all_since(first, proof, events, verified.checkpoint)
    except LogError as error:
        raise VerificationError(
            f"The matcher's log since {name} was proposed doesn't verify: {error} Do nothing about "
            "it, and tell the other parties."
        ) from error
    about = {
        leaf: event
        for leaf, event in enumerate(since, start=first)
        if event.digests.get("proposal") == verified.case.digest
    }
    entered = [leaf for leaf, event in about.items() if event.kind in EVENT_KINDS.values()]
    if entered != [entry.leaf for entry in verified.entries]:
        raise VerificationError(
            f"The matcher keeps back messages about {name} that its log has; do nothing about it, "
            "and tell the other parties."
        )
    _require_end({event.kind for event in about.values()}, said, name)


def _require_end(kinds: set[str], said: State, name: str) -> None:
    """Raise unless it has ended in the log as the matcher says, and not otherwise."""
    ended = {ENDS[kind] for kind in kinds if kind in ENDS}
    due = {said} if said in ENDS.values() else set()
    if ended != due:
        logged = " and ".join(sorted(ended)) or "nothing of the kind"
        raise VerificationError(
            f"The matcher says that {name} is {said}, and its log says {logged}; do nothing about "
            "it, and tell the other parties."
        )
