"""Whether an agreement is in force: signed by every party, and between its dates.

A signature is a `Signed` message of the kind ``agreement`` whose payload is the agreement's whole
canonical JSON, so that everybody who signed kept a copy of what was signed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Literal

from linkage.errors import NotReadyError, PolicyError, VerificationError
from linkage.protocol.agreement import Agreement
from linkage.protocol.binding import require_signable
from linkage.protocol.keys import Identity
from linkage.protocol.signing import sign, verify_signed

SIGNATURE_KIND = "agreement"
State = Literal["unsigned", "not yet", "in force", "ended", "replaced"]


@dataclass(frozen=True)
class Standing:
    """Who has signed an agreement, in its order, and whether it holds."""

    digest: str
    signed: tuple[str, ...]
    missing: tuple[str, ...]
    state: State


def sign_agreement(agreement: Agreement, own: Identity) -> bytes:
    """Return a party's signature under an agreement.

    Raises `PolicyError` where something has to be settled first, or where the agreement has other
    keys for this party than it holds.
    """
    require_signable(agreement)
    if agreement.identity(own.name) != own.public:
        raise PolicyError(
            f"The agreement {agreement.agreement.id!r} has other keys for {own.name!r} than your "
            "keystore; give the card of 'agency-client identity' to whoever wrote it."
        )
    return sign(SIGNATURE_KIND, agreement.content(), own)


def verify_agreement_signature(content: bytes, source: str, agreement: Agreement) -> str:
    """Return who signed the agreement, or raise `VerificationError`."""
    # Steps 1 to 6 are those of every signed message; only parties count.
    signed = verify_signed(content, source, SIGNATURE_KIND, agreement.identities)
    # Step 7: what was signed is this agreement, byte for byte.
    if signed.payload != agreement.content():
        raise VerificationError(
            f"{source} is the signature of {signed.signer!r} under another agreement or version "
            f"than {agreement.digest()[:16]} (step 7); compare the files with 'agency-client "
            "agreement check'."
        )
    return signed.signer


def standing(
    agreement: Agreement,
    signatures: Mapping[str, bytes],
    today: date,
    successor: Agreement | None = None,
) -> Standing:
    """Return where an agreement stands, given signatures by the names that errors give to them.

    ``successor`` is a later version that is itself in force, if there is one. Raises
    `VerificationError` for a signature that isn't one under this agreement.
    """
    signers = {
        verify_agreement_signature(content, source, agreement)
        for source, content in signatures.items()
    }
    names = [party.name for party in agreement.party]
    missing = tuple(name for name in names if name not in signers)
    replaced = successor is not None and successor.agreement.previous == agreement.digest()
    return Standing(
        agreement.digest(),
        tuple(name for name in names if name in signers),
        missing,
        _state(agreement, today, whole=bool(names) and not missing, replaced=replaced),
    )


def require_in_force(agreement: Agreement, found: Standing) -> None:
    """Raise unless the agreement is in force: `NotReadyError` before, `PolicyError` after."""
    terms = agreement.agreement
    name = f"The agreement {terms.id!r}, version {terms.version},"
    if found.state == "unsigned":
        who = ", ".join(found.missing) or "everybody"
        raise NotReadyError(f"{name} isn't in force: the signature of {who} is missing.")
    if found.state == "not yet":
        raise NotReadyError(f"{name} isn't in force before {terms.starts}.")
    if found.state == "ended":
        raise PolicyError(f"{name} ended on {terms.ends}; agree on a new version.")
    # Signatures made by other programs may stand under what this one would not have signed.
    require_signable(agreement)
    if found.state == "replaced":
        raise PolicyError(f"{name} was replaced by a later version; use that.")


def _state(agreement: Agreement, today: date, *, whole: bool, replaced: bool) -> State:
    terms = agreement.agreement
    if not whole or terms.starts is None or terms.ends is None:
        return "unsigned"
    if replaced:
        return "replaced"
    if today < terms.starts:
        return "not yet"
    return "ended" if today > terms.ends else "in force"
