"""The linkage secret under a signed agreement: drawn by one agency, accepted by the others."""

from __future__ import annotations

import hmac
import secrets
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

from agency_client.keystore.pins import remember, require_newest
from agency_client.keystore.store import OpenKeystore
from agency_client.keystore.vault import (
    SecretRecord,
    StoredSecret,
    has_secret,
    keep_secret,
    load_secret,
)
from agency_client.outputs import refuse_unusable, write_alone
from agency_client.signatures import signatures_of
from agency_client.textfiles import read_text
from hashing.secret import LinkageSecret
from linkage.errors import PolicyError, VerificationError
from linkage.protocol.agreement import Agreement, parse_agreement
from linkage.protocol.handshake import Answers, sign_answers
from linkage.protocol.secret_messages import (
    SECRET_BYTES,
    agencies,
    open_secret,
    seal_secret,
    sign_commitment,
    verify_commitment,
)
from linkage.protocol.standing import require_in_force, standing

COMMITMENT_SUFFIX = ".commitment"
SEALED_SUFFIX = ".sealed"
ANSWERS_SUFFIX = ".answers"


@dataclass(frozen=True)
class CreatedSecret:
    """What `create_secret` wrote; ``drawn`` is False where the epoch's secret was there already."""

    drawn: bool
    commitment: str
    commitment_file: Path
    sealed: dict[str, Path]


def read_signed_agreement(file: Path, today: date | None = None) -> Agreement:
    """Read an agreement whose signatures lie beside it; raise unless it is in force today."""
    agreement = parse_agreement(read_text(file), file.name)
    moment = today or datetime.now(UTC).date()
    require_in_force(agreement, standing(agreement, signatures_of(file, ()), moment))
    return agreement


def create_secret(store: OpenKeystore, agreement: Agreement, file: Path) -> CreatedSecret:
    """Draw the epoch's secret, keep it, and write it sealed to each other agency beside ``file``.

    Where the keystore has it already, the same secret is sealed again, as a new version with new
    parties needs it. The keystore is written first: what others have is never lost here.
    """
    require_usable(store, agreement)
    own = store.identity
    others = [agency for agency in agencies(agreement) if agency.name != own.name]
    sealed = {agency.name: sealed_path(file, agency.name) for agency in others}
    refuse_unusable([commitment_path(file), *sealed.values()], (file,))
    remember(store, agreement)
    drawn = not has_secret(store, agreement)
    if drawn:
        keep_secret(store, agreement, _drawn(agreement, own.name))
    stored = load_secret(store, agreement)
    commitment = stored.record.commitment
    for agency in others:
        content = seal_secret(agreement, agency, bytes(stored.material), own)
        write_alone(sealed[agency.name], content)
    stored.wipe()
    write_alone(commitment_path(file), sign_commitment(agreement, commitment, own))
    return CreatedSecret(drawn, commitment, commitment_path(file), sealed)


def accept_secret(
    store: OpenKeystore,
    agreement: Agreement,
    sealed: Path,
    commitment: Path,
    *,
    write: bool = True,
) -> SecretRecord:
    """Open a secret that was sealed to this agency, check it against its commitment, and keep it.

    It is kept only with ``write``. Raises `VerificationError` where either isn't what it should
    be, `PolicyError` where the keystore has another secret for the epoch.
    """
    require_usable(store, agreement)
    creator, promised = verify_commitment(commitment.read_bytes(), commitment.name, agreement)
    content = sealed.read_bytes()
    material = bytearray(open_secret(content, sealed.name, agreement, creator, store.identity))
    found = commitment_of(material, agreement)
    if not hmac.compare_digest(found, promised):
        raise VerificationError(
            f"The secret in {sealed.name} from {creator.name!r} is not the one that "
            f"{creator.name!r} committed to in {commitment.name}; don't use it, and ask the other "
            "agencies which commitment they have."
        )
    own = agreement.agreement
    record = SecretRecord(own.id, own.epoch, creator.name, promised)
    if write:
        remember(store, agreement)
        keep_secret(store, agreement, StoredSecret(record, material))
    return record


def answers_of(
    store: OpenKeystore, agreement: Agreement, round_number: int, versions: dict[str, str]
) -> bytes:
    """Return this agency's signed answers of the known-answer handshake."""
    require_usable(store, agreement)
    stored = load_secret(store, agreement)
    with stored.lent() as secret:
        # Here begins the compiler: who asks after a status needn't wait for it.
        from hashing.known_answers import known_answers  # noqa: PLC0415

        found = known_answers(agreement.scheme, secret)
    answers = Answers(
        agreement=agreement.digest(),
        epoch=agreement.agreement.epoch,
        round=round_number,
        scheme=found.scheme_digest,
        commitment=stored.record.commitment,
        answers=found.digest,
        versions=versions,
    )
    return sign_answers(answers, store.identity)


def commitment_of(material: bytes | bytearray, agreement: Agreement) -> str:
    """Return the commitment to a secret for the agreement's epoch, 64 hex digits."""
    own = agreement.agreement
    secret = LinkageSecret(material)
    try:
        return secret.commitment(own.id, own.epoch)
    finally:
        secret.wipe()


def commitment_path(agreement: Path) -> Path:
    """Return where the commitment to the secret of an agreement belongs."""
    return agreement.with_name(f"{agreement.stem}.secret{COMMITMENT_SUFFIX}")


def sealed_path(agreement: Path, party: str) -> Path:
    """Return where the secret sealed to a party belongs."""
    return agreement.with_name(f"{agreement.stem}.secret.{party}{SEALED_SUFFIX}")


def answers_path(agreement: Path, party: str) -> Path:
    """Return where a party's answers of the handshake belong."""
    return agreement.with_name(f"{agreement.stem}.{party}{ANSWERS_SUFFIX}")


def _drawn(agreement: Agreement, creator: str) -> StoredSecret:
    own = agreement.agreement
    material = bytearray(secrets.token_bytes(SECRET_BYTES))
    record = SecretRecord(own.id, own.epoch, creator, commitment_of(material, agreement))
    return StoredSecret(record, material)


def secret_to_encode(
    store: OpenKeystore, agreement: Agreement, agency: str, *, write: bool
) -> StoredSecret:
    """Return the secret of the agreement's epoch for the keystore's own agency.

    With ``write`` the keystore notes that it works under this version. Raises `PolicyError` for
    another agency, or an agreement that was replaced.
    """
    if store.identity.name != agency:
        raise PolicyError(
            f"The keystore is that of {store.identity.name!r}, so it can't encode as {agency!r}."
        )
    require_usable(store, agreement)
    if write:
        remember(store, agreement)
    return load_secret(store, agreement)


def require_usable(store: OpenKeystore, agreement: Agreement) -> None:
    """Raise `PolicyError` unless it is the newest agreement, and the keystore an agency's of it."""
    require_newest(store, agreement)
    if store.identity.public not in agencies(agreement):
        raise PolicyError(
            f"{store.identity.name!r} with these keys is no agency of the agreement "
            f"{agreement.agreement.id!r}; only agencies may hold its secret."
        )
