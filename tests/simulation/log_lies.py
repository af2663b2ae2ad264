"""What a lying matcher does to its logs, and what it shows of them."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from typing import Any

from linkage.audit.keys import SignatureType
from linkage.errors import LinkageError
from linkage.protocol.canonical import encode_base64
from tests.agency_client.disclosures.matcher import InMemory
from tests.linkage.audit.made_up import LOG, LyingLog, signer
from tests.linkage.protocol.disclosure import made_up
from tests.linkage.protocol.disclosure.made_up import DAY
from tests.simulation.logs import ENDS, STEPS, Play, Shown
from tests.simulation.worlds import STRANGERS

OTHER_KEY = signer(LOG.name, SignatureType.LOG, "the matcher's other key")


def histories(seed: int, count: int) -> Iterator[Play]:
    """Yield histories that were played to their end; the same seed gives the same ones."""
    rng = random.Random(seed)
    for _ in range(count):
        play = Play(rng)
        for step in rng.choices(list(ODDS), list(ODDS.values()), k=STEPS):
            step(play)
        yield play


def _go_on(play: Play) -> None:
    """Somebody signs what comes next in a log; it is entered there, and perhaps in others."""
    branch = play.rng.choice(play.branches)
    content = play.sign_next(branch)
    for other in play.branches:
        if content is not None and (other is branch or play.rng.random() < 0.5):
            play.enter(other, content)


def _go_far(play: Play) -> None:
    for _ in range(4):
        _go_on(play)


def _wait(play: Play) -> None:
    play.now += play.rng.choice((60, 200, 15 * DAY))


def _fork(play: Play) -> None:
    """Begin another log with a part of one, and show it to some client."""
    whole = play.rng.choice(play.branches)
    part = play.until(whole, play.rng.randint(1, len(whole.log.entries)))
    play.branches.append(part)
    play.rng.choice(play.clients).branch = part


def _show_another(play: Play) -> None:
    """Show a client two logs one after the other."""
    client = play.rng.choice(play.clients)
    for branch in play.rng.sample(play.branches, min(2, len(play.branches))):
        client.branch = branch
        play.read(client, play.show(branch))


def _read(play: Play) -> None:
    client = play.rng.choice(play.clients)
    shown = play.show(client.branch)
    for _ in range(play.rng.choice((0, 0, 1, 1, 2))):
        shown = play.rng.choice(SHOWN)(play, client.branch, shown)
    play.read(client, shown)


def _follow(play: Play) -> None:
    """A client asks for something else, and sees from the answer how far the log is by now."""
    client = play.rng.choice(play.clients)
    with suppress(LinkageError):
        client.connection.hold_against(client.branch.log.note(None, ()).to_bytes())


def _meet(play: Play) -> None:
    play.meet(*play.rng.sample(play.clients, 2))


def _audit(play: Play) -> None:
    for client in play.clients:
        if not client.views:
            play.read(client, play.show(client.branch))
    play.audit(play.rng.choice(play.clients))


def _enter_a_lie(play: Play) -> None:
    play.rng.choice(ENTERED)(play, play.rng.choice(play.branches))


def _of_a_stranger(play: Play, branch: InMemory) -> None:
    own = play.rng.choice(STRANGERS[:2])
    play.enter(branch, made_up.approval(own, play.asked.digest, play.now))


def _of_another_proposal(play: Play, branch: InMemory) -> None:
    """Count what somebody has approved for a proposal of other words."""
    own = play.rng.choice(play.world.agencies)
    other = play.rng.choice(play.world.asked).digest
    play.enter(branch, made_up.approval(own, other, play.now))


def _again(play: Play, branch: InMemory) -> None:
    messages = branch.kept[play.asked.digest].messages[1:]
    if messages:
        play.enter(branch, play.rng.choice(messages)[0])


def _late(play: Play, branch: InMemory) -> None:
    """Hold a message back, and enter it when it suits."""
    content = play.sign_next(branch)
    play.now += 1_000
    if content is not None:
        play.enter(branch, content)


def _as_something_else(play: Play, branch: InMemory) -> None:
    content = play.sign_next(branch)
    changes = play.rng.choice((
        {"party": "matcher"},
        {"kind": "disclosure.refused", "justification": "Refused."},
        {"digests": {"proposal": play.asked.digest, "message": "0" * 64}},
    ))  # fmt: skip
    if content is not None:
        play.enter(branch, content, **changes)


def _end(play: Play, branch: InMemory) -> None:
    """End it in the log, whether or not it may end."""
    state = play.rng.choice(ENDS)
    branch.now = play.now
    branch.end(play.asked.digest, state, "matcher" if state == "expired" else "analyst")


def _replace(play: Play, branch: InMemory) -> None:
    branch.now = play.now
    with suppress(LinkageError):
        branch.begin(play.asked.evidence, play.asked.successor)


ENTERED = (
    _of_a_stranger, _of_another_proposal, _again, _late, _as_something_else, _end, _replace,
)  # fmt: skip


def _left_out(play: Play, _: InMemory, shown: Shown) -> Shown:
    """Hide a message, most often the last: a recall, a refusal."""
    entered = list(shown.file["entered"])
    if len(entered) > 1:
        entered.pop(play.rng.choice((-1, -1, play.rng.randrange(1, len(entered)))))
    return _told(play, shown, entered)


def _left_out_everywhere(play: Play, branch: InMemory, shown: Shown) -> Shown:
    """Hide the last message, and its event."""
    leaf = shown.file["entered"][-1]["leaf"]
    less = _left_out(play, branch, shown)
    return replace(less, events=(*shown.events[:leaf], *shown.events[leaf + 1 :]))


def _reordered(play: Play, _: InMemory, shown: Shown) -> Shown:
    entered = list(shown.file["entered"])
    if len(entered) > 2:
        at = play.rng.randrange(1, len(entered) - 1)
        entered[at], entered[at + 1] = entered[at + 1], entered[at]
    return _told(play, shown, entered)


def _twice(play: Play, _: InMemory, shown: Shown) -> Shown:
    entered = list(shown.file["entered"])
    return _told(play, shown, [*entered, play.rng.choice(entered)])


def _never_entered(play: Play, branch: InMemory, shown: Shown) -> Shown:
    """Show a message that was signed, with an event that the log doesn't have where it says."""
    *before, last = shown.file["entered"]
    ahead = play.until(branch, last["leaf"])
    content = play.sign_next(ahead) if before else None
    if content is None:
        return shown
    play.enter(ahead, content)
    entered = play.show(ahead).file["entered"][-1] | {"leaf": last["leaf"]}
    return _told(play, shown, [*before, entered | {"proof": last["proof"]}])


def _of_another_key(play: Play, branch: InMemory, shown: Shown) -> Shown:
    """Show all of it under a key that the matcher has made for the purpose."""
    note = LyingLog(branch.log.entries, OTHER_KEY).note(None, ())
    file = shown.file | {"checkpoint": encode_base64(note.to_bytes())}
    return replace(shown, file=file, keyed=False)


def _older(play: Play, branch: InMemory, shown: Shown) -> Shown:
    """Show it as it was, with the checkpoint of that time."""
    size = play.rng.randint(1, len(branch.log.entries))
    return play.show(play.until(branch, size))


def _in_another_state(play: Play, _: InMemory, shown: Shown) -> Shown:
    states = ("proposed", "approved", "released", "recalled", *ENDS)
    file = shown.file | {"state": play.rng.choice(states)}
    return replace(shown, file=file)


def _open_still(play: Play, branch: InMemory, shown: Shown) -> Shown:
    """Hide that it has ended."""
    state = branch.kept[play.asked.digest].case.life.state
    return replace(shown, file=shown.file | {"state": state, "successor": None})


def _told(play: Play, shown: Shown, entered: list[dict[str, Any]]) -> Shown:
    """Show other messages, and the state to which they lead if there is one."""
    file = shown.file | {"entered": entered}
    if file["state"] not in ENDS:
        file["state"] = play.state_of([own["message"] for own in entered]) or file["state"]
    return replace(shown, file=file)


SHOWN = (
    _left_out, _left_out, _left_out_everywhere, _reordered, _twice, _never_entered,
    _of_another_key, _older, _older, _in_another_state, _open_still,
)  # fmt: skip
ODDS = {
    _go_on: 4, _go_far: 2, _wait: 1, _fork: 1, _show_another: 1, _enter_a_lie: 2, _follow: 1,
    _read: 7, _meet: 1, _audit: 1,
}  # fmt: skip
