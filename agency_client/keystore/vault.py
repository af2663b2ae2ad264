"""The linkage secrets in a keystore: one for each agreement and epoch, under the storage key."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pydantic import ConfigDict, TypeAdapter
from pydantic.dataclasses import dataclass as message

from agency_client.keystore.store import OpenKeystore, make_private_folder
from agency_client.keystore.wrapping import unwrap_with_key, wrap_under_key
from agency_client.outputs import write_alone
from hashing.secret import LinkageSecret
from linkage.errors import InputError, PolicyError, VerificationError
from linkage.protocol.agreement import Agreement
from linkage.protocol.canonical import canonical_json, parse_message
from linkage.protocol.secret_messages import SECRET_BYTES
from linkage.protocol.settings import settings
from linkage.protocol.signing import Digest, PartyName

SECRETS_FOLDER = "secrets"
_KIND = "linkage-secret"


@message(frozen=True, config=ConfigDict(extra="forbid", strict=True))
class SecretRecord:
    """What is known of a secret beside its bytes: whose agreement and epoch, who drew it."""

    agreement_id: PartyName
    epoch: int
    creator: PartyName
    commitment: Digest


_RECORD = TypeAdapter(SecretRecord)


@dataclass(frozen=True, repr=False)
class StoredSecret:
    """A secret of the keystore; ``material`` are its 32 bytes."""

    record: SecretRecord
    material: bytearray

    def __repr__(self) -> str:
        return f"StoredSecret({self.record!r}, hidden)"

    @contextmanager
    def lent(self) -> Iterator[LinkageSecret]:
        """Lend the secret for encoding; afterwards both are wiped and can't be used."""
        secret = LinkageSecret(self.material)
        try:
            yield secret
        finally:
            secret.wipe()
            self.wipe()

    def wipe(self) -> None:
        """Overwrite the secret's bytes."""
        self.material[:] = bytes(len(self.material))


def has_secret(store: OpenKeystore, agreement: Agreement) -> bool:
    """Whether the keystore holds the secret of the agreement's epoch."""
    return _path(store, agreement).exists()


def load_secret(store: OpenKeystore, agreement: Agreement) -> StoredSecret:
    """Return the secret of the agreement's epoch.

    Raises `InputError` where there is none, `VerificationError` where it is damaged or of another
    agreement.
    """
    path = _path(store, agreement)
    own = agreement.agreement
    try:
        wrapped = path.read_bytes()
    except FileNotFoundError:
        raise InputError(
            f"The keystore in {store.folder} has no secret for epoch {own.epoch} of {own.id!r}; "
            "one agency makes it with 'secret create --agreement', the others 'secret accept' it."
        ) from None
    content = unwrap_with_key(_KIND, wrapped, str(path), store.storage_key)
    head, _, material = content.partition(b"\n")
    record = parse_message(_RECORD, head, str(path))
    if (record.agreement_id, record.epoch) != (own.id, own.epoch) or len(material) != SECRET_BYTES:
        raise VerificationError(f"{path} holds the secret of another agreement or epoch.")
    return StoredSecret(record, bytearray(material))


def keep_secret(store: OpenKeystore, agreement: Agreement, secret: StoredSecret) -> None:
    """Write a secret into the keystore; raise `PolicyError` rather than replace another."""
    if has_secret(store, agreement):
        if load_secret(store, agreement).record.commitment == secret.record.commitment:
            return
        own = agreement.agreement
        raise PolicyError(
            f"The keystore holds another secret for epoch {own.epoch} of {own.id!r} already, and "
            "a secret is never overwritten; find out which of the two everybody else has."
        )
    make_private_folder(store.folder / SECRETS_FOLDER)
    content = canonical_json(settings(secret.record)) + b"\n" + bytes(secret.material)
    path = _path(store, agreement)
    write_alone(path, wrap_under_key(_KIND, content, store.storage_key))


def _path(store: OpenKeystore, agreement: Agreement) -> Path:
    own = agreement.agreement
    return store.folder / SECRETS_FOLDER / f"{own.id}.{own.epoch}.json"
