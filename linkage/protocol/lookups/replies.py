"""What a matcher and an agency say to each other about lookups beside the signed messages.

Everything here has the same size and form for every agency, whether or not it knows the person.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from linkage.errors import VerificationError
from linkage.protocol.lookups.messages import Base64, Seconds
from linkage.protocol.signing import Digest, PartyName

MOST_MATCHES = 16
"""How many of its records an agency is told of at most, the likeliest."""
TOKEN_DIGITS = 32
_LENGTH = MOST_MATCHES * TOKEN_DIGITS
_STRICT = ConfigDict(extra="forbid", strict=True)

State = Literal["lodged", "closed"]
Matches = Annotated[
    str, Field(pattern=r"^([0-9a-f]{32})*-*$", min_length=_LENGTH, max_length=_LENGTH)
]


@dataclass(frozen=True, config=_STRICT)
class LookupBody:
    """What an asker sends: the signed request and the encoding that it names, both base64."""

    request: Base64
    encoding: Base64


@dataclass(frozen=True, config=_STRICT)
class LookupEntry:
    """A lookup at a glance; ``id`` is the digest of the signed request.

    ``answered`` says whether the caller has answered it.
    """

    id: Digest
    state: State
    asker: PartyName
    at: Seconds
    until: Seconds
    answered: bool


@dataclass(frozen=True, config=_STRICT)
class LookupList:
    """The open lookups of others, and the caller's own of whatever state, the newest first."""

    lookups: tuple[LookupEntry, ...]


@dataclass(frozen=True, config=_STRICT)
class EnteredEvent:
    """An event and where the log has it: all base64 but ``leaf``."""

    event: Base64
    leaf: Annotated[int, Field(ge=0, lt=2**53)]
    proof: tuple[Annotated[str, Field(max_length=64)], ...]


@dataclass(frozen=True, config=_STRICT)
class EnteredAnswer:
    """A signed answer, base64, and the event under which the log has it."""

    answer: Base64
    event: Base64
    leaf: Annotated[int, Field(ge=0, lt=2**53)]
    proof: tuple[Annotated[str, Field(max_length=64)], ...]

    @property
    def entered(self) -> EnteredEvent:
        """The event alone."""
        return EnteredEvent(self.event, self.leaf, self.proof)


@dataclass(frozen=True, config=_STRICT)
class LookupFile:
    """All that there is of a lookup for the caller.

    ``compared`` says that the newest run's records were compared. ``matches`` are the caller's own
    records that may be the person, see `matches_text`; the asker gets none. ``answers`` are there
    for the asker once it is closed, with the log's signed ``checkpoint``, base64, and the agency's
    own for every other. ``opened`` is the event that the asker was handed them, once it was.
    """

    state: State
    request: Base64
    compared: bool
    matches: Matches
    answers: tuple[EnteredAnswer, ...] = ()
    checkpoint: Base64 = ""
    opened: EnteredEvent | None = None


def matches_text(tokens: list[bytes]) -> str:
    """Return tokens (16 bytes each, the likeliest first) as text of one length."""
    digits = "".join(token.hex() for token in tokens[:MOST_MATCHES])
    return digits.ljust(_LENGTH, "-")


def parse_matches(text: str) -> list[str]:
    """Return the tokens, in hex, of what `matches_text` gives; raises `VerificationError`."""
    digits = text.rstrip("-")
    if len(text) != _LENGTH or len(digits) % TOKEN_DIGITS:
        raise VerificationError("The list of matching records isn't one; ask for it again.")
    return [digits[at : at + TOKEN_DIGITS] for at in range(0, len(digits), TOKEN_DIGITS)]
