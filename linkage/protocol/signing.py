"""Signed messages: who says what, over exact bytes.

A `Signed` message is canonical JSON that carries its payload as bytes. The signature (Ed25519) is
over the payload as it was received, never over something that was parsed and written again, and
over what kind of document it is, so that a signature under one kind is none under another.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Annotated

from pydantic import ConfigDict, Field, TypeAdapter
from pydantic.dataclasses import dataclass

from linkage.errors import VerificationError
from linkage.protocol.canonical import (
    canonical_json,
    decode_base64,
    encode_base64,
    parse_message,
)
from linkage.protocol.keys import Identity, PublicIdentity
from linkage.protocol.settings import settings

_STRICT = ConfigDict(extra="forbid", strict=True)
_PREFIX = "concord/1/signed"
_KIND = re.compile(r"[a-z][a-z0-9-]{0,63}")
# What stands inside a seal is signed as this, and no message in the clear is.
SEALED_KIND = "sealed"

Kind = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,63}$")]
PartyName = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_-]{0,63}$")]
Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


@dataclass(frozen=True, config=_STRICT)
class Envelope:
    """The JSON of a signed message, payload and signature in base64; see SPEC.md."""

    key: Digest
    kind: Kind
    payload: str
    signature: str
    signer: PartyName


_ENVELOPE = TypeAdapter(Envelope)


@dataclass(frozen=True)
class Signed:
    """A signed message whose signature was verified: who signed which bytes, as what."""

    kind: str
    signer: str
    payload: bytes


def sign(kind: str, payload: bytes, signer: Identity) -> bytes:
    """Return ``payload`` signed by ``signer`` as a document of that kind: canonical JSON."""
    if not _KIND.fullmatch(kind) or kind == SEALED_KIND:
        raise ValueError("a kind has lower-case letters, digits and hyphens, and isn't 'sealed'")
    key = signer.signing_key.verifying_key.fingerprint
    signature = signer.signing_key.sign(signed_bytes(kind, signer.name, key, payload))
    envelope = Envelope(key, kind, encode_base64(payload), encode_base64(signature), signer.name)
    return canonical_json(settings(envelope))


def verify_signed(
    content: bytes, source: str, kind: str, signers: Iterable[PublicIdentity]
) -> Signed:
    """Return what was signed, once every step of verifying has passed (SPEC.md, Signed messages).

    ``source`` is the name that errors give to the message, ``kind`` the one that is expected here,
    ``signers`` are those whose word counts. Raises `VerificationError`.
    """
    # Steps 1 and 2: strict, canonical JSON of exactly these members.
    envelope = parse_message(_ENVELOPE, content, source)
    # Step 3: it is the kind of document that is expected.
    if envelope.kind != kind:
        raise VerificationError(
            f"{source} is signed as {envelope.kind!r} and can't stand for {kind!r} (step 3); check "
            "that it is the right file."
        )
    # Step 4: its signer is one whose word counts here, with the key that is known.
    signer = _known(envelope, source, signers)
    # Step 5: payload and signature are in their one form.
    payload = decode_base64(envelope.payload, source)
    signature = decode_base64(envelope.signature, source)
    # Step 6: the signature is over kind, signer, key and payload.
    verify_signature(source, kind, signer, payload, signature)
    return Signed(kind, signer.name, payload)


def open_envelope(content: bytes, source: str) -> tuple[str, bytes]:
    """Return which key a message says it is signed with, and its payload: nothing is verified.

    For whoever has to look up by them whose word counts. Raises `VerificationError`.
    """
    envelope = parse_message(_ENVELOPE, content, source)
    return envelope.key, decode_base64(envelope.payload, source)


def verify_signature(
    source: str, kind: str, signer: PublicIdentity, payload: bytes, signature: bytes
) -> None:
    """Raise `VerificationError` unless the signature is ``signer``'s under payload and kind."""
    message = signed_bytes(kind, signer.name, signer.signing_key.fingerprint, payload)
    try:
        signer.signing_key.verify(signature, message)
    except VerificationError:
        raise VerificationError(
            f"The signature of {signer.name!r} in {source} doesn't fit what it is under (step 6), "
            f"so either was changed; ask {signer.name!r} to sign again."
        ) from None


def signed_bytes(kind: str, signer: str, key: str, payload: bytes) -> bytes:
    """Return the bytes that a signature is over: four lines of text, then the payload as it is."""
    return f"{_PREFIX}\n{kind}\n{signer}\n{key}\n".encode("ascii") + payload


def _known(envelope: Envelope, source: str, signers: Iterable[PublicIdentity]) -> PublicIdentity:
    for signer in signers:
        if signer.name == envelope.signer:
            if signer.signing_key.fingerprint == envelope.key:
                return signer
            raise VerificationError(
                f"{source} is signed in the name of {signer.name!r} with another key than the one "
                f"that is agreed (step 4); ask {signer.name!r} which key is theirs."
            )
    raise VerificationError(
        f"{source} is signed by {envelope.signer!r}, whose word doesn't count here (step 4); check "
        "that it belongs to this agreement."
    )
