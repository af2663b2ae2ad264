"""Protected people, such as the adopted: which of its own records an agency has marked.

The mark says nothing but that; why, only the agency knows. What counts is an agency's newest
message, which stands for all of its marks.
"""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import ConfigDict, Field, TypeAdapter, model_validator
from pydantic.dataclasses import dataclass

from linkage.errors import VerificationError
from linkage.protocol.agreement import Agreement
from linkage.protocol.canonical import canonical_json, parse_message
from linkage.protocol.disclosure.messages import Count, Seconds
from linkage.protocol.keys import Identity
from linkage.protocol.settings import settings
from linkage.protocol.signing import Digest, sign, verify_signed

PROTECTED_KIND = "protected-records"
MOST_PROTECTED = 100_000

Token = Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]


@dataclass(frozen=True, config=ConfigDict(extra="forbid", strict=True))
class ProtectedRecords:
    """All record tokens that an agency has marked, in order; none takes its marks back.

    ``at`` is POSIX seconds, so that an older message isn't taken for a newer one.
    """

    agreement: Digest
    epoch: Count
    at: Seconds
    tokens: Annotated[tuple[Token, ...], Field(max_length=MOST_PROTECTED)]

    @model_validator(mode="after")
    def _tokens_in_order(self) -> Self:
        if list(self.tokens) != sorted(set(self.tokens)):
            raise ValueError("tokens are not in order, or one stands twice")
        return self


_PROTECTED = TypeAdapter(ProtectedRecords)


def sign_protected(records: ProtectedRecords, own: Identity) -> bytes:
    """Return an agency's marks, signed."""
    return sign(PROTECTED_KIND, canonical_json(settings(records)), own)


def verify_protected(
    content: bytes, source: str, agreement: Agreement
) -> tuple[str, ProtectedRecords]:
    """Return whose marks these are, and which; raises `VerificationError`.

    Only agencies are heard, and only about this agreement and epoch.
    """
    agencies = [agreement.identity(name) for name in agreement.names("agency")]
    signed = verify_signed(content, source, PROTECTED_KIND, agencies)
    found = parse_message(_PROTECTED, signed.payload, f"The payload of {source}")
    if (found.agreement, found.epoch) != (agreement.digest(), agreement.agreement.epoch):
        raise VerificationError(f"{source} is about another agreement, version or epoch.")
    return signed.signer, found
