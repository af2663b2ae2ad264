"""What a matcher and a party say to each other about cohorts beside the signed messages."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from linkage.protocol.cohort.messages import MOST_PIECES, Base64, CohortId, Count, Number
from linkage.protocol.signing import Digest, PartyName

_STRICT = ConfigDict(extra="forbid", strict=True)
Blinding = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Hash = Annotated[str, Field(pattern=r"^[A-Za-z0-9+/]{43}=$")]
PayloadStateName = Literal["open", "committed", "erased"]


@dataclass(frozen=True, config=_STRICT)
class PayloadCommit:
    """What commits a payload: the signed ``manifest``, base64, and the blinding key in hex.

    The key stands beside the manifest, which has its digest: analysts read manifests.
    """

    manifest: Base64
    blinding: Blinding


@dataclass(frozen=True, config=_STRICT)
class PayloadState:
    """How far an agency's payload for an analyst has come.

    ``received`` gives the digest of each sealed piece that is there, by its number; once it is
    committed ``manifest`` is the digest of the signed manifest.
    """

    state: PayloadStateName
    received: Annotated[dict[str, Digest], Field(max_length=MOST_PIECES)]
    manifest: Digest | None = None


@dataclass(frozen=True, config=_STRICT)
class CohortEntry:
    """A cohort at a glance: who has pulled it, when, why, and of what.

    ``agencies`` took part with a payload. ``erased`` once what is in it isn't kept any more.
    """

    id: CohortId
    analyst: PartyName
    pulled: Count
    purpose: PartyName
    reference: Annotated[str, Field(max_length=200)]
    round: Number
    run: CohortId
    agencies: tuple[PartyName, ...]
    state: Literal["kept", "erased"]


@dataclass(frozen=True, config=_STRICT)
class CohortList:
    """The cohorts that the caller may know of, the newest first."""

    cohorts: tuple[CohortEntry, ...]


@dataclass(frozen=True, config=_STRICT)
class CohortFile:
    """All that there is of a cohort beside its map and its payload, for its analyst to verify.

    Bytes stand in base64: ``cohort`` the matcher's signed message, ``request`` the analyst's,
    ``event`` the event at ``leaf`` of the log, ``proof`` the hashes from it to the ``checkpoint``.
    """

    cohort: Annotated[str, Field(max_length=16 << 20)]
    request: Base64
    event: Base64
    leaf: Count
    proof: Annotated[tuple[Hash, ...], Field(max_length=64)]
    checkpoint: Base64
