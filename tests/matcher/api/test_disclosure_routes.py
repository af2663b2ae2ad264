"""The endpoints of disclosures, over HTTP from the evidence to what is given back."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import TypeAdapter

from linkage.audit.checkpoint import verify_checkpoint
from linkage.audit.events import parse_event
from linkage.audit.merkle import leaf_hash, verify_inclusion
from linkage.audit.notes import parse_note
from linkage.protocol.canonical import canonical_json, decode_base64
from linkage.protocol.disclosure.messages import (
    Approval,
    Opening,
    Recall,
    Return,
    digest_of,
    sign_message,
)
from linkage.protocol.disclosure.release import (
    Revealed,
    open_release,
    seal_release,
    tokens_to_release,
)
from linkage.protocol.disclosure.replies import (
    ClusterPage,
    DisclosureEntry,
    DisclosureFile,
    Revelation,
)
from linkage.protocol.problems import parse_problem
from linkage.protocol.replies import parse_reply
from tests.linkage.audit.made_up import LOG
from tests.linkage.protocol.agreements import AGREEMENT, ANALYST, HUB, OFFICER
from tests.linkage.protocol.parties import CARE, HEALTH, MATCHER, POLICE
from tests.matcher.api.serving import Matcher
from tests.matcher.disclosures.worlds import World, case_in, token

BASE = f"/v1/agreements/{AGREEMENT.digest()}"
PEOPLE = {
    "ann": {"police": 1, "care": 1, "health": 1},
    "bob": {"police": 1, "care": 1, "health": 1},
    "eve": {"police": 1, "care": 1},
    "joe": {"health": 1},
}


class Asking:
    """Parties that ask a matcher with a finished run."""

    def __init__(self, matcher: Matcher) -> None:
        self.matcher = matcher
        self.world = World(matcher.services, matcher.clock)
        self.callers = {own: matcher.caller(own) for own in (POLICE, CARE, HEALTH, ANALYST, HUB)}
        self.callers |= {own: matcher.caller(own) for own in (MATCHER, OFFICER)}

    def get(self, own, path: str, kind: Any = None) -> Any:
        answer = self.callers[own].get(BASE + path)
        if kind is None:
            return answer
        assert answer.status_code == 200, answer.text
        return parse_reply(TypeAdapter(kind), answer.content, "the answer")

    def post(self, own, path: str, body: bytes) -> Any:
        return self.callers[own].post(BASE + path, body)

    def put(self, own, path: str, body: bytes) -> Any:
        return self.callers[own].put(BASE + path, body)

    def propose(self, *names: str, own=ANALYST, **changes) -> str:
        clusters = list(self.world.pseudonyms(*names))
        answer = self.post(own, "/evidence", canonical_json({"clusters": clusters}))
        assert answer.status_code == 200, answer.text
        content = sign_message(self.world.proposal(answer.content, **changes), own)
        assert entry(self.post(own, "/disclosures", content)).id == digest_of(content)
        return digest_of(content)

    def move(self, own, id_: str, message) -> DisclosureEntry:
        return entry(self.post(own, f"/disclosures/{id_}/messages", sign_message(message, own)))

    def approve(self, id_: str, *owns) -> None:
        for own in owns:
            self.move(own, id_, Approval(id_, self.now))

    def release(self, id_: str, own) -> None:
        """Release as a client does, from nothing but what it verifies itself."""
        case = case_in(AGREEMENT, self.get(own, f"/disclosures/{id_}", DisclosureFile))
        told = self.get(own, f"/disclosures/{id_}/holdings", Revelation)
        revealed = {
            name: Revealed(bytes.fromhex(one.salt), tuple(map(bytes.fromhex, one.tokens)))
            for name, one in told.clusters.items()
        }
        tokens = tokens_to_release(case, own.name, revealed, self.now)
        fields = {
            name: [{"surname": own_token.hex()} for own_token in found]
            for name, found in tokens.items()
        }
        release, sealed = seal_release(case, own, fields, self.now)
        for recipient, content in sealed.items():
            path = f"/disclosures/{id_}/sealed/{recipient}"
            assert self.put(own, path, content).status_code == 204
        self.move(own, id_, release)

    @property
    def now(self) -> int:
        return self.matcher.clock.seconds


@pytest.fixture
def asking(matcher: Matcher) -> Asking:
    asking = Asking(matcher)
    asking.world.run(PEOPLE)
    return asking


def entry(answer) -> DisclosureEntry:
    assert answer.status_code == 200, answer.text
    return parse_reply(TypeAdapter(DisclosureEntry), answer.content, "the answer")


def problem(answer) -> tuple[int, str]:
    return answer.status_code, parse_problem(answer.content, "the answer")[0].name


def test_a_whole_disclosure(asking):
    page = asking.get(ANALYST, "/clusters", ClusterPage)
    assert [own.cluster for own in page.clusters] == list(
        asking.world.pseudonyms("ann", "bob", "eve")
    )
    id_ = asking.propose("ann", "bob")
    asking.approve(id_, POLICE, CARE)
    for own in (POLICE, CARE, HEALTH):
        asking.release(id_, own)
    case = case_in(AGREEMENT, asking.get(HUB, f"/disclosures/{id_}", DisclosureFile))
    opened = {}
    for own in (POLICE, CARE, HEALTH):
        sealed = asking.get(HUB, f"/disclosures/{id_}/sealed/{own.name}")
        assert sealed.status_code == 200
        found = open_release(case, own.name, sealed.content, HUB)
        ann, bob = asking.world.pseudonyms("ann"), asking.world.pseudonyms("bob")
        assert found[ann[0]] == ({"surname": token(f"ann {own.name} 0")},)
        assert found[bob[0]] == ({"surname": token(f"bob {own.name} 0")},)
        opened[own.name] = digest_of(sealed.content)
    assert asking.move(HUB, id_, Opening(id_, asking.now, opened)).state == "opened"
    recall = Recall(id_, asking.now, "Two people.", {asking.world.pseudonyms("ann")[0]: ()})
    told = asking.move(POLICE, id_, recall)
    assert (told.state, told.outstanding) == ("recalled", ("hub",))
    returned = Return(id_, asking.now, digest_of(sign_message(recall, POLICE)))
    assert asking.move(HUB, id_, returned).outstanding == ()
    assert asking.world.kinds() == [
        "proposed", "approved", "approved", "released", "released", "released", "opened",
        "recalled", "returned",
    ]  # fmt: skip


def test_the_file_proves_that_the_log_has_every_message(asking):
    id_ = asking.propose("ann")
    asking.approve(id_, POLICE)
    file = asking.get(OFFICER, f"/disclosures/{id_}", DisclosureFile)
    note = parse_note(decode_base64(file.checkpoint, "it"))
    checkpoint = verify_checkpoint(note, LOG.verifier)
    assert len(file.entered) == 2
    for own in file.entered:
        event = decode_base64(own.event, "it")
        proof = [decode_base64(one, "it") for one in own.proof]
        leaf = leaf_hash(event)
        verify_inclusion(leaf, own.leaf, checkpoint.size, proof, checkpoint.root)
    events = [parse_event(decode_base64(own.event, "it")) for own in file.entered]
    messages = [digest_of(decode_base64(own.message, "it")) for own in file.entered]
    evidence = digest_of(decode_base64(file.evidence, "it"))
    assert [event.digests for event in events] == [
        {"proposal": id_, "evidence": evidence}, {"proposal": id_, "message": messages[1]},
    ]  # fmt: skip
    assert [event.party for event in events] == ["analyst", "police"]
    assert {event.counts["clusters"] for event in events} == {1}
