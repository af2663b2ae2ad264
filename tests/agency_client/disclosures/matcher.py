"""A matcher in memory that holds signed messages and a log, tells the truth, or is made to lie.

It stands where the network would be: `answer` takes the requests that a client's connection sends.
Every lie is a function that a test puts in; what was handed in stands in `received`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import httpx2

from linkage.audit.events import AgreementReference, Event, event_bytes
from linkage.audit.merkle import leaf_hash
from linkage.errors import LinkageError, MissingError, NotReadyError
from linkage.protocol.agreement import Agreement
from linkage.protocol.canonical import decode_base64, encode_base64, parse_json
from linkage.protocol.disclosure.commitment import commit_tokens
from linkage.protocol.disclosure.history import Case, advance, open_case, supersede
from linkage.protocol.disclosure.messages import (
    ClusterEvidence,
    Evidence,
    Holding,
    digest_of,
    sign_message,
)
from linkage.protocol.keys import Identity
from linkage.protocol.problems import MEDIA_TYPE, problem_bytes, problem_of
from linkage.protocol.requests import (
    CHECKPOINT,
    CONSISTENCY,
    PINNED,
    SIGNATURE_INPUT,
    checkpoint_value,
    consistency_value,
    parse_signature_input,
)
from tests.linkage.audit.made_up import LyingLog

KINDS = {
    "disclosure-proposal": "disclosure.proposed", "disclosure-approval": "disclosure.approved",
    "disclosure-refusal": "disclosure.refused", "disclosure-release": "disclosure.released",
    "disclosure-opening": "disclosure.opened", "disclosure-recall": "disclosure.recalled",
    "disclosure-return": "disclosure.returned",
}  # fmt: skip
SALT = bytes(range(32))
Holdings = dict[str, dict[str, tuple[bytes, ...]]]
"""By cluster, by agency, its tokens."""


@dataclass(frozen=True)
class Ask:
    """A request: who asks, the body, the query, and what stands in the path."""

    caller: str
    body: bytes
    query: dict[str, str]
    places: tuple[str, ...]

    @property
    def digest(self) -> str:
        return self.places[0]

    @property
    def party(self) -> str:
        return self.places[1]


def untouched(value: Any) -> Any:
    return value


@dataclass
class Kept:
    """A disclosure as the matcher keeps it: its messages and where the log has each."""

    case: Case
    evidence: bytes
    messages: list[tuple[bytes, int]]
    state: str | None = None
    successor: str | None = None


@dataclass
class InMemory:
    """The matcher; ``lies`` are by what they change: file, holdings, sealed, evidence, log."""

    agreement: Agreement
    own: Identity
    holdings: Holdings
    now: int
    probability: float = 0.97
    protected: frozenset[str] = frozenset()
    household: dict[str, tuple[str, ...]] = field(default_factory=dict)
    kept: dict[str, Kept] = field(default_factory=dict)
    evidence: dict[str, bytes] = field(default_factory=dict)
    sealed: dict[tuple[str, str, str], bytes] = field(default_factory=dict)
    log: LyingLog = field(default_factory=lambda: LyingLog([]))
    received: list[str] = field(default_factory=list)
    marks: dict[str, bytes] = field(default_factory=dict)
    lies: dict[str, Callable[[Any], Any]] = field(default_factory=dict)

    def answer(self, request: httpx2.Request) -> httpx2.Response:
        """Answer a request as a matcher would over HTTP."""
        try:
            status, content = 200, self._routed(request)
        except LinkageError as error:
            problem = problem_of(error)
            status, content = problem.status, problem_bytes(problem, str(error))
        headers = self._state(int(request.headers[PINNED]))
        if status != 200:
            headers["content-type"] = MEDIA_TYPE
        return httpx2.Response(status, headers=headers, content=content)

    def enter(self, content: bytes, kept: Kept, **changes: Any) -> int:
        """Put a message's event in the log and return its leaf; ``changes`` make it a lie."""
        envelope = parse_json(content, "it")
        case, kind = kept.case, KINDS[envelope["kind"]]
        digests = {"proposal": case.digest, "message": digest_of(content)}
        if kind == "disclosure.proposed":
            digests = {"proposal": case.digest, "evidence": digest_of(kept.evidence)}
        said = self._said(content)
        necessity = case.proposal.necessity
        needs = kind in ("disclosure.proposed", "disclosure.released", "disclosure.opened")
        terms = self.agreement.agreement
        made = {
            "kind": kind,
            "at": datetime.fromtimestamp(self.now, UTC),
            "party": envelope["signer"],
            "agreement": AgreementReference(self.agreement.digest(), terms.id, terms.version),
            "purpose": "safeguarding",
            "lawful_basis": "A law.",
            "counts": {"clusters": len(case.proposal.clusters)},
            "digests": digests,
            "recipients": case.proposal.recipients if kind == "disclosure.released" else (),
            "justification": said.get("reason") or (necessity if needs else ""),
        }
        return self.append(event_bytes(Event(**(made | changes))))

    def append(self, data: bytes) -> int:
        """Append an event to the log."""
        self.log.entries.append(data)
        self.log.tree.append(leaf_hash(data))
        return len(self.log.entries) - 1

    def take(self, digest: str, content: bytes) -> None:
        """Enter a message as an honest matcher does."""
        kept = self.kept[digest]
        kept.case = advance(kept.case, content, "The message")
        kept.messages.append((content, self.enter(content, kept)))

    def end(self, digest: str, state: str, party: str) -> None:
        """End a disclosure by what is no message: time, or another proposal."""
        kept = self.kept[digest]
        kept.state = state
        content = kept.messages[0][0]
        changes = {"kind": f"disclosure.{state}", "party": party, "justification": "It is over."}
        self.enter(content, kept, **changes)

    def begin(self, evidence: bytes, proposal: bytes) -> str:
        """Enter a proposal as an honest matcher does."""
        case = open_case(self.agreement, evidence, proposal)
        if case.digest in self.kept:
            return case.digest
        if earlier := case.proposal.supersedes:
            old = self.kept[earlier]
            supersede(old.case, case)
            old.state, old.successor = "superseded", case.digest
            self.end(earlier, "superseded", case.proposer)
        kept = Kept(case, evidence, [])
        self.kept[case.digest] = kept
        kept.messages.append((proposal, self.enter(proposal, kept)))
        return case.digest

    def evidence_on(self, clusters: list[str]) -> bytes:
        """Sign evidence on some clusters."""
        found = Evidence(
            self.agreement.digest(),
            self.agreement.agreement.epoch,
            "a" * 32,
            "b" * 64,
            tuple(self._cluster(name) for name in clusters),
        )
        signed = sign_message(self._lie("evidence", found), self.own)
        self.evidence[digest_of(signed)] = signed
        return signed

    def _cluster(self, name: str) -> ClusterEvidence:
        holders = tuple(
            Holding(agency, len(tokens), commit_tokens(SALT, name, agency, tokens))
            for agency, tokens in sorted(self.holdings[name].items())
        )
        hints = self.household.get(name, ())
        return ClusterEvidence(name, self.probability, holders, name in self.protected, hints)

    def _routed(self, request: httpx2.Request) -> bytes:
        """Find who asks for what, and answer."""
        body = request.content
        signed = request.headers[SIGNATURE_INPUT]
        key = parse_signature_input(signed, has_body=bool(body)).key
        caller = next(
            own.name for own in self.agreement.identities if own.signing_key.fingerprint == key
        )
        path = request.url.path.removeprefix(f"/v1/agreements/{self.agreement.digest()}")
        if request.method != "GET":
            self.received.append(f"{request.method} {path}")
        for method, pattern, act in (
            ("GET", r"/signatures", self._signatures),
            ("GET", r"/clusters", self._clusters),
            ("POST", r"/evidence", self._evidence),
            ("POST", r"/disclosures", self._propose),
            ("GET", r"/disclosures", self._list),
            ("GET", r"/disclosures/([0-9a-f]{64})", self._file),
            ("POST", r"/disclosures/([0-9a-f]{64})/messages", self._move),
            ("GET", r"/disclosures/([0-9a-f]{64})/holdings", self._holdings),
            ("PUT", r"/disclosures/([0-9a-f]{64})/sealed/([a-z]+)", self._deposit),
            ("GET", r"/disclosures/([0-9a-f]{64})/sealed/([a-z]+)", self._sealed),
            ("PUT", r"/protected", self._protect),
            ("GET", r"/v1/log/consistency", self._consistency),
            ("GET", r"/v1/log/events", self._events),
            ("POST", r"/v1/log/cosignatures", lambda _: b""),
        ):
            found = re.fullmatch(pattern, path)
            if found and method == request.method:
                return act(Ask(caller, body, dict(request.url.params), found.groups()))
        raise MissingError(f"no {path}")

    def _state(self, pinned: int) -> dict[str, str]:
        size = len(self.log.entries)
        headers = {CHECKPOINT: checkpoint_value(self.log.note(size, ()).to_bytes())}
        if pinned <= size:
            proof = self.log.proof(pinned, size) if pinned else []
            headers[CONSISTENCY] = consistency_value(pinned, size, proof)
        return headers

    def _consistency(self, ask: Ask) -> bytes:
        first, second = int(ask.query["first"]), int(ask.query["second"])
        hashes = [encode_base64(own) for own in self.log.proof(first, second)]
        return as_json({"first": first, "second": second, "proof": hashes})

    def _events(self, ask: Ask) -> bytes:
        start, end = int(ask.query["start"]), int(ask.query["end"])
        return b"".join(event + b"\n" for event in self._lie("events", self.log.entries[start:end]))

    def _signatures(self, _: Ask) -> bytes:
        return as_json({"signed": [], "missing": [], "state": "in force"})

    def _clusters(self, ask: Ask) -> bytes:
        names = [name for name in sorted(self.holdings) if name > ask.query.get("after", "")]
        found = [
            {"cluster": name, "agencies": sorted(self.holdings[name]), "records": 3,
             "probability": self.probability, "rules": ["several"]}
            for name in names[:2]
        ]  # fmt: skip
        page = {"run": "a" * 32, "clusters": found, "more": len(names) > 2}
        return as_json(self._lie("clusters", page))

    def _evidence(self, ask: Ask) -> bytes:
        return self.evidence_on(json.loads(ask.body)["clusters"])

    def _propose(self, ask: Ask) -> bytes:
        evidence = self.evidence[self._said(ask.body)["evidence"]]
        return as_json(self._entry(self.begin(evidence, ask.body)))

    def _entry(self, digest: str) -> dict[str, Any]:
        kept = self.kept[digest]
        case, life = kept.case, kept.case.life
        return {
            "id": digest, "state": kept.state or life.state, "proposer": case.proposer,
            "purpose": case.proposal.purpose, "proposed": case.proposal.proposed,
            "expires": case.proposal.expires, "clusters": len(case.proposal.clusters),
            "approvals": len(life.approved), "refusals": len(life.refused),
            "quorum": life.terms.quorum, "outstanding": sorted(life.outstanding),
        }  # fmt: skip

    def _list(self, _: Ask) -> bytes:
        return as_json({"disclosures": [self._entry(digest) for digest in reversed(self.kept)]})

    def _file(self, ask: Ask) -> bytes:
        return as_json(self._lie("file", self.file(ask.digest)))

    def file(self, digest: str) -> dict[str, Any]:
        """Return the true file of a disclosure, as JSON."""
        if digest not in self.kept:
            raise MissingError("There is no such disclosure.")
        kept = self.kept[digest]
        return {
            "state": kept.state or kept.case.life.state,
            "evidence": encode_base64(kept.evidence),
            "entered": [self.entered(content, leaf) for content, leaf in kept.messages],
            "checkpoint": encode_base64(self.log.note(None, ()).to_bytes()),
            "successor": kept.successor,
        }

    def entered(self, content: bytes, leaf: int) -> dict[str, Any]:
        """Return a message with its event and its proof, as JSON."""
        proof = self.log.tree.inclusion_proof(leaf, len(self.log.entries))
        return {
            "message": encode_base64(content),
            "event": encode_base64(self.log.entries[leaf]),
            "leaf": leaf,
            "proof": [encode_base64(own) for own in proof],
        }

    def _move(self, ask: Ask) -> bytes:
        self.take(ask.digest, ask.body)
        return as_json(self._entry(ask.digest))

    def _holdings(self, ask: Ask) -> bytes:
        case = self.kept[ask.digest].case
        if case.life.state == "proposed":
            raise NotReadyError("It isn't approved yet.")
        found = {
            own.cluster: {
                "salt": SALT.hex(),
                "tokens": [token.hex() for token in self.holdings[own.cluster][ask.caller]],
            }
            for own in case.proposal.clusters
            if ask.caller in self.holdings[own.cluster]
        }
        return as_json(self._lie("holdings", {"clusters": found}))

    def _deposit(self, ask: Ask) -> bytes:
        self.sealed[ask.digest, ask.caller, ask.party] = ask.body
        return b""

    def _sealed(self, ask: Ask) -> bytes:
        return self._lie("sealed", self.sealed[ask.digest, ask.party, ask.caller])

    def _protect(self, ask: Ask) -> bytes:
        self.marks[ask.caller] = ask.body
        return b""

    def _said(self, content: bytes) -> dict[str, Any]:
        return json.loads(decode_base64(parse_json(content, "it")["payload"], "it"))

    def _lie(self, about: str, truth: Any) -> Any:
        return self.lies.get(about, untouched)(truth)


def as_json(value: Any) -> bytes:
    return json.dumps(value).encode()
