"""What an agency seals to the asker: fields of its own records, or nothing, of one size either way.

What it has decided, and why, it keeps to itself. The answer commits to it, so that it can be shown
to an auditor later and not be made up then.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import ConfigDict, Field, TypeAdapter
from pydantic.dataclasses import dataclass

from linkage.errors import InputError, PolicyError, VerificationError
from linkage.protocol.agreement import Agreement
from linkage.protocol.canonical import (
    canonical_json,
    decode_base64,
    encode_base64,
    parse_message,
)
from linkage.protocol.keys import SEALING_OVERHEAD, SIGNATURE_BYTES, Identity
from linkage.protocol.lookups.messages import Answer, Request, Seconds, digest_of
from linkage.protocol.sealing import Context, open_sealed, require_sealed_for, seal, size_class
from linkage.protocol.signing import Digest, PartyName

CONTENT_KIND = "lookup-fields"
CONTENT_BYTES = 16_384 - SIGNATURE_BYTES - 8
"""The length of every content: as much as a sealed message of 16 KiB holds."""
SALT_BYTES = 32
_PREFIX = b"concord/1/lookup-decision\n"
_STRICT = ConfigDict(extra="forbid", strict=True)

Value = Annotated[str, Field(max_length=10_000)]
Fields = dict[PartyName, Value]
Outcome = Literal["released", "refused", "nothing", "undecided"]


@dataclass(frozen=True, config=_STRICT, repr=False)
class Content:
    """What is sealed: the fields of each record that is released, padded with spaces."""

    request: Digest
    records: tuple[Fields, ...]
    padding: Annotated[str, Field(pattern="^ *$")]

    def __repr__(self) -> str:
        return f"Content({len(self.records)} records)"


@dataclass(frozen=True, config=_STRICT)
class Decision:
    """What an agency decided about a request: how many ``records`` it released, and why not all.

    ``nothing`` says that none of its records matched, ``undecided`` that the answer was given
    before anybody looked. ``reason`` is empty where nothing was kept back.
    """

    request: Digest
    at: Seconds
    outcome: Outcome
    records: Annotated[int, Field(ge=0, lt=2**53)]
    reason: Annotated[str, Field(max_length=1000)]


_CONTENT = TypeAdapter(Content)


def commit_decision(salt: bytes, decision: Decision) -> str:
    """Return the commitment to a decision under 32 random bytes, 64 hex digits."""
    if len(salt) != SALT_BYTES:
        raise ValueError("a salt has 32 bytes")
    return hmac.new(salt, _PREFIX + _decision_bytes(decision), hashlib.sha256).hexdigest()


def verify_decision(commitment: str, salt: bytes, decision: Decision) -> None:
    """Raise `VerificationError` unless this is the decision that was committed to."""
    if len(salt) != SALT_BYTES or not hmac.compare_digest(
        commit_decision(salt, decision), commitment
    ):
        raise VerificationError("It isn't the decision that the answer was committed to.")


def seal_answer(
    agreement: Agreement,
    asker: str,
    asked: tuple[bytes, Request],
    records: Sequence[Fields],
    decision: str,
    now: int,
    own: Identity,
) -> Answer:
    """Return the answer to sign; ``asked`` is the signed request and what it says.

    Raises `PolicyError` where ``records`` have fields that weren't asked for, `InputError` where
    they are too much for the one size.
    """
    signed, request = asked
    if strange := sorted({name for row in records for name in row} - set(request.fields)):
        raise PolicyError(f"The fields {', '.join(strange)} weren't asked for; release none of it.")
    payload = _content_bytes(digest_of(signed), records)
    sealed = seal(agreement.identity(asker), _context(agreement), payload, own)
    return Answer(digest_of(signed), now, decision, encode_base64(sealed))


def open_answer(
    agreement: Agreement, agency: str, answer: Answer, request: Request, own: Identity
) -> tuple[Fields, ...]:
    """Return the fields of the records that ``agency`` released; raises `VerificationError`."""
    source = f"the answer of {agency!r}"
    sealed = decode_base64(answer.sealed, source)
    sender = agreement.identity(agency)
    payload = open_sealed(sealed, source, _context(agreement), sender, own)
    content: Content = parse_message(_CONTENT, payload, source)
    if content.request != answer.request or len(payload) != CONTENT_BYTES:
        raise VerificationError(f"In {source} is what answers another request; use none of it.")
    if {name for row in content.records for name in row} - set(request.fields):
        raise VerificationError(
            f"In {source} are fields that weren't asked for; use none of it, and tell {agency!r}."
        )
    return content.records


def require_answer_to(agreement: Agreement, agency: str, answer: Answer, asker: str) -> None:
    """Raise `VerificationError` unless an answer is sealed to the asker and of the one size.

    That is all that can be seen without the asker's key, and it is the same of all answers.
    """
    source = f"the answer of {agency!r}"
    sealed = decode_base64(answer.sealed, source)
    sender, recipient = agreement.identity(agency), agreement.identity(asker)
    require_sealed_for(sealed, source, _context(agreement), sender, recipient)
    ciphertext = sealed.split(b"\n", 2)[2]
    if len(ciphertext) - SEALING_OVERHEAD != size_class(CONTENT_BYTES):
        raise VerificationError(f"{source} hasn't the size that all answers have; seal it again.")


def _content_bytes(request: str, records: Sequence[Fields]) -> bytes:
    whole = {"padding": "", "records": [dict(row) for row in records], "request": request}
    left = CONTENT_BYTES - len(canonical_json(whole))
    if left < 0:
        raise InputError(
            f"These fields are {-left:,} bytes too long for an answer, which has one size; release "
            "fewer records."
        )
    return canonical_json({**whole, "padding": " " * left})


def _decision_bytes(decision: Decision) -> bytes:
    return canonical_json(
        {
            "at": decision.at,
            "outcome": decision.outcome,
            "reason": decision.reason,
            "records": decision.records,
            "request": decision.request,
        }
    )


def _context(agreement: Agreement) -> Context:
    return Context(
        agreement=agreement.digest(),
        epoch=agreement.agreement.epoch,
        round=0,
        kind=CONTENT_KIND,
        sequence=0,
    )
