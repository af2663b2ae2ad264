"""What agencies send about the secret and before a round, for the agreement of the tests."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

from linkage.protocol.agreement import Agreement
from linkage.protocol.handshake import Answers, sign_answers
from linkage.protocol.keys import Identity
from linkage.protocol.secret_messages import seal_secret, sign_commitment
from tests.linkage.protocol.agreements import AGREEMENT

MATERIAL = bytes(range(32))
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
