"""What a matcher answers about agreements, their secret and their rounds, as JSON."""

from __future__ import annotations

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
