"""A log that forks before several clients, who read one disclosure in it and now and then meet.

Three to eight agencies sign what they like; the matcher enters it where it likes. It has a log for
every client that it wants to deceive, all under the one key: in each it can leave a message out,
keep it for later, enter it twice or as something else, enter what nobody has signed or what was
said about another proposal, and end the disclosure or not. When it is asked, it can show less than
the log has, or more, an older state, another order, another state of the disclosure, other events
than those that it has signed for, or a checkpoint under another key. The clients' real code reads
all of it; what a client then believes is held against what the matcher knows:

- `SIGNED`: a message that is believed was signed by its party, about this very proposal;
- `LOGGED`: the log behind the checkpoint has an event at its place that says of it what it is;
- `ORDER`: messages are believed in the order in which that log has them;
- `WHOLE`: none is missing that this log has entered;
- `END`: the disclosure is where those messages lead, and ended if and only if that log says so;
- `PROMPT`: what is believed was entered within five minutes of the time at which it was signed;
- `ONE`: all that one client was ever shown is of one log;
- `NEWEST`: nobody is shown less of the log than it had seen before;
- `MEETING`: two clients that held their checkpoints against each other were shown one log;
- `WITNESS`: nobody stands as a witness of a state of the log that it hasn't seen.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from agency_client.disclosures.office import Office
from agency_client.disclosures.reading import read_disclosure
from agency_client.keystore.store import OpenKeystore
from agency_client.log_witness import witness_key, witness_signer
from agency_client.matcher_api.following import FollowedLog
from agency_client.matcher_api.place import MatcherPlace
from linkage.audit.bundle import BundleHead, bundle_lines
from linkage.audit.events import Event, parse_event
from linkage.audit.keys import LogKeys
from linkage.audit.verification import Trust, verify_bundle
from linkage.entries import EVENT_KINDS, Entry, VerifiedFile
from linkage.errors import LinkageError
from linkage.protocol.canonical import decode_base64
from linkage.protocol.disclosure import history
from linkage.protocol.disclosure.history import CLOCK_SECONDS
from linkage.protocol.disclosure.messages import digest_of, sign_message
from linkage.protocol.disclosure.replies import DisclosureFile
from linkage.protocol.keys import Identity
from tests.agency_client.disclosures.matcher import InMemory, Kept, as_json
from tests.linkage.audit.made_up import LOG, LyingLog, as_lines
from tests.linkage.protocol.agreements import ANALYST, HUB
from tests.linkage.protocol.disclosure import made_up
from tests.linkage.protocol.disclosure.made_up import NOW, ONE
from tests.linkage.protocol.parties import MATCHER
from tests.simulation.worlds import EXPIRES, LEAST, MOST, World, world

INVARIANTS = (
    "SIGNED", "LOGGED", "ORDER", "WHOLE", "END", "PROMPT", "ONE", "NEWEST", "MEETING", "WITNESS",
)  # fmt: skip
ENDS = ("expired", "superseded")
STEPS = 16
_NUMBERS = count()
_FILE = TypeAdapter(DisclosureFile)
Events = tuple[bytes, ...]


@dataclass(frozen=True)
class Asked:
    """The proposal that is read, and the one that would take its place, with their evidence."""

    evidence: bytes
    content: bytes
    successor: bytes

    @property
    def digest(self) -> str:
        return digest_of(self.content)


@cache
def asked_of(agencies: int) -> Asked:
    own = world(agencies)
    found = made_up.evidence(_matcher(own)._cluster(ONE), agreement=own.agreement)
    made = made_up.proposal(found)
    content = sign_message(made, ANALYST)
    later = replace(made, supersedes=digest_of(content), reference="Again")
    return Asked(sign_message(found, MATCHER), content, sign_message(later, ANALYST))


def _matcher(own: World, log: LyingLog | None = None, now: int = NOW) -> InMemory:
    names = [agency.name for agency in own.agencies]
    holdings = {ONE: {name: (name.encode().ljust(16),) for name in names}}
    return InMemory(own.agreement, MATCHER, holdings, now, log=log or LyingLog([]))


@dataclass
class Shown:
    """What a client is shown: a file, the log behind it, and the events that it is given of that.

    ``keyed`` says whether the checkpoint is under the log's own key.
    """

    file: dict[str, Any]
    log: Events
    events: Events
    keyed: bool = True


class Wire:
    """Stands where a client's connection is: keeps what is pinned, and asks for proofs."""

    def __init__(self, store: OpenKeystore, prove: Callable[[int, int], list[bytes]]) -> None:
        self.place = MatcherPlace("http://127.0.0.1:9", LOG.verifier)
        self.store = store
        self.log = FollowedLog(store, LOG.verifier)
        self._prove = prove

    def hold_against(self, note: bytes) -> None:
        self.log.accept(None, note, [], self._prove)


class Client:
    """A party that reads one disclosure; ``views`` are the logs behind all that it has believed."""

    def __init__(self, own: Identity, play: Play) -> None:
        self.own = own
        self.play = play
        self.branch = play.branches[0]
        self.shown: Shown | None = None
        self.views: list[Events] = []
        store = OpenKeystore(Path(f"keystore-{next(_NUMBERS)}"), own, bytes(32))
        self.connection = Wire(store, self._prove)
        self.office = Office(self, play.world.agreement, own, play.clock)  # type: ignore[arg-type]

    def file(self, digest: str) -> DisclosureFile:
        """Answer as the matcher's address does."""
        own = digest == self.play.asked.digest
        found = self.shown.file if own else self.branch.file(digest)
        return _FILE.validate_json(as_json(found))

    def events(self, start: int, end: int) -> list[bytes]:
        """Answer as the matcher's address does."""
        return list(self.shown.events[start:end])

    def _prove(self, first: int, second: int) -> list[bytes]:
        with suppress(IndexError):
            return self.branch.log.proof(first, second)
        return []


class Play:
    """One history: the matcher's logs, its clients, and which invariants were broken.

    ``signed`` are the messages that parties have really signed about the proposal, and when.
    """

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.now = NOW
        self.world = world(rng.randint(LEAST, MOST))
        self.asked = asked_of(len(self.world.agencies))
        self.signed = {digest_of(self.asked.content): NOW}
        self.contents = {digest_of(self.asked.content): self.asked.content}
        self.broken: set[str] = set()
        self.believed = 0
        self.branches = [_matcher(self.world)]
        self.branches[0].begin(self.asked.evidence, self.asked.content)
        parties = (*self.world.agencies, HUB, ANALYST)
        self.clients = [Client(own, self) for own in rng.sample(parties, 3)]

    def clock(self) -> datetime:
        return datetime.fromtimestamp(self.now, UTC)

    def enter(self, branch: InMemory, content: bytes, **changes: Any) -> None:
        """Put a message and its event into a log, whether or not it follows from the others."""
        kept = branch.kept[self.asked.digest]
        branch.now = self.now
        self.contents[digest_of(content)] = content
        kept.messages.append((content, branch.enter(content, kept, **changes)))
        with suppress(LinkageError):
            kept.case = history.advance(kept.case, content, "It")

    def sign_next(self, branch: InMemory) -> bytes | None:
        """Let somebody sign what may come next in a log; None if nothing may."""
        made = list(self._possible(branch.kept[self.asked.digest].case))
        if not made:
            return None
        content = self.rng.choice(made)
        self.signed[digest_of(content)] = self.now
        return content

    def _possible(self, case: history.Case) -> Iterator[bytes]:
        life, told = case.life, {"digest": self.asked.digest, "at": self.now}
        agencies = list(self.world.agencies)
        self.rng.shuffle(agencies)
        for own in agencies:
            if life.state == "proposed" and own.name not in life.approved | life.refused:
                yield made_up.approval(own, **told)
                break
        for own in agencies:
            if life.state in ("proposed", "approved") and own.name not in life.refused:
                if own.name not in life.approved and self.rng.random() < 0.4:
                    yield made_up.refusal(own, **told)
                break
        if life.state in ("approved", "released") and agencies[0].name not in life.released:
            yield made_up.release(agencies[0], **told)
        if life.state in ("released", "opened"):
            holders = [own for own in agencies if own.name in life.released]
            yield made_up.opening(*holders, **told)
            yield made_up.recall(holders[0], **told)
        if life.state == "recalled" and not life.returned:
            recalled = self.contents.get(case.recalls[0][0])
            if recalled is not None:
                yield made_up.giving_back(recalled, **told)

    def state_of(self, messages: list[str]) -> str | None:
        """Return the state to which messages (base64) lead; None if they don't hold together."""
        contents = [decode_base64(own, "it") for own in messages]
        with suppress(LinkageError):
            return self._replayed(contents).life.state
        return None

    def _replayed(self, contents: list[bytes]) -> history.Case:
        own = self.asked.evidence
        return history.replay(self.world.agreement, own, contents[0], contents[1:])

    def until(self, whole: InMemory, size: int) -> InMemory:
        """Return another log that begins with the first events of one."""
        part = _matcher(self.world, LyingLog(whole.log.entries[:size]), whole.now)
        kept = whole.kept[self.asked.digest]
        messages = [own for own in kept.messages if own[1] < size]
        case = history.open_case(self.world.agreement, kept.evidence, self.asked.content)
        for content, _ in messages[1:]:
            with suppress(LinkageError):
                case = history.advance(case, content, "It")
        part.kept[self.asked.digest] = Kept(case, kept.evidence, messages)
        return part

    def read(self, client: Client, shown: Shown) -> None:
        """Let a client read what it is shown, and judge what it believes."""
        client.shown = shown
        pinned = client.connection.log.pinned.pinned.size
        try:
            found = read_disclosure(client.office, self.asked.digest)
        except LinkageError:
            return
        self.believed += 1
        self._note(NEWEST=found.checkpoint.size >= pinned)
        self._judge(client, found, shown)

    def show(self, branch: InMemory) -> Shown:
        """Return the truth, as one of the logs has it."""
        log = tuple(branch.log.entries)
        return Shown(branch.file(self.asked.digest), log, log)

    def meet(self, one: Client, other: Client) -> None:
        """Let two clients tell each other which state of the log they have seen last."""
        if one.views and other.views:
            with suppress(LinkageError):
                one.connection.hold_against(other.connection.log.pinned.pinned_bytes)
                self._note(MEETING=_of_one_log(_longest(one), _longest(other)))

    def audit(self, chosen: Client) -> None:
        """Let an auditor verify the log of one client, which all are to have witnessed."""
        if not all(client.views for client in self.clients):
            return
        pinned = {client.own.name: client.connection.log.pinned for client in self.clients}
        lines = [
            pinned[client.own.name].cosign(witness_signer(client.connection.store), NOW)
            for client in self.clients
        ]
        keys = tuple(witness_key(client.own.public) for client in self.clients)
        state = pinned[chosen.own.name]
        head = BundleHead(LogKeys(LOG.verifier, keys), state.pinned_note.with_signatures(*lines))
        events = _longest(chosen)[: state.pinned.size]
        with suppress(LinkageError):
            trust = Trust(head.keys, len(keys))
            bundle = as_lines(b"".join(bundle_lines(head, events)))
            verify_bundle(iter(bundle), "the bundle", trust)
            self._note(WITNESS=all(own.pinned == state.pinned for own in pinned.values()))

    def _judge(self, client: Client, found: VerifiedFile, shown: Shown) -> None:
        log = shown.log[: found.checkpoint.size]
        about = dict(_about(log, self.asked.digest))
        entered = {leaf: own for leaf, own in about.items() if own.kind in EVENT_KINDS.values()}
        leaves = [entry.leaf for entry in found.entries]
        said = [_says(entered.get(entry.leaf), entry, self.asked) for entry in found.entries]
        late = [
            abs(entry.event.at.timestamp() - self.signed.get(entry.digest, 0))
            for entry in found.entries
        ]
        self._note(
            SIGNED=all(entry.digest in self.signed for entry in found.entries),
            LOGGED=shown.keyed and all(said),
            ORDER=leaves == sorted(set(leaves)),
            WHOLE=set(entered) <= set(leaves),
            END=self._ends(found, {own.kind for own in about.values()}),
            PROMPT=max(late) <= CLOCK_SECONDS,
            ONE=all(_of_one_log(log, view) for view in client.views),
        )
        client.views.append(log)

    def _ends(self, found: VerifiedFile, kinds: set[str]) -> bool:
        """Whether the state is where the messages lead, or the end that the log has."""
        state = found.case.life.state
        ended = {name for name in ENDS if f"disclosure.{name}" in kinds}
        if state in ENDS:
            return ended == {state} and (state != "expired" or self.now + CLOCK_SECONDS >= EXPIRES)
        contents = [self.contents[entry.digest] for entry in found.entries]
        with suppress(LinkageError):
            return not ended and self._replayed(contents).life.state == state
        return False

    def _note(self, **held: bool) -> None:
        self.broken |= {name for name, holds in held.items() if not holds}


def _about(log: Events, proposal: str) -> Iterator[tuple[int, Event]]:
    """Yield the events about a proposal, by leaf."""
    for leaf, data in enumerate(log):
        if proposal.encode() in data:
            event = _parsed(data)
            if event.digests.get("proposal") == proposal:
                yield leaf, event


@cache
def _parsed(data: bytes) -> Event:
    return parse_event(data)


def _says(event: Event | None, entry: Entry, asked: Asked) -> bool:
    """Whether an event says of a message what it is."""
    if event is None:
        return False
    digest = event.digests.get("message", asked.digest)
    return (event.kind, event.party, digest) == (
        EVENT_KINDS[entry.kind], entry.signer, entry.digest,
    )  # fmt: skip


def _of_one_log(one: Events, other: Events) -> bool:
    size = min(len(one), len(other))
    return one[:size] == other[:size]


def _longest(client: Client) -> Events:
    return max(client.views, key=len)
