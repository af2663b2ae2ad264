"""That nothing was kept back: everything the log has about a disclosure since its proposal.

A matcher can't make a message up, and could keep one back: a late refusal, a recall. So its reader
asks for all events from the proposal's on, and has them prove themselves. What is on the left of an
event in its inclusion proof is the log before it, in a handful of hashes; with the leaves from
there on they give the root that the log has signed, or some leaf was left out or changed. What was
verified so is kept by its reader in the same few hashes, so that the next time only what has been
entered since is asked for.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from linkage.audit.checkpoint import Checkpoint
from linkage.audit.events import parse_event
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


@dataclass(frozen=True)
class Since:
    """What is verified of the log since a proposal.

    ``size`` events of the log are; ``roots`` are the complete subtrees above them, from the largest
    to the smallest. ``about`` has the leaf and the kind of each event about the disclosure.
    """

    size: int
    roots: tuple[bytes, ...]
    about: tuple[tuple[int, str], ...] = ()

    @property
    def frontier(self) -> Frontier:
        """The right edge of the log's tree, to go on from."""
        roots = iter(self.roots)
        return Frontier(lambda *_: next(roots), self.size)


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


def extend_since(
    known: Since, proposal: str, events: Iterable[bytes], checkpoint: Checkpoint
) -> Since:
    """Return what is known with the ``events`` after it, shown to be all that there are.

    ``proposal`` is the disclosure's digest. Raises `LogError`.
    """
    frontier, about = known.frontier, list(known.about)
    for data in events:
        event = parse_event(data)
        if event.digests.get("proposal") == proposal:
            about.append((frontier.size, event.kind))
        frontier.append(leaf_hash(data))
    if frontier.size != checkpoint.size or frontier.root() != checkpoint.root:
        raise ForkError("The events aren't those that the log has signed for.")
    return Since(frontier.size, frontier.roots, tuple(about))


def since_proposal(verified: VerifiedFile, proof: Sequence[bytes]) -> Since:
    """Return where a disclosure begins, from the ``proof`` of its proposal's event.

    Raises `VerificationError`.
    """
    leaf = verified.entries[0].leaf
    try:
        return Since(leaf, frontier_before(leaf, verified.checkpoint.size, proof).roots)
    except LogError as error:
        raise _unverified(verified, error) from error


def require_whole(
    verified: VerifiedFile, said: State, known: Since, events: Iterable[bytes]
) -> Since:
    """Raise `VerificationError` unless the file has every message that the log has an event for.

    ``events`` are those that the checkpoint counts after what is ``known``; what the log says of
    the disclosure's end must be the state that the matcher ``said``. Returns what is known now.
    """
    name = _name(verified)
    try:
        since = extend_since(known, verified.case.digest, events, verified.checkpoint)
    except LogError as error:
        raise _unverified(verified, error) from error
    entered = [leaf for leaf, kind in since.about if kind in EVENT_KINDS.values()]
    if entered != [entry.leaf for entry in verified.entries]:
        raise VerificationError(
            f"The matcher keeps back messages about {name} that its log has; do nothing about it, "
            "and tell the other parties."
        )
    _require_end({kind for _, kind in since.about}, said, name)
    return since


def _name(verified: VerifiedFile) -> str:
    return f"the disclosure {verified.case.digest[:8]}"


def _unverified(verified: VerifiedFile, error: LogError) -> VerificationError:
    return VerificationError(
        f"The matcher's log since {_name(verified)} was proposed doesn't verify: {error} Do "
        "nothing about it, and tell the other parties."
    )


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
