"""The messages of a disclosure. Each is signed, and all after the proposal name its digest.

Clusters go by the pseudonyms of one run, 32 hex digits; people and tokens are named by none of
these messages. Times are POSIX seconds.
"""

from __future__ import annotations

import hashlib
from typing import Annotated, Any, Self

from pydantic import ConfigDict, Field, TypeAdapter, model_validator
from pydantic.dataclasses import dataclass

from linkage.protocol.canonical import canonical_json, parse_message
from linkage.protocol.keys import Identity
from linkage.protocol.settings import settings
from linkage.protocol.signing import Digest, PartyName, Signed, sign

EVIDENCE_KIND = "cluster-evidence"
PROPOSAL_KIND = "disclosure-proposal"
APPROVAL_KIND = "disclosure-approval"
REFUSAL_KIND = "disclosure-refusal"
RELEASE_KIND = "disclosure-release"
OPENING_KIND = "disclosure-opening"
RECALL_KIND = "disclosure-recall"
RETURN_KIND = "disclosure-return"

_STRICT = ConfigDict(extra="forbid", strict=True)
MOST_CLUSTERS = 10_000

Pseudonym = Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
Seconds = Annotated[int, Field(ge=0, lt=2**53)]
Probability = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=1, lt=2**53)]
Reason = Annotated[str, Field(min_length=1, max_length=1000)]


@dataclass(frozen=True, config=_STRICT)
class Holding:
    """How many records an agency holds of a cluster.

    ``tokens`` is the commitment to which ones (`linkage.protocol.disclosure.commitment`): nobody
    can tell them from it, and the matcher can't name others later.
    """

    agency: PartyName
    records: Count
    tokens: Digest


@dataclass(frozen=True, config=_STRICT)
class ClusterEvidence:
    """What the matcher says of a cluster: its weakest link's probability, and who holds it.

    ``holders`` are in order of their names; ``protected`` says that one of them has marked it.
    ``household`` are clusters of the same evidence whose people seem to share surname and address
    with it, such as siblings: a hint, and never that they are one person.
    """

    cluster: Pseudonym
    probability: Probability
    holders: Annotated[tuple[Holding, ...], Field(min_length=1, max_length=1000)]
    protected: bool = False
    household: Annotated[tuple[Pseudonym, ...], Field(max_length=1000)] = ()

    @model_validator(mode="after")
    def _holders_in_order(self) -> Self:
        _require_order([holding.agency for holding in self.holders], "holders")
        _require_order(list(self.household), "clusters of its household")
        return self

    @property
    def agencies(self) -> tuple[str, ...]:
        """Who holds records of it."""
        return tuple(holding.agency for holding in self.holders)


@dataclass(frozen=True, config=_STRICT)
class Evidence:
    """The matcher's word on some clusters of a run; ``outcome`` is the digest the log has of it."""

    agreement: Digest
    epoch: Count
    run: Pseudonym
    outcome: Digest
    clusters: Annotated[tuple[ClusterEvidence, ...], Field(max_length=MOST_CLUSTERS)]

    @model_validator(mode="after")
    def _clusters_in_order(self) -> Self:
        _require_order([own.cluster for own in self.clusters], "clusters")
        return self


@dataclass(frozen=True, config=_STRICT)
class Asked:
    """A cluster that is asked for, and the agreement's rule that lets it be."""

    cluster: Pseudonym
    rule: PartyName


@dataclass(frozen=True, config=_STRICT)
class Proposal:
    """Who is asked for, why, for whom, and until when.

    ``evidence`` is the digest of the matcher's signed evidence on exactly these clusters.
    ``reference`` is the case or the meeting; ``necessity`` says why it takes names.
    """

    agreement: Digest
    epoch: Count
    evidence: Digest
    clusters: Annotated[tuple[Asked, ...], Field(min_length=1, max_length=MOST_CLUSTERS)]
    fields: Annotated[tuple[PartyName, ...], Field(min_length=1)]
    recipients: Annotated[tuple[PartyName, ...], Field(min_length=1)]
    purpose: PartyName
    lawful_basis: Annotated[str, Field(min_length=1, max_length=10_000)]
    reference: Annotated[str, Field(min_length=1, max_length=200)]
    necessity: Reason
    proposed: Seconds
    expires: Seconds
    supersedes: Digest | None = None

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        _require_order([own.cluster for own in self.clusters], "clusters")
        _require_order(list(self.fields), "fields")
        _require_order(list(self.recipients), "recipients")
        if self.expires <= self.proposed:
            raise ValueError("it expires before it is proposed")
        return self


@dataclass(frozen=True, config=_STRICT)
class Approval:
    """That a party agrees to exactly this proposal."""

    proposal: Digest
    at: Seconds


@dataclass(frozen=True, config=_STRICT)
class Refusal:
    """That a party doesn't agree, and why: such a decision counts as much."""

    proposal: Digest
    at: Seconds
    reason: Reason


@dataclass(frozen=True, config=_STRICT)
class Release:
    """That a holder has sealed its fields: the digest of the sealed message for each recipient.

    ``records`` of its records are in there; ``withheld`` are not, for the ``reason`` given.
    """

    proposal: Digest
    at: Seconds
    sealed: Annotated[dict[PartyName, Digest], Field(min_length=1)]
    records: Annotated[int, Field(ge=0, lt=2**53)]
    withheld: Annotated[int, Field(ge=0, lt=2**53)] = 0
    reason: Annotated[str, Field(max_length=1000)] = ""

    @model_validator(mode="after")
    def _withholding_has_a_reason(self) -> Self:
        if (self.withheld > 0) != bool(self.reason):
            raise ValueError("what is withheld has a reason, and nothing else has")
        return self


@dataclass(frozen=True, config=_STRICT)
class Opening:
    """That a recipient has opened what the holders sealed: each holder's message, by digest."""

    proposal: Digest
    at: Seconds
    opened: Annotated[dict[PartyName, Digest], Field(min_length=1)]


@dataclass(frozen=True, config=_STRICT)
class Recall:
    """That what was disclosed of some clusters must not be used, and why.

    ``lineage`` says what became of each: the clusters of a later run that hold its records, none if
    it isn't about a run.
    """

    proposal: Digest
    at: Seconds
    reason: Reason
    lineage: Annotated[dict[Pseudonym, tuple[Pseudonym, ...]], Field(min_length=1)]


@dataclass(frozen=True, config=_STRICT)
class Return:
    """That a recipient has done what a recall asks: nothing of it is used or kept."""

    proposal: Digest
    at: Seconds
    recall: Digest


Move = Approval | Refusal | Release | Opening | Recall | Return
KINDS: dict[str, Any] = {
    EVIDENCE_KIND: Evidence,
    PROPOSAL_KIND: Proposal,
    APPROVAL_KIND: Approval,
    REFUSAL_KIND: Refusal,
    RELEASE_KIND: Release,
    OPENING_KIND: Opening,
    RECALL_KIND: Recall,
    RETURN_KIND: Return,
}
"""What each kind of signed document holds."""

_NAMES = {message: kind for kind, message in KINDS.items()}
_ADAPTERS = {kind: TypeAdapter(message) for kind, message in KINDS.items()}


def sign_message(message: Evidence | Proposal | Move, own: Identity) -> bytes:
    """Return a message of a disclosure, signed as the kind that it is."""
    return sign(_NAMES[type(message)], canonical_json(settings(message)), own)


def parse_signed(signed: Signed, source: str) -> Any:
    """Return the message in a signed document of one of `KINDS`; raises `VerificationError`."""
    return parse_message(_ADAPTERS[signed.kind], signed.payload, f"The payload of {source}")


def digest_of(content: bytes) -> str:
    """SHA-256, in hex, of a signed document as it was received: what later messages name it by."""
    return hashlib.sha256(content).hexdigest()


def _require_order(names: list[str], what: str) -> None:
    if names != sorted(set(names)):
        raise ValueError(f"{what} are not in order, or one stands twice")
