"""What agencies send about the secret and before a round, for the agreement of the tests."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

from linkage.protocol.agreement import Agreement
from linkage.protocol.canonical import canonical_json, encode_base64
from linkage.protocol.handshake import Answers, sign_answers
from linkage.protocol.keys import Identity
from linkage.protocol.lookups.content import seal_answer
from linkage.protocol.lookups.messages import (
    Request,
    digest_of,
    sign_answer,
    sign_request,
    verify_request,
)
from linkage.protocol.lookups.record import EncodedPerson, person_bytes
from linkage.protocol.secret_messages import seal_secret, sign_commitment
from tests.linkage.protocol.agreements import AGREEMENT

MATERIAL = bytes(range(32))
PERSON = person_bytes(
    AGREEMENT.scheme,
    EncodedPerson(
        (True,) * len(AGREEMENT.scheme.group),
        tuple(bytes(group.length // 8) for group in AGREEMENT.scheme.group),
    ),
    bytes(32),
)
COMMITMENT = sha256(b"the commitment to it").hexdigest()


def commitment(own: Identity, agreement: Agreement = AGREEMENT, value: str = COMMITMENT) -> bytes:
    return sign_commitment(agreement, value, own)


def envelope(own: Identity, recipient: Identity, agreement: Agreement = AGREEMENT) -> bytes:
    return seal_secret(agreement, recipient.public, MATERIAL, own)


def answers(
    own: Identity, number: int = 1, agreement: Agreement = AGREEMENT, **changes: Any
) -> bytes:
    said = {
        "agreement": agreement.digest(),
        "epoch": agreement.agreement.epoch,
        "round": number,
        "scheme": agreement.scheme.digest(),
        "commitment": COMMITMENT,
        "answers": sha256(b"what all compute").hexdigest(),
        "versions": {"concord": "0.1.0"},
    }
    return sign_answers(Answers(**(said | changes)), own)


def lookup_request(own: Identity, at: int) -> bytes:
    """A signed request for what `PERSON` encodes."""
    request = Request(
        agreement=AGREEMENT.digest(),
        epoch=AGREEMENT.agreement.epoch,
        scheme=AGREEMENT.scheme.digest(),
        encoding=digest_of(PERSON),
        fields=("given_name", "surname"),
        purpose="safeguarding",
        reference="A meeting",
        necessity="A child is missing",
        at=at,
        until=at + 3600,
    )
    return sign_request(request, own)


def lookup_body(own: Identity, at: int) -> bytes:
    request = encode_base64(lookup_request(own, at))
    return canonical_json({"request": request, "encoding": encode_base64(PERSON)})


def lookup_answer(own: Identity, asker: Identity, at: int) -> bytes:
    signed = lookup_request(asker, at)
    _, request = verify_request(signed, "it", AGREEMENT)
    answer = seal_answer(AGREEMENT, asker.name, (signed, request), [], "ab" * 32, at, own)
    return sign_answer(answer, own)
