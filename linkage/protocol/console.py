"""The link by which a party signs in to a matcher's console: signed, for a moment, for one use.

It lets its holder see what the party may see, and nothing more: whatever binds anybody is signed by
the party's client, never in a browser. Times are POSIX seconds.
"""

from __future__ import annotations

import re
from typing import Annotated, Self

from pydantic import ConfigDict, Field, TypeAdapter, model_validator
from pydantic.dataclasses import dataclass

from linkage.errors import VerificationError
from linkage.protocol.agreement import Agreement
from linkage.protocol.canonical import (
    canonical_json,
    decode_base64,
    encode_base64,
    parse_message,
)
from linkage.protocol.keys import Identity
from linkage.protocol.requests import CLOCK_SKEW, StaleError
from linkage.protocol.settings import settings
from linkage.protocol.signing import Digest, open_envelope, sign, verify_signed

KIND = "console-link"
ENTER = "/console/enter/"
"""Where links lead, from the matcher's address on."""
MOST_SECONDS = 120
"""How long a link is taken after it was signed."""
MOST_LENGTH = 8192
"""A link has fewer characters than that behind `ENTER`."""

_STRICT = ConfigDict(extra="forbid", strict=True)
_TEXT = re.compile(r"[A-Za-z0-9_-]+")
Seconds = Annotated[int, Field(ge=0, lt=2**53)]


@dataclass(frozen=True, config=_STRICT)
class ConsoleLink:
    """That a party wants to see, as a party of an agreement, what its matcher has.

    ``matcher`` is the matcher's address, so that a link for one is none for another; ``nonce`` is
    16 random bytes in hex; ``reason`` says why, for the log.
    """

    agreement: Digest
    matcher: Annotated[str, Field(pattern=r"^https?://[^/?#\s]{1,300}$")]
    created: Seconds
    expires: Seconds
    nonce: Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
    reason: Annotated[str, Field(min_length=1, max_length=1000)]

    @model_validator(mode="after")
    def _for_a_moment(self) -> Self:
        if not 0 < self.expires - self.created <= MOST_SECONDS:
            raise ValueError("it is taken for longer than a link may be, or never")
        return self


_LINK = TypeAdapter(ConsoleLink)


def sign_link(link: ConsoleLink, own: Identity) -> bytes:
    """Return the link, signed by the party that wants to sign in."""
    return sign(KIND, canonical_json(settings(link)), own)


def link_address(content: bytes, matcher: str) -> str:
    """Return the address that opens a signed link at a matcher."""
    return matcher + ENTER + encode_base64(content).translate(_TO_URL).rstrip("=")


def read_link(text: str) -> bytes:
    """Return the signed link that stands in an address behind `ENTER`.

    Raises `VerificationError` for what can't be one; nothing in it is verified.
    """
    if len(text) > MOST_LENGTH or not _TEXT.fullmatch(text):
        raise VerificationError("The link isn't whole; copy all of it, or make a new one.")
    padded = text.translate(_FROM_URL) + "=" * (-len(text) % 4)
    return decode_base64(padded, "The link")


def claims_of(content: bytes) -> tuple[str, str]:
    """Return which key a link says it is signed with, and for which agreement: both unverified."""
    key, payload = open_envelope(content, "The link")
    return key, _parsed(payload).agreement


def verify_link(
    content: bytes, agreement: Agreement, matcher: str, now: float
) -> tuple[str, ConsoleLink]:
    """Return who wants to sign in, and what they say; ``now`` is the matcher's time.

    Raises `VerificationError` (SPEC.md, The console, steps 1 to 8). That the nonce is new is for
    the caller to see.
    """
    # Steps 1 to 6 are those of every signed message; the parties' word counts.
    signed = verify_signed(content, "The link", KIND, agreement.identities)
    link = _parsed(signed.payload)
    # Step 7: it is for this agreement, at this matcher.
    if (link.agreement, link.matcher) != (agreement.digest(), matcher):
        raise VerificationError(
            "The link is for another agreement or another address of the matcher (step 7); make a "
            f"new one for {matcher}."
        )
    # Step 8: it is taken now.
    if not link.created - CLOCK_SKEW <= now <= link.expires + CLOCK_SKEW:
        raise StaleError(
            "The link isn't taken any more, or not yet (step 8); make a new one, and set the clock "
            "of the machine if that happens again."
        )
    return signed.signer, link


def _parsed(payload: bytes) -> ConsoleLink:
    return parse_message(_LINK, payload, "The payload of the link")


_TO_URL = str.maketrans("+/", "-_")
_FROM_URL = str.maketrans("-_", "+/")
