"""A matcher with finished runs made up cluster by cluster, and what its parties sign about them.

::

    world = World(services, clock)                  # the agreement is in force
    run = world.run({"ann": {"police": 1, "care": 1, "health": 1}})
    id_ = world.proposed("ann")
    world.approve(id_, POLICE, CARE)
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from sqlalchemy import insert, select

from linkage.audit.events import Event, parse_event
from linkage.protocol.agreement import Agreement
from linkage.protocol.canonical import decode_base64
from linkage.protocol.disclosure.history import Case, replay
from linkage.protocol.disclosure.messages import (
    Approval,
    Asked,
    Evidence,
    Opening,
    Proposal,
    Recall,
    Refusal,
    Return,
    digest_of,
    parse_signed,
    sign_message,
)
from linkage.protocol.disclosure.release import seal_release
from linkage.protocol.disclosure.replies import DisclosureFile, EvidenceRequest
from linkage.protocol.keys import Identity
from linkage.protocol.signing import verify_signed
from linkage.protocol.standing import sign_agreement
from matcher.app.building import Services
from matcher.disclosures.pseudonyms import key_of_run, pseudonym
from matcher.runs.finished import outcome_of
from matcher.store.tables import jobs, log_events, rounds, runs
from tests.linkage.protocol.agreements import AGREEMENT, ANALYST, ROLES
from tests.linkage.protocol.parties import MATCHER

DAY = 86_400
Held = Mapping[str, int | Sequence[str]]
"""By agency, how many records it holds of a person, or the names of the tokens."""


def token(name: str) -> str:
    """Return the token of a record, 32 hex digits, by whatever name a test has for it."""
    return hashlib.sha256(name.encode()).hexdigest()[:32]


@dataclass
class World:
    """A matcher's services, with an agreement in force."""

    services: Services
    clock: Any
    agreement: Agreement = AGREEMENT
    names: dict[str, dict[str, str]] = field(default_factory=dict)
    """By run, the pseudonyms of its clusters by the names that a test has for them."""

    def __post_init__(self) -> None:
        signed = {own.name: sign_agreement(self.agreement, own) for own in ROLES}
        self.services.admission.admit(self.agreement, signed)
        with self.services.database.writing() as connection:
            values = {"agreement": self.digest, "round": 1, "opened": 0}
            connection.execute(insert(rounds).values(**values))

    @property
    def digest(self) -> str:
        return self.agreement.digest()

    @property
    def now(self) -> int:
        return int(self.clock().timestamp())

    def run(
        self,
        people: Mapping[str, Held],
        *,
        probability: Mapping[str, float] | None = None,
        hints: Sequence[tuple[str, str, str, str]] = (),
        erased: Sequence[tuple[str, str]] = (),
    ) -> str:
        """Put a finished run of these clusters; return its id.

        ``hints`` are pairs of agency and token's name, twice; ``erased`` agency and token's name.
        """
        with self.services.database.reading() as connection:
            known = connection.execute(select(runs.c.id)).all()
        id_ = hashlib.sha256(f"run {len(known)}".encode()).hexdigest()[:32]
        rows = [
            (cluster_id(name), agency, token(own), (probability or {}).get(name, 0.99))
            for name, held in people.items()
            for agency, count in held.items()
            for own in tokens_of(name, agency, count)
        ]
        contents = {"clusters.parquet": _table(
            zip(*rows, strict=True), "cluster_id", "agency", "record_token", "probability"
        )}  # fmt: skip
        contents["hints.parquet"] = _table(
            zip(*[(a, token(b), c, token(d)) for a, b, c, d in hints], strict=True),
            "agency_a", "token_a", "agency_b", "token_b",
        )  # fmt: skip
        if erased:
            contents["tombstones.parquet"] = _table(
                zip(*[(a, token(b)) for a, b in erased], strict=True), "agency", "record_token"
            )
        self._store(id_, contents, len(known))
        key = key_of_run(self.services.database, self.digest, id_)
        self.names[id_] = {name: pseudonym(key, cluster_id(name)).hex() for name in people}
        return id_

    def _store(self, id_: str, contents: dict[str, bytes], number: int) -> None:
        folder = f"runs/{id_}/1"
        for path, content in contents.items():
            self.services.objects.put(f"{folder}/{path}", content)
        outcome = outcome_of(folder, contents, "0" * 32)
        with self.services.database.writing() as connection:
            connection.execute(
                insert(runs).values(
                    id=id_, agreement=self.digest, round=1, state="finished", inputs=b"{}",
                    outcome=outcome.content(), queued=number, ended=self.now,
                )
            )  # fmt: skip
            connection.execute(
                insert(jobs).values(
                    run=id_, state="ended", lease=1, attempts=1, cancelled=False, stage="writing",
                    done=1, total=1,
                )
            )  # fmt: skip

    def pseudonyms(self, *names: str) -> tuple[str, ...]:
        """Return the pseudonyms of clusters of the newest run, in order."""
        newest = list(self.names.values())[-1]
        return tuple(sorted(newest[name] for name in names))

    def evidence(self, *names: str, party: Identity = ANALYST) -> bytes:
        asked = EvidenceRequest(self.pseudonyms(*names))
        return self.services.disclosures.evidence(self.agreement, party.name, asked)

    def proposal(self, evidence: bytes, **changes: Any) -> Proposal:
        found = evidence_in(evidence, self.agreement)
        values: dict[str, Any] = {
            "agreement": self.digest,
            "epoch": 1,
            "evidence": digest_of(evidence),
            "clusters": tuple(Asked(own.cluster, "several") for own in found.clusters),
            "fields": ("given_name", "surname"),
            "recipients": ("hub",),
            "purpose": "safeguarding",
            "lawful_basis": "A law.",
            "reference": "MACE 12",
            "necessity": "Seen together with others at risk.",
            "proposed": self.now,
            "expires": self.now + 14 * DAY,
        }
        return Proposal(**(values | changes))

    def proposed(self, *names: str, party: Identity = ANALYST, **changes: Any) -> str:
        """Propose clusters of the newest run; return the disclosure's id."""
        made = self.proposal(self.evidence(*names, party=party), **changes)
        content = sign_message(made, party)
        return self.services.disclosures.propose(self.agreement, party.name, content).id

    def send(self, id_: str, party: Identity, content: bytes) -> Any:
        return self.services.disclosures.enter(
            self.agreement, party.name, id_, content, in_force=True
        )

    def approve(self, id_: str, *parties: Identity) -> None:
        for own in parties:
            self.send(id_, own, sign_message(Approval(id_, self.now), own))

    def refuse(self, id_: str, *parties: Identity) -> None:
        for own in parties:
            self.send(id_, own, sign_message(Refusal(id_, self.now, "Not necessary."), own))

    def release(self, id_: str, *parties: Identity) -> None:
        """Let holders release a value for every record that they are asked for."""
        for own in parties:
            message, sealed = self.released(id_, own)
            for recipient, content in sealed.items():
                self.services.disclosures.put_sealed(
                    self.agreement, own.name, id_, recipient, content
                )
            self.send(id_, own, message)

    def released(self, id_: str, own: Identity) -> tuple[bytes, dict[str, bytes]]:
        """Return a holder's signed release, and what is sealed to each recipient."""
        told = self.services.disclosures.holdings(self.agreement, own.name, id_)
        values = {"given_name": "Ann", "surname": f"of {own.name}"}
        clusters = {name: [values] * len(one.tokens) for name, one in told.clusters.items()}
        release, sealed = seal_release(self.case(id_), own, clusters, self.now)
        return sign_message(release, own), sealed

    def open(self, id_: str, party: Identity) -> None:
        released = self.case(id_).releases
        opened = {name: own.sealed[party.name] for name, own in released.items()}
        self.send(id_, party, sign_message(Opening(id_, self.now, opened), party))

    def recall(self, id_: str, party: Identity) -> bytes:
        lineage = {own.cluster: () for own in self.case(id_).proposal.clusters}
        content = sign_message(Recall(id_, self.now, "Two people after all.", lineage), party)
        self.send(id_, party, content)
        return content

    def give_back(self, id_: str, party: Identity) -> None:
        for recall, _ in self.case(id_).recalls:
            self.send(id_, party, sign_message(Return(id_, self.now, recall), party))

    def file(self, id_: str, party: Identity = MATCHER) -> DisclosureFile:
        return self.services.disclosures.file(self.agreement, party.name, id_)

    def case(self, id_: str) -> Case:
        """Return the case that anybody comes to who reads the file."""
        return case_in(self.agreement, self.file(id_))

    def state(self, id_: str) -> str:
        return self.file(id_).state

    def events(self) -> list[Event]:
        """Return the events about disclosures."""
        query = select(log_events.c.event).order_by(log_events.c.leaf)
        with self.services.database.reading() as connection:
            found = [parse_event(data) for data in connection.execute(query).scalars()]
        return [event for event in found if event.kind.startswith("disclosure.")]

    def kinds(self) -> list[str]:
        return [event.kind.removeprefix("disclosure.") for event in self.events()]


def cluster_id(name: str) -> str:
    return token(f"cluster {name}")[:16]


def tokens_of(name: str, agency: str, count: int | Sequence[str]) -> list[str]:
    if isinstance(count, int):
        return [f"{name} {agency} {number}" for number in range(count)]
    return list(count)


def evidence_in(content: bytes, agreement: Agreement = AGREEMENT) -> Evidence:
    matcher = agreement.identity("matcher")
    signed = verify_signed(content, "it", "cluster-evidence", [matcher])
    found: Evidence = parse_signed(signed, "it")
    return found


def case_in(agreement: Agreement, file: DisclosureFile) -> Case:
    entered = [decode_base64(own.message, "it") for own in file.entered]
    return replay(agreement, decode_base64(file.evidence, "it"), entered[0], entered[1:])


def _table(columns: Any, *names: str) -> bytes:
    found = list(columns)
    arrays = {
        name: pa.array(
            list(found[at]) if found else [],
            pa.float64() if name == "probability" else pa.string(),
        )
        for at, name in enumerate(names)
    }
    sink = io.BytesIO()
    pq.write_table(pa.table(arrays), sink)
    return sink.getvalue()
