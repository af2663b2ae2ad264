"""The signed messages of cohorts: what an agency has sealed, what an analyst asks, what it gets.

Times are POSIX seconds. Digests are SHA-256 in hex; that of a signed message is of its bytes as
they were received.
"""

from __future__ import annotations

import hashlib
from typing import Annotated, Self

from pydantic import ConfigDict, Field, TypeAdapter, model_validator
from pydantic.dataclasses import dataclass

from linkage.errors import PolicyError, VerificationError
from linkage.protocol.agreement import Agreement
from linkage.protocol.canonical import canonical_json, decode_base64, parse_message
from linkage.protocol.keys import Identity, PublicIdentity
from linkage.protocol.secret_messages import agencies, require_this_agreement
from linkage.protocol.sections.party import Role
from linkage.protocol.settings import settings
from linkage.protocol.signing import Digest, PartyName, sign, verify_signed

MANIFEST_KIND = "payload-manifest"
REQUEST_KIND = "cohort-request"
COHORT_KIND = "cohort"
MOST_PIECES = 1024
"""The most pieces of a payload: a little less than 1 GiB."""

_STRICT = ConfigDict(extra="forbid", strict=True)
CohortId = Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
Number = Annotated[int, Field(ge=1, lt=2**53)]
Count = Annotated[int, Field(ge=0, lt=2**53)]
Share = Annotated[float, Field(ge=0, le=1)]
Base64 = Annotated[str, Field(max_length=1 << 20)]


@dataclass(frozen=True, config=_STRICT)
class PayloadManifest:
    """What an agency has sealed to an analyst in a round.

    ``blinding`` is the digest of the key that people's ids are made with
    (`linkage.protocol.cohort.persons`); ``pieces`` those of the sealed pieces, in order.
    """

    agreement: Digest
    epoch: Number
    round: Number
    analyst: PartyName
    blinding: Digest
    pieces: Annotated[tuple[Digest, ...], Field(min_length=1, max_length=MOST_PIECES)]


@dataclass(frozen=True, config=_STRICT)
class CohortRequest:
    """That an analyst asks for a cohort of the newest finished run, and why.

    ``reference`` is the analysis or the meeting that it is for.
    """

    agreement: Digest
    epoch: Number
    purpose: PartyName
    reference: Annotated[str, Field(min_length=1, max_length=200)]
    reason: Annotated[str, Field(min_length=1, max_length=1000)]
    at: Count


@dataclass(frozen=True, config=_STRICT)
class CohortAgency:
    """An agency whose upload was linked: its round, the digest of its manifest, its records.

    ``payload`` is its signed payload manifest for this analyst and that round, in base64, where it
    has sent one. The round is an earlier one than the run's where the agency has sent no newer
    upload.
    """

    agency: PartyName
    round: Number
    upload: Digest
    records: Count
    payload: Base64 | None = None


@dataclass(frozen=True, config=_STRICT)
class PairEstimate:
    """How good the model takes its links between two agencies to be; None where it can't say.

    The limits are those of 95% intervals. With ``counts_unseen`` recall is of all matches that
    there are, without it of those alone that the comparison shows, so that it is an upper limit.
    """

    agency_a: PartyName
    agency_b: PartyName
    precision: Share | None = None
    precision_low: Share | None = None
    precision_high: Share | None = None
    recall: Share | None = None
    recall_low: Share | None = None
    recall_high: Share | None = None
    counts_unseen: bool = False

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.agency_a >= self.agency_b:
            raise ValueError("the agencies of a pair are not in order")
        return self


@dataclass(frozen=True, config=_STRICT)
class Cohort:
    """The matcher's word on a cohort.

    ``request`` is the digest of the signed request; ``run`` the finished run that it is of, whose
    ``outcome`` the log has by its digest; ``map`` the digest of the map (`people_map`).
    """

    id: CohortId
    request: Digest
    agreement: Digest
    epoch: Number
    round: Number
    run: CohortId
    outcome: Digest
    analyst: PartyName
    agencies: Annotated[tuple[CohortAgency, ...], Field(min_length=1, max_length=1000)]
    estimates: Annotated[tuple[PairEstimate, ...], Field(max_length=500_000)]
    map: Digest

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        names = [own.agency for own in self.agencies]
        pairs = [(own.agency_a, own.agency_b) for own in self.estimates]
        if names != sorted(set(names)) or pairs != sorted(set(pairs)):
            raise ValueError("agencies or pairs are not in order, or one stands twice")
        if not {name for pair in pairs for name in pair} <= set(names):
            raise ValueError("an estimate is of an agency that took no part")
        if any(own.round > self.round for own in self.agencies):
            raise ValueError("an upload is of a later round than the run")
        return self


_MANIFEST = TypeAdapter(PayloadManifest)
_REQUEST = TypeAdapter(CohortRequest)
_COHORT = TypeAdapter(Cohort)


def digest_of(content: bytes) -> str:
    """SHA-256, in hex, of a signed message as it was received."""
    return hashlib.sha256(content).hexdigest()


def sign_payload_manifest(manifest: PayloadManifest, own: Identity) -> bytes:
    """Return an agency's manifest of a payload, signed."""
    return sign(MANIFEST_KIND, canonical_json(settings(manifest)), own)


def verify_payload_manifest(
    content: bytes, source: str, agreement: Agreement
) -> tuple[str, PayloadManifest]:
    """Return which agency sealed what; raises `VerificationError` (SPEC.md, Payload, steps 1–7).

    Its round and its analyst are among what is returned, for the caller to compare.
    """
    signed = verify_signed(content, source, MANIFEST_KIND, agencies(agreement))
    manifest: PayloadManifest = parse_message(_MANIFEST, signed.payload, f"The payload of {source}")
    require_this_agreement(manifest.agreement, manifest.epoch, agreement, source)
    if manifest.analyst not in agreement.names("analyst"):
        raise VerificationError(
            f"{source} of {signed.signer!r} is for {manifest.analyst!r}, who is no analyst of the "
            "agreement (step 7); use none of it."
        )
    return signed.signer, manifest


def sign_cohort_request(request: CohortRequest, own: Identity) -> bytes:
    """Return the request, signed by the analyst."""
    return sign(REQUEST_KIND, canonical_json(settings(request)), own)


def verify_cohort_request(
    content: bytes, source: str, agreement: Agreement
) -> tuple[str, CohortRequest]:
    """Return who asks, and what; raises `VerificationError` (SPEC.md, Cohorts, steps 1 to 7)."""
    signed = verify_signed(content, source, REQUEST_KIND, _holders(agreement, "analyst"))
    request: CohortRequest = parse_message(_REQUEST, signed.payload, f"The payload of {source}")
    require_this_agreement(request.agreement, request.epoch, agreement, source)
    return signed.signer, request


def require_agreed(agreement: Agreement, request: CohortRequest) -> None:
    """Raise `PolicyError` where the agreement has nothing for analysts, or not that purpose."""
    if agreement.payload is None:
        raise PolicyError(
            f"The agreement {agreement.agreement.id!r} has no [payload], so analysts get nothing."
        )
    if request.purpose not in agreement.agreement.purpose_codes:
        codes = ", ".join(agreement.agreement.purpose_codes)
        raise PolicyError(
            f"{request.purpose} is no purpose of the agreement (agreement.purpose_codes); it has "
            f"{codes}."
        )


def sign_cohort(cohort: Cohort, own: Identity) -> bytes:
    """Return the matcher's word on a cohort, signed."""
    return sign(COHORT_KIND, canonical_json(settings(cohort)), own)


def verify_cohort(
    content: bytes, source: str, agreement: Agreement
) -> tuple[Cohort, dict[str, PayloadManifest]]:
    """Return what the matcher says of a cohort, and what each agency has sealed for it.

    Raises `VerificationError` (SPEC.md, Cohorts, steps 1 to 8), also unless each manifest in it is
    of its agency, for its round and this analyst.
    """
    signed = verify_signed(content, source, COHORT_KIND, _holders(agreement, "matcher"))
    cohort: Cohort = parse_message(_COHORT, signed.payload, f"The payload of {source}")
    require_this_agreement(cohort.agreement, cohort.epoch, agreement, source)
    return cohort, _payloads_of(cohort, source, agreement)


def _payloads_of(cohort: Cohort, source: str, agreement: Agreement) -> dict[str, PayloadManifest]:
    found = {}
    for own in cohort.agencies:
        if own.payload is not None:
            place = f"The payload manifest of {own.agency!r} in {source}"
            content = decode_base64(own.payload, place)
            signer, manifest = verify_payload_manifest(content, place, agreement)
            due = (own.agency, own.round, cohort.analyst)
            if (signer, manifest.round, manifest.analyst) != due:
                raise VerificationError(
                    f"{place} is of another agency, round or analyst (step 8); use none of it, and "
                    "tell the other parties."
                )
            found[own.agency] = manifest
    return found


def _holders(agreement: Agreement, role: Role) -> list[PublicIdentity]:
    names = set(agreement.names(role))
    return [own for own in agreement.identities if own.name in names]
