"""A matcher with three agencies that were linked, and lookups made without a client."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch

import httpx2
import numpy as np

from linkage.encodings import Encodings, GroupLayout
from linkage.protocol.canonical import canonical_json, decode_base64, encode_base64
from linkage.protocol.keys import Identity
from linkage.protocol.lookups.content import Decision, commit_decision, seal_answer
from linkage.protocol.lookups.messages import (
    Request,
    digest_of,
    sign_answer,
    sign_request,
    verify_request,
)
from linkage.protocol.lookups.record import EncodedPerson, person_bytes
from matcher.agreements.standings import Standings
from matcher.lookups.comparing import Comparing
from tests.linkage.protocol.agreements import changed, parse
from tests.linkage.protocol.parties import CARE, HEALTH, POLICE
from tests.matcher.api.serving import Matcher
from tests.matcher.runs.matchers import Matcher as Runner
from tests.matcher.runs.matchers import never
from tests.synthetic import make_world

AGENCIES = (CARE, HEALTH, POLICE)
LIMIT = 3
LOOKUPS = (
    ('name = "care"\nroles = ["agency"]', 'name = "care"\nroles = ["agency", "recipient"]'),
    ('name = "police"\nroles = ["agency"]', 'name = "police"\nroles = ["agency", "recipient"]'),
    ('recipients = ["hub"]', f'recipients = ["care", "police"]\nlookups_per_day = {LIMIT}'),
)
"""What the trial agreement has to say otherwise, for lookups to be allowed."""
AGREEMENT = parse(changed(*LOOKUPS))
PATH = f"/v1/agreements/{AGREEMENT.digest()}/lookups"
SALT = bytes(range(32))


def uploads(seed: int = 3, people: int = 150) -> tuple[dict[str, Encodings], dict[str, list[int]]]:
    """Return each agency's encodings, and whose each row is."""
    scheme = AGREEMENT.scheme
    layout = tuple(GroupLayout(group.name, group.length) for group in scheme.group)
    world = make_world(
        seed, agencies=3, people=people, digest=scheme.digest(), layout=layout, noise=0.05
    )
    files = {
        own.name: dataclasses.replace(
            file, header=dataclasses.replace(file.header, agency=own.name)
        )
        for own, file in zip(AGENCIES, world.files, strict=True)
    }
    whose = {
        name: [world.person[token.tobytes()] for token in file.tokens]
        for name, file in files.items()
    }
    return files, whose


def person_at(file: Encodings, row: int) -> EncodedPerson:
    """Return the person of a row as a lookup has them."""
    groups = tuple(
        file.bits[row, at].astype("<u8").tobytes()[: own.length // 8]
        for at, own in enumerate(file.header.layout)
    )
    return EncodedPerson(tuple(bool(own) for own in file.present[row]), groups)


@dataclass
class Asking:
    """The matcher, and what the agencies do."""

    matcher: Matcher
    folder: Path
    files: dict[str, Encodings]
    is_new: bool = True
    runner: Runner = field(init=False)
    comparing: Comparing = field(init=False)

    def __post_init__(self) -> None:
        services, clock = self.matcher.services, self.matcher.clock
        self.runner = Runner(services.database, self.folder, clock)
        self.comparing = Comparing(
            services.database, self.runner.objects, self.runner.open_upload,
            Standings(clock), clock,
        )  # fmt: skip
        if not self.is_new:
            return
        self.matcher.admit(AGREEMENT)
        self.matcher.sign_all(AGREEMENT)
        self.runner.open_round(AGREEMENT.digest(), 1)

    def link(self) -> None:
        for file in self.files.values():
            self.runner.commit(AGREEMENT.digest(), 1, file)
        with patch("matcher.runs.linking.render", lambda *_: "<html>"):
            assert self.runner.worker().run_next(never)

    def request(self, person: EncodedPerson, own: Identity = POLICE, **changes: Any):
        """Return a signed request and the encoding that it names."""
        encoding = person_bytes(AGREEMENT.scheme, person, SALT)
        now = self.matcher.clock.seconds
        said = {
            "agreement": AGREEMENT.digest(),
            "epoch": 1,
            "scheme": AGREEMENT.scheme.digest(),
            "encoding": digest_of(encoding),
            "fields": ("given_name", "surname"),
            "purpose": "safeguarding",
            "reference": "A meeting",
            "necessity": "A child is missing",
            "at": now,
            "until": now + 3600,
        }
        return sign_request(Request(**(said | changes)), own), encoding

    def lodge(self, request: bytes, encoding: bytes, own: Identity = POLICE) -> httpx2.Response:
        body = {"request": encode_base64(request), "encoding": encode_base64(encoding)}
        return self.matcher.caller(own).post(PATH, canonical_json(body))

    def asked(self, person: EncodedPerson, own: Identity = POLICE, **changes: Any) -> str:
        """Lodge a lookup; return its id."""
        answer = self.lodge(*self.request(person, own, **changes), own)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["id"])

    def compare(self) -> int:
        """Let the worker compare what waits; return how many lookups."""
        count = 0
        while self.comparing.compare_next():
            count += 1
        return count

    def listed(self, own: Identity) -> list[dict[str, Any]]:
        return list(self.matcher.caller(own).get(PATH).json()["lookups"])

    def shown(self, own: Identity, lookup: str) -> httpx2.Response:
        return self.matcher.caller(own).get(f"{PATH}/{lookup}")

    def answer_of(
        self, own: Identity, lookup: str, records=(), reason: str = "", **changes: Any
    ) -> bytes:
        """Return a signed answer to a lookup, for a test to send or change."""
        stored = json.loads(self.shown(own, lookup).content)["request"]
        signed = decode_base64(stored, "it")
        asker, request = verify_request(signed, "it", AGREEMENT)
        now = self.matcher.clock.seconds
        outcome = "released" if records else "refused" if reason else "nothing"
        commitment = commit_decision(SALT, Decision(lookup, now, outcome, len(records), reason))
        answer = seal_answer(AGREEMENT, asker, (signed, request), records, commitment, now, own)
        return sign_answer(dataclasses.replace(answer, **changes), own)

    def answer(self, own: Identity, lookup: str, content: bytes) -> httpx2.Response:
        return self.matcher.caller(own).post(f"{PATH}/{lookup}/answers", content)

    def events(self, kind: str = "lookup") -> list[Any]:
        return [event for event in self.runner.events() if event.kind.startswith(kind)]


def without(file: Encodings, row: int) -> Encodings:
    """Return the file without a row."""
    keep = np.arange(len(file)) != row
    return dataclasses.replace(
        file, tokens=file.tokens[keep], bits=file.bits[keep], present=file.present[keep]
    )
