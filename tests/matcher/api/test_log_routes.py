"""The endpoints of the log."""

from __future__ import annotations

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from linkage.audit.checkpoint import open_checkpoint
from linkage.audit.cosignature import cosign, verify_cosignature
from linkage.audit.events import parse_event
from linkage.audit.keys import LogKeys, SignatureType, Signer
from linkage.audit.merkle import leaf_hash, verify_consistency, verify_inclusion
from linkage.audit.notes import parse_note
from linkage.audit.trusted_log import TrustedLog
from linkage.audit.verification import Trust, verify_bundle
from linkage.protocol.problems import parse_problem
from matcher.store.database import Database
from tests.linkage.audit.made_up import LOG
from tests.linkage.protocol.agreements import AGREEMENT, OFFICER
from tests.linkage.protocol.parties import CARE, POLICE, identity
from tests.matcher.api.serving import Matcher, running

# Whose seeds tests/linkage/protocol/parties.py gives.
SEEDS = {"police": 11, "care": 21}


def witness(name: str, seed: int | None = None) -> Signer:
    key = Ed25519PrivateKey.from_private_bytes(bytes([seed or SEEDS[name]]) * 32)
    return Signer(name, SignatureType.WITNESS, key)


def problem(answer) -> str:
    assert answer.status_code >= 400, answer.text
    return parse_problem(answer.content, "it")[0].name


@pytest.fixture(autouse=True)
def _events(matcher: Matcher) -> None:
    matcher.admit()
    matcher.sign_all()


def test_the_bundle_verifies_offline(matcher: Matcher):
    answer = matcher.caller(OFFICER).get("/v1/log/bundle")
    lines = iter(answer.content.splitlines(keepends=True))
    verified = verify_bundle(lines, "it", Trust(LogKeys(LOG.verifier), 0))
    assert verified.checkpoint.size == 8


def test_events_are_the_lines_of_the_bundle(matcher: Matcher):
    caller = matcher.caller(POLICE)
    whole = caller.get("/v1/log/bundle").content.splitlines()
    some = caller.get("/v1/log/events?start=2&end=5").content.splitlines()
    assert some == whole[-8:][2:5]
    assert caller.get("/v1/log/events?start=8&end=8").content == b""


@pytest.mark.parametrize("query", ["start=0&end=9", "start=5&end=2", "start=0&end=20000"])
def test_there_are_no_other_events(matcher: Matcher, query: str):
    assert problem(matcher.caller(POLICE).get(f"/v1/log/events?{query}")) == "invalid"


@pytest.mark.parametrize(
    "path",
    ["events?start=0", "events?start=x&end=1", "inclusion?leaf=-1&size=1", "inclusion",
     f"consistency?first=0&second={2**53}"],
)  # fmt: skip
def test_what_is_asked_for_is_numbers(matcher: Matcher, path: str):
    assert problem(matcher.caller(POLICE).get(f"/v1/log/{path}")) == "invalid"


def test_proofs_lead_to_the_checkpoint(matcher: Matcher):
    caller = matcher.caller(POLICE)
    now = open_checkpoint(caller.get("/v1/log/checkpoint").content, LOG.verifier)
    event = caller.get("/v1/log/events?start=3&end=4").content.rstrip(b"\n")
    path = caller.get(f"/v1/log/inclusion?leaf=3&size={now.size}").json()["proof"]
    hashes = [base64.b64decode(one) for one in path]
    verify_inclusion(leaf_hash(event), 3, now.size, hashes, now.root)
    assert parse_event(event).kind == "agreement.signed"


def test_consistency_between_any_two_sizes(matcher: Matcher):
    caller, ledger = matcher.caller(POLICE), matcher.services.ledger
    for first, second in ((1, 8), (3, 6), (7, 8), (8, 8), (0, 5)):
        answer = caller.get(f"/v1/log/consistency?first={first}&second={second}").json()
        hashes = [base64.b64decode(one) for one in answer["proof"]]
        roots = [
            open_checkpoint(ledger.checkpoint(size).to_bytes(), LOG.verifier).root
            for size in (first, second)
            if size not in (0, 7)  # no checkpoint was signed inside of a transaction
        ]
        if len(roots) == 2:
            verify_consistency(first, second, hashes, *roots)


def test_every_answer_proves_itself_from_what_is_pinned(matcher: Matcher):
    """The caller of the tests verifies every answer; here that it has something to verify."""
    caller = matcher.caller(POLICE)
    assert caller.trusted.pinned.size == 0
    caller.get("/v1/agreements")
    assert caller.trusted.pinned.size == 8
    caller.get("/v1/nothing")
    caller.trusted = TrustedLog(LOG.verifier, matcher.services.ledger.checkpoint(3).to_bytes())
    caller.get("/v1/log/checkpoint")
    assert caller.trusted.pinned.size == 8


def test_a_log_that_is_smaller_than_what_is_pinned_proves_nothing(matcher: Matcher):
    caller = matcher.caller(POLICE)
    request = caller.signed("GET", "/v1/agreements", pinned=9)
    answer = matcher.http.get(request.url, headers=request.headers)
    assert answer.status_code == 200
    assert "concord-checkpoint" in answer.headers
    assert "concord-consistency" not in answer.headers


def test_a_party_cosigns_what_it_has_seen(matcher: Matcher):
    caller = matcher.caller(POLICE)
    note = parse_note(caller.get("/v1/log/checkpoint").content)
    for time in (100, 200):
        line = cosign(note, witness("police"), time)
        answer = caller.post("/v1/log/cosignatures", note.with_signatures(line).to_bytes())
        assert answer.status_code == 204, answer.text
    found = parse_note(matcher.caller(CARE).get("/v1/log/checkpoint").content)
    statement = verify_cosignature(found, witness("police").verifier)
    assert statement is not None
    assert statement.time == 200


def test_a_cosignature_of_another_party_or_of_nobody_is_refused(matcher: Matcher):
    caller = matcher.caller(POLICE)
    note = parse_note(caller.get("/v1/log/checkpoint").content)
    for other in (witness("care"), witness("stranger", 99), witness("police", 99)):
        line = cosign(note, other, 100)
        answer = caller.post("/v1/log/cosignatures", note.with_signatures(line).to_bytes())
        assert problem(answer) == "refused"
    assert problem(caller.post("/v1/log/cosignatures", note.to_bytes())) == "refused"


def test_a_cosignature_must_fit_the_logs_own_checkpoint(matcher: Matcher):
    caller = matcher.caller(POLICE)
    note = parse_note(caller.get("/v1/log/checkpoint").content)
    line = cosign(note, witness("police"), 100)
    forged = note.text.replace("\n8\n", "\n3\n")
    content = str(note.with_signatures(line)).replace(note.text, forged).encode()
    assert problem(caller.post("/v1/log/cosignatures", content)) == "invalid"
    broken = line.signature[:-1] + bytes([line.signature[-1] ^ 1])
    content = note.with_signatures(type(line)(line.name, line.key_id, broken)).to_bytes()
    assert problem(caller.post("/v1/log/cosignatures", content)) == "unverified"
    assert problem(caller.post("/v1/log/cosignatures", b"nothing")) == "unverified"


def test_witnesses_of_one_name_do_not_displace_each_other(database: Database):
    """Two agreements may have a party of the same name with different keys."""
    from tests.linkage.protocol.agreements import changed, parse

    namesake = identity("police", 12)
    text = changed(
        ('id = "trial"', 'id = "other"'),
        (str(POLICE.public.signing_key), str(namesake.public.signing_key)),
        (str(POLICE.public.sealing_key), str(namesake.public.sealing_key)),
    )
    with running(database) as matcher:
        matcher.admit()
        matcher.admit(parse(text))
        note = matcher.services.ledger.checkpoint()
        cosigned = note.with_signatures(cosign(note, witness("police"), 100)).to_bytes()
        caller = matcher.caller(POLICE)
        assert caller.post("/v1/log/cosignatures", cosigned).status_code == 204
        other = note.with_signatures(cosign(note, witness("police", 12), 100)).to_bytes()
        assert problem(matcher.caller(namesake).post("/v1/log/cosignatures", other)) == "conflict"
    assert AGREEMENT.digest() != parse(text).digest()
