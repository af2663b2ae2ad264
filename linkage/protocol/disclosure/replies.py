"""What a matcher and a party say to each other about disclosures beside the signed messages.

Nothing here is signed, so nothing here is believed: what counts is in the messages, and a client
that reads them comes to the same life by itself (`linkage.protocol.disclosure.history`).
"""

from __future__ import annotations

from typing import Annotated

from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from linkage.protocol.disclosure.life import State
from linkage.protocol.disclosure.messages import (
    MOST_CLUSTERS,
    Count,
    Probability,
    Pseudonym,
    Seconds,
)
from linkage.protocol.replies import Hash, Size
from linkage.protocol.signing import Digest, PartyName

_STRICT = ConfigDict(extra="forbid", strict=True)
Base64 = Annotated[str, Field(max_length=16 << 20)]
Token = Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
Salt = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


@dataclass(frozen=True, config=_STRICT)
class EvidenceRequest:
    """The clusters of the newest run that a proposal will be about, in order.

    With ``cohort``, the id of a cohort of the caller's own and of that run, they are named by its
    pseudonyms. The evidence names them by the run's.
    """

    clusters: Annotated[tuple[Pseudonym, ...], Field(min_length=1, max_length=MOST_CLUSTERS)]
    cohort: Pseudonym | None = None


@dataclass(frozen=True, config=_STRICT)
class ClusterEntry:
    """A cluster that ``rules`` of the agreement let be proposed, without anything of anybody's."""

    cluster: Pseudonym
    agencies: tuple[PartyName, ...]
    records: Count
    probability: Probability
    rules: tuple[PartyName, ...]


@dataclass(frozen=True, config=_STRICT)
class ClusterPage:
    """Clusters of the newest run in order of their pseudonyms; ``more`` come after the last."""

    run: Pseudonym
    clusters: tuple[ClusterEntry, ...]
    more: bool


@dataclass(frozen=True, config=_STRICT)
class DisclosureEntry:
    """A disclosure at a glance; ``id`` is the digest of the signed proposal."""

    id: Digest
    state: State
    proposer: PartyName
    purpose: PartyName
    proposed: Seconds
    expires: Seconds
    clusters: Count
    approvals: Size
    refusals: Size
    quorum: Count
    outstanding: tuple[PartyName, ...] = ()
    """Recipients who haven't yet answered a recall."""


@dataclass(frozen=True, config=_STRICT)
class DisclosureList:
    """The disclosures that the caller has a part in, the newest first."""

    disclosures: tuple[DisclosureEntry, ...]


@dataclass(frozen=True, config=_STRICT)
class EnteredMessage:
    """A signed message and where the log has it: all base64 but ``leaf``."""

    message: Base64
    event: Base64
    leaf: Size
    proof: tuple[Hash, ...]


@dataclass(frozen=True, config=_STRICT)
class DisclosureFile:
    """All that there is of a disclosure, for its reader to verify.

    ``entered`` begins with the proposal; the proofs are for the log's signed ``checkpoint``.
    ``successor`` is the digest of the proposal that replaced it.
    """

    state: State
    evidence: Base64
    entered: Annotated[tuple[EnteredMessage, ...], Field(min_length=1)]
    checkpoint: Base64
    successor: Digest | None = None


@dataclass(frozen=True, config=_STRICT)
class RevealedHolding:
    """Which of its own records a holder is asked for in one cluster, and the commitment's salt."""

    salt: Salt
    tokens: Annotated[tuple[Token, ...], Field(min_length=1)]


@dataclass(frozen=True, config=_STRICT)
class Revelation:
    """What a holder is told once the quorum is met, by cluster."""

    clusters: dict[Pseudonym, RevealedHolding]
