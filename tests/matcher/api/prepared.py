"""A matcher with something behind every address: runs, uploads in each state, open rounds."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import httpx2
import numpy as np
from pydantic import TypeAdapter

from linkage.audit.cosignature import cosign
from linkage.audit.notes import parse_note
from linkage.encodings import Encodings, read_encodings
from linkage.protocol.canonical import canonical_json
from linkage.protocol.keys import Identity
from linkage.protocol.lookups.messages import digest_of
from linkage.protocol.replies import parse_reply
from linkage.protocol.settings import settings
from linkage.protocol.standing import sign_agreement
from linkage.protocol.upload import UploadState, announcement_bytes
from matcher.lookups.rows import Lookup, add
from tests.linkage.protocol.agreements import AGREEMENT, ANALYST, parse, second
from tests.linkage.protocol.leaks import OVERRULED, PASSED
from tests.linkage.protocol.parties import CARE, HEALTH, POLICE
from tests.matcher.api import messages
from tests.matcher.api.disclosing import Telling, prepared_disclosures
from tests.matcher.api.serving import Caller, Matcher
from tests.matcher.api.test_log_routes import witness
from tests.matcher.api.test_run_routes import renamed, world_of
from tests.matcher.cohorts.worlds import Sealed, cohort_request, sealed_by
from tests.matcher.runs.matchers import Matcher as Runner
from tests.matcher.runs.matchers import never
from tests.matcher.test_cli import as_bytes
from tests.matcher.uploading import announcement, file_of, manifest

AGENCIES = (POLICE, CARE, HEALTH)
DIGEST = AGREEMENT.digest()
LEAKAGE = {"police": PASSED, "care": OVERRULED}
"""What the agencies tell of their leakage reports; health tells nothing."""
UNSIGNED = parse(second())
"""Another agreement, admitted and signed by the operator alone."""
PURPOSES = ("to abandon", "to commit", "to try")
_BASE = f"/v1/agreements/{DIGEST}"
_STATE = TypeAdapter(UploadState)


@dataclass
class World:
    """The matcher, the files of its agencies, and the ids of what it holds."""

    matcher: Matcher
    files: Mapping[str, bytes]
    runs: list[str] = field(default_factory=list)
    lookup: str = ""
    open: dict[str, UploadState] = field(default_factory=dict)
    """Uploads of the police by what they are for: ``to abandon``, ``to commit``, ``to try``."""
    disclosures: dict[str, str] = field(default_factory=dict)
    """Proposals by what they are for: ``to move``, ``to release``, ``to open``."""
    payload: Sealed = field(init=False)
    """What the police seals to the analyst in the first round; care's is committed."""
    cohort: str = ""

    def body(self, operation: str, own: Identity) -> bytes | None:
        """Return a body with which a party does an operation; None where there isn't one."""
        makers: dict[str, Callable[[], bytes]] = {
            "sign_agreement": lambda: sign_agreement(AGREEMENT, own),
            "commit_secret": lambda: messages.commitment(own),
            "send_secret": lambda: messages.envelope(own, HEALTH),
            "answer_round": lambda: messages.answers(own, 2),
            "announce_upload": lambda: announcement_bytes(announcement(self.files["to abandon"])),
            "put_part": lambda: self.files["to commit"],
            "commit_upload": lambda: manifest(self.open["to commit"], self.files["to commit"], own),
            "cosign": lambda: self._cosigned(own),
            "give_evidence": lambda: canonical_json({"clusters": [self._told.cluster()]}),
            "propose_disclosure": lambda: self._told.proposal(own),
            "move_disclosure": lambda: self._told.approval(self.disclosures["to move"], own),
            "send_sealed": lambda: self._told.sealed(self.disclosures["to release"], own),
            "protect_records": lambda: self._told.marks(own),
            "put_piece": lambda: self.payload.pieces[0],
            "commit_payload": lambda: canonical_json(settings(self.payload.body)),
            "pull_cohort": lambda: cohort_request(own, self.matcher.clock.seconds),
            "lodge_lookup": lambda: messages.lookup_body(own, self.matcher.clock.seconds),
            "answer_lookup": lambda: messages.lookup_answer(
                own, POLICE, self.matcher.clock.seconds
            ),
        }
        return makers[operation]() if operation in makers else None

    @property
    def _told(self) -> Telling:
        return Telling(self.matcher.services.disclosures, self.matcher.clock)

    def _cosigned(self, own: Identity) -> bytes:
        note = parse_note(self.matcher.services.ledger.checkpoint().to_bytes())
        signer = witness(own.name) if own in (POLICE, CARE) else witness("stranger", 99)
        return note.with_signatures(cosign(note, signer, 100)).to_bytes()


def prepared(matcher: Matcher, folder: Path, **worker: Any) -> World:
    """Lead a matcher to where every operation has something that it can be done with.

    A run of the first round is finished and another one waits; the police is sending to the second.
    ``worker`` are settings of the worker that has finished it.
    """
    matcher.admit()
    matcher.sign_all()
    matcher.admit(UNSIGNED)
    world = World(matcher, _files())
    _share_secret(matcher)
    _open_round(matcher, 1)
    for own in AGENCIES:
        _send(matcher.caller(own), 1, world.files[own.name])
    _run(matcher, folder, **worker)
    _open_round(matcher, 2)
    matcher.services.runs.queue(DIGEST)
    world.runs = [one.id for one in matcher.services.runs.all(DIGEST)]
    assert len(world.runs) == 2
    world.lookup = _lodge(matcher)
    for purpose in PURPOSES:
        world.open[purpose] = _announce(matcher.caller(POLICE), 2, world.files[purpose])
    world.disclosures = prepared_disclosures(matcher.services.disclosures, matcher.clock)
    _seal(world)
    part = f"{_BASE}/uploads/{world.open['to commit'].id}/parts/0"
    _done(matcher.caller(POLICE).put(part, world.files["to commit"]))
    return world


def _files() -> dict[str, bytes]:
    linked = zip(AGENCIES, world_of(len(AGENCIES)), strict=True)
    files = {own.name: as_bytes(_named(own.name, file)) for own, file in linked}
    return files | {name: file_of("police", 20, seed) for seed, name in enumerate(PURPOSES)}


def _named(agency: str, file: Encodings) -> Encodings:
    """Return a file in an agency's name, which names its leakage report."""
    own = renamed(file, agency)
    leakage = LEAKAGE[agency].report if agency in LEAKAGE else ""
    return replace(own, header=replace(own.header, leakage=leakage))


def _share_secret(matcher: Matcher) -> None:
    police = matcher.caller(POLICE)
    _done(police.put(f"{_BASE}/secret/commitment", messages.commitment(POLICE)))
    sealed = messages.envelope(POLICE, CARE)
    _done(police.put(f"{_BASE}/secret/envelopes/care", sealed))


def _open_round(matcher: Matcher, number: int) -> None:
    for own in AGENCIES:
        answers = messages.answers(own, number)
        _done(matcher.caller(own).put(f"{_BASE}/rounds/{number}/answers", answers))


def _send(caller: Caller, number: int, file: bytes) -> None:
    state = _announce(caller, number, file)
    _done(caller.put(f"{_BASE}/uploads/{state.id}/parts/0", file))
    own = caller.identity
    body = manifest(state, file, own, leakage=LEAKAGE.get(own.name))
    _done(caller.post(f"{_BASE}/uploads/{state.id}/commit", body))


def _announce(caller: Caller, number: int, file: bytes) -> UploadState:
    body = announcement_bytes(announcement(file))
    answer = _done(caller.post(f"{_BASE}/rounds/{number}/uploads", body))
    return parse_reply(_STATE, answer.content, "the answer")


def _run(matcher: Matcher, folder: Path, **settings: Any) -> None:
    services = matcher.services
    runner = Runner(services.database, folder, matcher.clock)
    own = {"open_upload": services.uploads.open_file, "objects": services.objects}
    worker = runner.worker(**own, **settings)
    # The report is a page of charts that nobody reads here.
    with patch("matcher.runs.linking.render", lambda *_: "<html>"):
        assert worker.run_next(never)


def _lodge(matcher: Matcher) -> str:
    """Store a lookup of the police: the agreement would let nobody ask for one now."""
    signed = messages.lookup_request(POLICE, matcher.clock.seconds)
    with matcher.services.database.writing() as connection:
        at, id_ = matcher.clock.seconds, digest_of(signed)
        found = Lookup(id_, DIGEST, "police", signed, at, at + 3600, "lodged", None)
        add(connection, found, messages.PERSON)
    return id_


def _seal(world: World) -> None:
    """Commit care's payload, send that of the police, and pull a cohort."""
    path = f"{_BASE}/rounds/1/payload/analyst"
    for own in (CARE, POLICE):
        file = read_encodings(io.BytesIO(world.files[own.name]), own.name)
        world.payload = sealed_by(AGREEMENT, own, np.unique(file.tokens, axis=0))
        caller = world.matcher.caller(own)
        _done(caller.put(f"{path}/pieces/0", world.payload.pieces[0]))
        if own is CARE:
            body = canonical_json(settings(world.payload.body))
            _done(caller.post(f"{path}/commit", body))
    asked = cohort_request(ANALYST, world.matcher.clock.seconds, reference="Another review")
    world.cohort = world.matcher.services.cohorts.pull(AGREEMENT, "analyst", asked).id


def _done(answer: httpx2.Response) -> httpx2.Response:
    assert answer.status_code < 300, answer.text
    return answer
