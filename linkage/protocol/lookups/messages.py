"""The messages of a lookup: what is asked, and what every other agency answers.

The request names its encoding by digest alone, so that every agency can verify what was asked
while only the matcher sees the encoding. Times are POSIX seconds.
"""

from __future__ import annotations

import hashlib
from typing import Annotated, Self

from pydantic import ConfigDict, Field, TypeAdapter, model_validator
from pydantic.dataclasses import dataclass

from linkage.errors import VerificationError
from linkage.protocol.agreement import Agreement
from linkage.protocol.canonical import canonical_json, parse_message
from linkage.protocol.keys import Identity, PublicIdentity
from linkage.protocol.settings import settings
from linkage.protocol.signing import Digest, PartyName, sign, verify_signed

REQUEST_KIND = "lookup-request"
ANSWER_KIND = "lookup-answer"

_STRICT = ConfigDict(extra="forbid", strict=True)
Seconds = Annotated[int, Field(ge=0, lt=2**53)]
Count = Annotated[int, Field(ge=1, lt=2**53)]
Base64 = Annotated[str, Field(max_length=1 << 16)]


@dataclass(frozen=True, config=_STRICT)
class Request:
    """That an agency asks who knows one person, and why.

    ``encoding`` is the SHA-256 of the person's encoding under the scheme of the digest ``scheme``.
    ``reference`` is the case or the meeting; ``necessity`` says why it takes a name. The answers
    are handed over at ``until``, all at once.
    """

    agreement: Digest
    epoch: Count
    scheme: Digest
    encoding: Digest
    fields: Annotated[tuple[PartyName, ...], Field(min_length=1)]
    purpose: PartyName
    reference: Annotated[str, Field(min_length=1, max_length=200)]
    necessity: Annotated[str, Field(min_length=1, max_length=1000)]
    at: Seconds
    until: Seconds

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if list(self.fields) != sorted(set(self.fields)):
            raise ValueError("fields are not in order, or one stands twice")
        if self.until <= self.at:
            raise ValueError("it ends before it begins")
        return self


@dataclass(frozen=True, config=_STRICT)
class Answer:
    """What an agency answers, whether or not it knows the person.

    ``request`` is the digest of the signed request; ``sealed`` the message to the asker, base64, of
    one size; ``decision`` the commitment to what was decided and why, which the agency keeps.
    """

    request: Digest
    at: Seconds
    decision: Digest
    sealed: Base64


_REQUEST = TypeAdapter(Request)
_ANSWER = TypeAdapter(Answer)


def sign_request(request: Request, own: Identity) -> bytes:
    """Return the request, signed by the agency that asks."""
    return sign(REQUEST_KIND, canonical_json(settings(request)), own)


def verify_request(content: bytes, source: str, agreement: Agreement) -> tuple[str, Request]:
    """Return who asks, and what; raises `VerificationError` (SPEC.md, Lookups, steps 1 to 7)."""
    signed = verify_signed(content, source, REQUEST_KIND, _agencies(agreement))
    request: Request = parse_message(_REQUEST, signed.payload, f"The payload of {source}")
    own = (agreement.digest(), agreement.agreement.epoch, agreement.scheme.digest())
    if (request.agreement, request.epoch, request.scheme) != own:
        raise VerificationError(
            f"{source} of {signed.signer!r} is for another agreement, epoch or scheme (step 7); "
            "ask again under the agreement in force."
        )
    return signed.signer, request


def sign_answer(answer: Answer, own: Identity) -> bytes:
    """Return the answer, signed by the agency that gives it."""
    return sign(ANSWER_KIND, canonical_json(settings(answer)), own)


def verify_answer(
    content: bytes, source: str, agreement: Agreement, asker: str, request: bytes
) -> tuple[str, Answer]:
    """Return who answers a signed request of ``asker``, and what; raises `VerificationError`."""
    others = [own for own in _agencies(agreement) if own.name != asker]
    signed = verify_signed(content, source, ANSWER_KIND, others)
    answer: Answer = parse_message(_ANSWER, signed.payload, f"The payload of {source}")
    if answer.request != digest_of(request):
        raise VerificationError(
            f"{source} of {signed.signer!r} answers another request (step 7); ask for it again."
        )
    return signed.signer, answer


def digest_of(content: bytes) -> str:
    """SHA-256, in hex, of a signed message as it was received."""
    return hashlib.sha256(content).hexdigest()


def other_agencies(agreement: Agreement, asker: str) -> list[str]:
    """Return who is asked, in order of their names."""
    return sorted(set(agreement.names("agency")) - {asker})


def _agencies(agreement: Agreement) -> list[PublicIdentity]:
    names = set(agreement.names("agency"))
    return [own for own in agreement.identities if own.name in names]
