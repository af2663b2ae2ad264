"""What a matcher answers about agreements, their secret and their rounds, as JSON."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, TypeVar

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from linkage.errors import VerificationError
from linkage.protocol.canonical import parse_json
from linkage.protocol.sections.party import Role
from linkage.protocol.signing import Digest, PartyName
from linkage.protocol.standing import State

_STRICT = ConfigDict(extra="forbid", strict=True)
_Reply = TypeVar("_Reply")
Size = Annotated[int, Field(ge=0, lt=2**53)]
Hash = Annotated[str, Field(pattern=r"^[A-Za-z0-9+/]{43}=$")]
Version = Annotated[int, Field(ge=1, le=1_000_000)]


@dataclass(frozen=True, config=_STRICT)
class AgreementEntry:
    """An admitted agreement, how it stands today, and the caller's place in it."""

    digest: Digest
    id: PartyName
    version: Version
    epoch: Version
    title: str
    state: State
    party: PartyName
    roles: tuple[Role, ...]


@dataclass(frozen=True, config=_STRICT)
class AgreementList:
    """The agreements of which the caller is a party, by id and version."""

    agreements: tuple[AgreementEntry, ...]


@dataclass(frozen=True, config=_STRICT)
class SignatureList:
    """Who has signed an agreement and who hasn't, in its order, and how it stands today."""

    signed: tuple[PartyName, ...]
    missing: tuple[PartyName, ...]
    state: State


@dataclass(frozen=True, config=_STRICT)
class RoundEntry:
    """A round that is open: its number and since when (UTC)."""

    round: Version
    opened: datetime


@dataclass(frozen=True, config=_STRICT)
class RoundList:
    """The rounds that are open, by number; data goes to the newest."""

    rounds: tuple[RoundEntry, ...]


@dataclass(frozen=True, config=_STRICT)
class RoundState:
    """How the known-answer handshake of a round stands.

    ``opened`` is None until everybody's answers were found alike; ``different`` says of each agency
    whose answers aren't the others' why.
    """

    round: Version
    opened: datetime | None
    answered: tuple[PartyName, ...]
    missing: tuple[PartyName, ...]
    different: dict[PartyName, str]


@dataclass(frozen=True, config=_STRICT)
class ConsistencyProof:
    """That the log of ``second`` events begins with that of ``first``; hashes in base64."""

    first: Size
    second: Size
    proof: tuple[Hash, ...]


@dataclass(frozen=True, config=_STRICT)
class InclusionProof:
    """That event ``leaf`` (from 0) is among the first ``size`` of the log; hashes in base64."""

    leaf: Size
    size: Size
    proof: tuple[Hash, ...]


def parse_reply(adapter: TypeAdapter[_Reply], content: bytes, source: str) -> _Reply:
    """Return an answer as the message that ``adapter`` describes.

    It needn't be canonical, since nothing signs it. Raises `VerificationError` that quotes nothing.
    """
    parse_json(content, source)
    try:
        return adapter.validate_json(content)
    except ValidationError:
        raise VerificationError(
            f"{source} isn't what this release expects; check that both sides have the same."
        ) from None
