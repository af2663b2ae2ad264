"""Witnessing a log: verify it against what was seen before, remember it, and sign for it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from agency_client.keystore.store import OpenKeystore
from agency_client.keystore.witnessed import remember_witnessed, witnessed
from agency_client.log_files import opened_bundle
from linkage.audit.bundle import read_note
from linkage.audit.checkpoint import Checkpoint, open_checkpoint
from linkage.audit.cosignature import cosign
from linkage.audit.failures import LogError
from linkage.audit.keys import LogKeys, SignatureType, Signer, VerifierKey
from linkage.audit.notes import SignedNote
from linkage.audit.verification import Trust, verify_bundle
from linkage.errors import VerificationError
from linkage.protocol.keys import PublicIdentity, SigningKey


@dataclass(frozen=True, repr=False)
class _PrivateKey:
    """A keystore's signing key in the form that the log's signers take."""

    key: SigningKey

    def sign(self, data: bytes, /) -> bytes:
        return self.key.sign(data)

    def public_key(self) -> Ed25519PublicKey:
        return Ed25519PublicKey.from_public_bytes(self.key.verifying_key.raw)


@dataclass(frozen=True)
class Witnessed:
    """The verified state, and its checkpoint under the signatures of the log and this party."""

    checkpoint: Checkpoint
    note: SignedNote


def witness_key(identity: PublicIdentity) -> VerifierKey:
    """Return the key by which others verify what this party has witnessed."""
    return VerifierKey(identity.name, SignatureType.WITNESS, identity.signing_key.raw)


def witness_signer(store: OpenKeystore) -> Signer:
    """Return the keystore's key in the form in which it witnesses."""
    own = store.identity
    return Signer(own.name, SignatureType.WITNESS, _PrivateKey(own.signing_key))


def witness_bundle(store: OpenKeystore, bundle: Path, keys: LogKeys, time: int) -> Witnessed:
    """Verify every event of a bundle and that it goes on from what was witnessed before; sign it.

    ``time`` is POSIX seconds. What was witnessed is remembered before the signature exists, so that
    no accident makes this party sign for two histories. Raises `BundleError`.
    """
    verified = verify_bundle_from(store, bundle, keys)
    with opened_bundle(bundle) as lines:
        note = read_note(lines)
    if note.text != str(verified):
        raise VerificationError(f"{bundle.name} changed while it was read; try again.")
    remember_witnessed(store, keys.log.name, note.to_bytes())
    line = cosign(note, witness_signer(store), time)
    # Lines of a note stand in any order; the log's need not be the first.
    of_log = tuple(one for one in note.signatures if one.is_of(keys.log))
    return Witnessed(verified, SignedNote(note.text, (*of_log, line)))


def verify_bundle_from(store: OpenKeystore, bundle: Path, keys: LogKeys) -> Checkpoint:
    """Verify a bundle against the state that this keystore has witnessed last."""
    earlier = witnessed(store, keys.log.name)
    try:
        pinned = None if earlier is None else open_checkpoint(earlier, keys.log)
    except LogError as error:
        raise VerificationError(
            f"The log {keys.log.name} was witnessed under another key than the one given now; ask "
            "its operator why it has changed."
        ) from error
    with opened_bundle(bundle) as lines:
        # Other witnesses may sign later; their word isn't needed for this party's.
        return verify_bundle(lines, bundle.name, Trust(keys, 0, pinned)).checkpoint
