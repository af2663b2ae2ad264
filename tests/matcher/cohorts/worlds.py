"""A matcher whose agencies have uploads behind a finished run, and send payload to the analyst.

::

    world = CohortWorld(services, clock)
    world.run({"ann": {"police": 1, "care": 1}})
    world.push(CARE)
    entry = world.pull()
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
from sqlalchemy import insert, select, update

from linkage.audit.events import Event, parse_event
from linkage.protocol.canonical import encode_base64
from linkage.protocol.cohort.messages import (
    CohortRequest,
    sign_cohort_request,
    sign_payload_manifest,
)
from linkage.protocol.cohort.payload import seal_payload
from linkage.protocol.cohort.people_map import PeopleMap, parse_map
from linkage.protocol.cohort.persons import person_ids
from linkage.protocol.cohort.replies import CohortEntry, PayloadCommit
from linkage.protocol.cohort.tables import ASSOCIATIONS, EVENTS, PayloadTables, people_schema
from linkage.pulled import VerifiedCohort, verify_cohort_file
from matcher.runs.chosen import ChosenUpload, RunInputs
from matcher.store.tables import committed_uploads, log_events, runs, uploads
from tests.linkage.audit.made_up import LOG
from tests.linkage.protocol.agreements import AGREEMENT, ANALYST
from tests.linkage.protocol.parties import CARE, HEALTH, POLICE
from tests.matcher.disclosures.worlds import World, token, tokens_of

AGENCIES = (POLICE, CARE, HEALTH)


@dataclass(frozen=True)
class Sealed:
    """What an agency sends: the pieces, the body that commits them, the manifest, the key."""

    pieces: list[bytes]
    body: PayloadCommit
    manifest: bytes
    tables: PayloadTables


@dataclass
class CohortWorld(World):
    """A world in which uploads of round 1 are committed."""

    tokens: dict[str, list[bytes]] = field(default_factory=dict)
    """By agency, the tokens of its upload: those of the run that was made last."""

    def __post_init__(self) -> None:
        super().__post_init__()
        with self.services.database.writing() as connection:
            for own in AGENCIES:
                put_upload(connection, self.digest, own.name, self.now)

    def run(self, people, **more) -> str:
        found = super().run(people, **more)
        self.tokens = {own.name: [] for own in AGENCIES}
        for name, held in people.items():
            for agency, count in held.items():
                own = [bytes.fromhex(token(one)) for one in tokens_of(name, agency, count)]
                self.tokens[agency] += own
        with self.services.database.writing() as connection:
            chosen = tuple(
                chosen_upload(own.name) for own in sorted(AGENCIES, key=lambda o: o.name)
            )
            values = {"inputs": RunInputs(chosen).content()}
            connection.execute(update(runs).where(runs.c.id == found).values(**values))
        return found

    def sealed(self, own, blinding: bytes = bytes([7]) * 32, events: int = 1) -> Sealed:
        tokens = np.frombuffer(b"".join(self.tokens[own.name]), np.uint8).reshape(-1, 16)
        return sealed_by(self.agreement, own, tokens, blinding, events)

    def put(self, own, sealed: Sealed) -> None:
        for number, piece in enumerate(sealed.pieces):
            self.services.payloads.put(self.agreement, own.name, (1, "analyst", number), piece)

    def commit(self, own, sealed: Sealed) -> bytes:
        return self.services.payloads.commit(self.agreement, own.name, 1, "analyst", sealed.body)

    def push(self, *owns) -> None:
        for own in owns:
            sealed = self.sealed(own)
            self.put(own, sealed)
            self.commit(own, sealed)

    def asked(self, **changes) -> bytes:
        return cohort_request(ANALYST, self.now, **changes)

    def pull(self, **changes) -> CohortEntry:
        return self.services.cohorts.pull(self.agreement, "analyst", self.asked(**changes))

    def verified(self, cohort: str) -> VerifiedCohort:
        file = self.services.cohorts.file(self.agreement, "analyst", cohort)
        return verify_cohort_file(file, "it", self.agreement, "analyst", LOG.verifier)

    def map(self, cohort: str) -> PeopleMap:
        content = self.services.cohorts.people_map(self.agreement, "analyst", cohort)
        assert hashlib.sha256(content).hexdigest() == self.verified(cohort).cohort.map
        return parse_map(content, "it")

    def objects(self) -> set[str]:
        """The keys of all objects but those of runs."""
        return {key for key in self.services.objects.list() if not key.startswith("runs/")}

    def run_events(self, kind: str) -> list[Event]:
        query = select(log_events.c.event).order_by(log_events.c.leaf)
        with self.services.database.reading() as connection:
            found = [parse_event(data) for data in connection.execute(query).scalars()]
        return [event for event in found if event.kind == kind]


def upload_id(agency: str) -> str:
    return token(f"upload {agency}")


def chosen_upload(agency: str) -> ChosenUpload:
    return ChosenUpload(agency, 1, 10, "ab" * 32, 100, upload_id(agency))


def put_upload(connection, digest: str, agency: str, now: int) -> None:
    """Store a committed upload as the service has it; its objects aren't there."""
    common = {"agreement": digest, "round": 1, "agency": agency}
    connection.execute(
        insert(uploads).values(
            id=upload_id(agency), state="committed", sha256="ab" * 32, size=100, part_size=100,
            opened=now, **common,
        )
    )  # fmt: skip
    connection.execute(
        insert(committed_uploads).values(
            upload=upload_id(agency), manifest=f"of {agency}".encode(), rows=10, leaf=0,
            committed=now, **common,
        )
    )  # fmt: skip


def sealed_by(agreement, own, tokens, blinding: bytes = bytes([7]) * 32, events: int = 1) -> Sealed:
    """What an agency seals to the analyst in round 1: all alike, and some events of the first."""
    people = [one.tobytes() for one in person_ids(blinding, tokens)]
    tables = PayloadTables(
        pa.table(
            {"person": people, "born": ["2011"] * len(people), "sex": ["f"] * len(people)},
            people_schema(["born", "sex"]),
        ),
        pa.table(
            {"person": people[:1] * events, "event": ["missing"] * events}
            | dict.fromkeys(EVENTS.names[2:], [None] * events),
            EVENTS,
        ),
        ASSOCIATIONS.empty_table(),
    )
    manifest, pieces = seal_payload(agreement, 1, "analyst", tables, blinding, own)
    signed = sign_payload_manifest(manifest, own)
    return Sealed(pieces, PayloadCommit(encode_base64(signed), blinding.hex()), signed, tables)


def cohort_request(own, now: int, **changes) -> bytes:
    """A request for a cohort, signed by a party."""
    values = {
        "agreement": AGREEMENT.digest(), "epoch": 1, "purpose": "safeguarding",
        "reference": "A review", "reason": "To see who is missing", "at": now,
    }  # fmt: skip
    return sign_cohort_request(CohortRequest(**(values | changes)), own)
