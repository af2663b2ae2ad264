"""The vectors that linkage/protocol/SPEC.md promises, and its worked example."""

import base64
import hashlib
import json
import re
from pathlib import Path

import numpy as np
import pytest

from linkage.audit.keys import parse_verifier_key
from linkage.errors import PolicyError, VerificationError
from linkage.protocol.agreement import parse_content
from linkage.protocol.cohort.messages import (
    verify_cohort,
    verify_cohort_request,
    verify_payload_manifest,
)
from linkage.protocol.cohort.persons import person_ids
from linkage.protocol.handshake import verify_answers
from linkage.protocol.keys import (
    Identity,
    OpeningKey,
    PublicIdentity,
    SigningKey,
    parse_sealing_key,
    parse_verifying_key,
)
from linkage.protocol.sealing import Context, open_sealed
from linkage.protocol.secret_messages import verify_commitment
from linkage.protocol.signing import sign, signed_bytes, verify_signed
from linkage.protocol.standing import verify_agreement_signature
from linkage.protocol.upload import verify_manifest
from linkage.receipts import verify_receipt
from tests.linkage.protocol.parties import POLICE

FOLDER = Path("tests/vectors/protocol")
CASES = {path.stem: path for path in sorted(FOLDER.glob("*.json"))}
SPEC = Path("linkage/protocol/SPEC.md").read_text(encoding="utf-8")


def identity(card):
    return PublicIdentity(
        card["name"],
        parse_verifying_key(card["signing_key"]),
        parse_sealing_key(card["sealing_key"]),
    )


def agreement(case):
    other = json.loads((FOLDER / case["agreement"]).read_text(encoding="utf-8"))
    return parse_content(other["content"].encode(), "the agreement")


def signed(case):
    signers = [identity(own) for own in case["signers"]]
    found = verify_signed(case["content"].encode(), "it", case["kind"], signers)
    assert found.payload.decode() == case["payload"]


def sealed(case):
    own = case["recipient"]
    recipient = Identity(
        own["name"],
        SigningKey(bytes.fromhex(own["signing_seed"])),
        OpeningKey(bytes.fromhex(own["opening_seed"])),
    )
    content = base64.b64decode(case["content"], validate=True)
    context, sender = Context(**case["context"]), identity(case["sender"])
    payload = open_sealed(content, "it", context, sender, recipient)
    assert payload.decode() == case["payload"]


def whole_agreement(case):
    content = case["content"].encode()
    assert parse_content(content, "it").digest() == case["digest"]
    assert hashlib.sha256(content).hexdigest() == case["digest"]


READERS = {
    "signed": signed,
    "sealed": sealed,
    "agreement": whole_agreement,
    "agreement-signature": lambda case: verify_agreement_signature(
        case["content"].encode(), "it", agreement(case)
    ),
    "commitment": lambda case: verify_commitment(case["content"].encode(), "it", agreement(case)),
    "answers": lambda case: verify_answers(case["content"].encode(), "it", agreement(case), 1),
    "manifest": lambda case: verify_manifest(case["content"].encode(), "it", agreement(case), 2),
    "receipt": lambda case: verify_receipt(
        case["content"].encode(),
        "it",
        agreement(case),
        case["agency"],
        parse_verifier_key(case["log"]),
    ),
    "payload-manifest": lambda case: verify_payload_manifest(
        case["content"].encode(), "it", agreement(case)
    ),
    "cohort-request": lambda case: verify_cohort_request(
        case["content"].encode(), "it", agreement(case)
    ),
    "cohort": lambda case: verify_cohort(case["content"].encode(), "it", agreement(case)),
}


@pytest.mark.parametrize("name", CASES)
def test_vectors(name):
    case = json.loads(CASES[name].read_text(encoding="utf-8"))
    expect = case["expect"]
    if expect["outcome"] == "accepted":
        READERS[case["document"]](case)
        return
    with pytest.raises((VerificationError, PolicyError)) as caught:
        READERS[case["document"]](case)
    assert expect["because"] in str(caught.value)
    step = re.search(r"\(step (\d)\)", str(caught.value))
    assert step is None or int(step[1]) == expect["step"]
    early = {"signed": 5, "manifest": 7, "payload-manifest": 7}.get(case["document"], 4)
    assert step is not None or expect["step"] <= early


def test_there_is_a_vector_for_every_step():
    found = {}
    for path in CASES.values():
        case = json.loads(path.read_text(encoding="utf-8"))
        found.setdefault(case["document"], set()).add(case["expect"].get("step", 0))
    assert found["signed"] == {0, 1, 2, 3, 4, 5, 6}
    assert found["sealed"] == {0, 1, 2, 3, 4, 5, 6}
    assert found["agreement"] == {0, 2, 3, 4}
    assert found["manifest"] == {0, 3, 4, 7}
    assert found["receipt"] == {0, 1, 2, 3, 4, 5}
    assert found["payload-manifest"] == {0, 4, 7}
    assert found["cohort-request"] == {0, 3, 4, 7}
    assert found["cohort"] == {0, 4, 7, 8}
    assert {0, 7} <= found["agreement-signature"] & found["commitment"] & found["answers"]


def test_the_worked_example_of_the_specification():
    key = SigningKey(bytes([11]) * 32).verifying_key
    assert key == POLICE.public.signing_key
    payload = b'{"what":"a payload"}'
    message = sign("example", payload, POLICE)
    for part in (
        str(key), key.fingerprint,
        signed_bytes("example", "police", key.fingerprint, payload).decode(), message.decode(),
        POLICE.public.fingerprint,
    ):  # fmt: skip
        assert part in SPEC


def test_the_id_of_a_person_in_the_specification():
    token = np.full((1, 16), 1, np.uint8)
    assert person_ids(bytes([7]) * 32, token).tobytes().hex() in SPEC
