"""How encodings reach the matcher: in parts, announced before and committed by a signed manifest.

Parts are numbered from 0. All have the part size that the matcher names, but the last, which has
what is left. What is committed is the manifest: nobody can say later that it was another file.
"""

from __future__ import annotations

from dataclasses import dataclass as plain_dataclass
from typing import Annotated, Literal, Self

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
from linkage.protocol.leakage import LeakageSummary
from linkage.protocol.secret_messages import agencies, require_this_agreement
from linkage.protocol.settings import settings
from linkage.protocol.signing import Digest, open_envelope, sign, verify_signed

MANIFEST_KIND = "upload-manifest"
MOST_PARTS = 10_000

_STRICT = ConfigDict(extra="forbid", strict=True)
UploadId = Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
_Size = Annotated[int, Field(ge=1, lt=2**53)]
_Number = Annotated[int, Field(ge=1, lt=2**53)]
State = Literal["open", "committed", "refused", "erased"]


@dataclass(frozen=True, config=_STRICT)
class Announcement:
    """What an agency is about to send: the SHA-256 and the bytes of the whole file."""

    sha256: Digest
    size: _Size


@dataclass(frozen=True, config=_STRICT)
class UploadState:
    """How far an upload has come: ``received`` are the numbers of the parts that are there.

    ``reason`` says why it was refused, and is empty if it wasn't.
    """

    id: UploadId
    round: _Number
    state: State
    sha256: Digest
    size: _Size
    part_size: _Size
    received: tuple[int, ...]
    reason: Annotated[str, Field(max_length=1000)] = ""

    @property
    def missing(self) -> tuple[int, ...]:
        """The numbers of the parts that are not there yet."""
        there = set(self.received)
        return tuple(k for k in range(part_count(self.size, self.part_size)) if k not in there)


@dataclass(frozen=True, config=_STRICT)
class Manifest:
    """What an agency says that it has sent; all digests are SHA-256.

    ``upload`` is the id that the matcher gave, ``sha256`` and ``size`` (bytes) are of the whole
    file, ``parts`` of its parts in order; ``rows`` and ``encodings`` are what closes the file of
    encodings (linkage/encodings.py). ``leakage`` is None of a file that was encoded without a
    leakage report, and then isn't in the message.
    """

    agreement: Digest
    epoch: _Number
    round: _Number
    upload: UploadId
    sha256: Digest
    size: _Size
    part_size: _Size
    parts: Annotated[tuple[Digest, ...], Field(min_length=1, max_length=MOST_PARTS)]
    rows: Annotated[int, Field(ge=0, lt=2**53)]
    encodings: Digest
    leakage: LeakageSummary | None = None

    @model_validator(mode="after")
    def _parts_make_the_file(self) -> Self:
        if len(self.parts) != part_count(self.size, self.part_size):
            raise ValueError("the parts don't make a file of this size")
        return self


@dataclass(frozen=True, config=_STRICT)
class Receipt:
    """That a manifest is in the log: what `linkage.receipts` verifies.

    Bytes stand in base64: ``manifest`` the signed manifest, ``event`` the event at ``leaf`` (from
    0), ``checkpoint`` a note of the log's, and ``proof`` the hashes that lead from one to the
    other.
    """

    checkpoint: str
    event: str
    leaf: Annotated[int, Field(ge=0, lt=2**53)]
    manifest: str
    proof: Annotated[tuple[str, ...], Field(max_length=64)]


_ANNOUNCEMENT = TypeAdapter(Announcement)
_MANIFEST = TypeAdapter(Manifest)
_RECEIPT = TypeAdapter(Receipt)


def part_count(size: int, part_size: int) -> int:
    """Return how many parts a file of ``size`` bytes has."""
    return -(-size // part_size)


def part_length(size: int, part_size: int, number: int) -> int:
    """Return the bytes of a part; raises `ValueError` for a number that the file doesn't have."""
    if not 0 <= number < part_count(size, part_size):
        raise ValueError("there is no such part")
    return min(part_size, size - number * part_size)


def announcement_bytes(announcement: Announcement) -> bytes:
    """Return an announcement as canonical JSON."""
    return canonical_json(settings(announcement))


def parse_announcement(content: bytes, source: str) -> Announcement:
    """Parse an announcement; raises `VerificationError`."""
    return parse_message(_ANNOUNCEMENT, content, source)


def sign_manifest(manifest: Manifest, own: Identity) -> bytes:
    """Return an agency's manifest, signed."""
    return sign(MANIFEST_KIND, canonical_json(settings(manifest)), own)


def verify_manifest(
    content: bytes, source: str, agreement: Agreement, round_number: int | None
) -> tuple[str, Manifest]:
    """Return which agency sent what, or raise `VerificationError`.

    ``round_number`` is the one expected; None where a manifest of any round will do.
    """
    # Steps 1 to 6 are those of every signed message; only agencies count.
    signed = verify_signed(content, source, MANIFEST_KIND, agencies(agreement))
    # Step 7: it is for this agreement, epoch and round.
    manifest = parse_message(_MANIFEST, signed.payload, f"The payload of {source}")
    require_this_agreement(manifest.agreement, manifest.epoch, agreement, source)
    if round_number not in (None, manifest.round):
        raise VerificationError(
            f"{source} from {signed.signer!r} is for round {manifest.round} and not {round_number} "
            "(step 7); push the file again."
        )
    return signed.signer, manifest


def leakage_of(manifest: bytes) -> LeakageSummary | None:
    """Return what a signed manifest tells of the leakage report; nothing is verified again.

    For manifests that were verified when they were stored. Raises `VerificationError`.
    """
    _, payload = open_envelope(manifest, "The manifest")
    return parse_message(_MANIFEST, payload, "The payload of the manifest").leakage


def receipt_bytes(
    manifest: bytes, event: bytes, leaf: int, checkpoint: bytes, proof: tuple[bytes, ...]
) -> bytes:
    """Return a receipt as canonical JSON."""
    receipt = Receipt(
        checkpoint=encode_base64(checkpoint),
        event=encode_base64(event),
        leaf=leaf,
        manifest=encode_base64(manifest),
        proof=tuple(encode_base64(node) for node in proof),
    )
    return canonical_json(settings(receipt))


@plain_dataclass(frozen=True)
class OpenReceipt:
    """The bytes of a receipt's members; nothing is verified yet."""

    checkpoint: bytes
    event: bytes
    leaf: int
    manifest: bytes
    proof: tuple[bytes, ...]


def open_receipt(content: bytes, source: str) -> OpenReceipt:
    """Read the members of a receipt; raises `VerificationError`."""
    found = parse_message(_RECEIPT, content, source)
    return OpenReceipt(
        decode_base64(found.checkpoint, source),
        decode_base64(found.event, source),
        found.leaf,
        decode_base64(found.manifest, source),
        tuple(decode_base64(node, source) for node in found.proof),
    )
