"""How an epoch's linkage secret reaches every agency, by messages that keep it sealed.

One agency draws the secret. It signs a commitment to it, for everybody to see, and seals the secret
itself to each other agency. Whoever receives it checks it against the commitment, so that no two
agencies can be given different secrets under one commitment.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import ConfigDict, Field, TypeAdapter
from pydantic.dataclasses import dataclass

from linkage.errors import VerificationError
from linkage.protocol.agreement import Agreement
from linkage.protocol.canonical import canonical_json, parse_message
from linkage.protocol.keys import Identity, PublicIdentity
from linkage.protocol.sealing import Context, open_sealed, require_sealed_for, seal
from linkage.protocol.settings import settings
from linkage.protocol.signing import Digest, sign, verify_signed

COMMITMENT_KIND = "secret-commitment"
DELIVERY_KIND = "linkage-secret"
SECRET_BYTES = 32

_STRICT = ConfigDict(extra="forbid", strict=True)


@dataclass(frozen=True, config=_STRICT)
class Commitment:
    """What the agency that drew an epoch's secret commits itself to.

    ``agreement`` is the agreement's digest; ``commitment`` 64 hex digits that only the secret gives
    (hashing/SPEC.md).
    """

    agreement: Digest
    epoch: Annotated[int, Field(ge=1)]
    commitment: Digest


_COMMITMENT = TypeAdapter(Commitment)


def agencies(agreement: Agreement) -> list[PublicIdentity]:
    """Return the public keys of the agreement's agencies."""
    names = agreement.names("agency")
    return [own for own in agreement.identities if own.name in names]


def sign_commitment(agreement: Agreement, commitment: str, creator: Identity) -> bytes:
    """Return the signed commitment of an agency to the secret of the agreement's epoch."""
    message = Commitment(agreement.digest(), agreement.agreement.epoch, commitment)
    return sign(COMMITMENT_KIND, canonical_json(settings(message)), creator)


def verify_commitment(
    content: bytes, source: str, agreement: Agreement
) -> tuple[PublicIdentity, str]:
    """Return who drew the secret and the commitment to it, or raise `VerificationError`."""
    # Steps 1 to 6 are those of every signed message; only agencies count.
    signed = verify_signed(content, source, COMMITMENT_KIND, agencies(agreement))
    # Step 7: it is for this agreement and epoch.
    message = parse_message(_COMMITMENT, signed.payload, f"The payload of {source}")
    require_this_agreement(message.agreement, message.epoch, agreement, source)
    return agreement.identity(signed.signer), message.commitment


def seal_secret(
    agreement: Agreement, recipient: PublicIdentity, material: bytes, creator: Identity
) -> bytes:
    """Return the secret's 32 bytes sealed to one agency."""
    return seal(recipient, _context(agreement), material, creator)


def open_secret(
    content: bytes, source: str, agreement: Agreement, creator: PublicIdentity, own: Identity
) -> bytes:
    """Return the secret's 32 bytes, or raise `VerificationError`.

    They aren't checked against the commitment yet: only who may know the secret can do that.
    """
    material = open_sealed(content, source, _context(agreement), creator, own)
    if len(material) != SECRET_BYTES:
        raise VerificationError(
            f"The secret in {source} from {creator.name!r} has {len(material)} bytes and not "
            f"{SECRET_BYTES}; ask {creator.name!r} to seal it again."
        )
    return material


def require_delivery(
    content: bytes,
    source: str,
    agreement: Agreement,
    creator: PublicIdentity,
    recipient: PublicIdentity,
) -> None:
    """Raise `VerificationError` unless it says it is the secret, sealed by one for the other.

    Whoever passes it on can see no more than that.
    """
    require_sealed_for(content, source, _context(agreement), creator, recipient)


def require_this_agreement(digest: str, epoch: int, agreement: Agreement, source: str) -> None:
    """Raise `VerificationError` unless digest and epoch are the agreement's."""
    if digest != agreement.digest() or epoch != agreement.agreement.epoch:
        raise VerificationError(
            f"{source} belongs to the agreement {digest[:16]}, epoch {epoch}, and not to "
            f"{agreement.digest()[:16]}, epoch {agreement.agreement.epoch} (step 7); check that "
            "both are of the same version."
        )


def _context(agreement: Agreement) -> Context:
    return Context(
        agreement=agreement.digest(),
        epoch=agreement.agreement.epoch,
        round=0,
        kind=DELIVERY_KIND,
        sequence=0,
    )
