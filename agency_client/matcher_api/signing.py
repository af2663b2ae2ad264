"""Signing requests by HTTP message signatures (RFC 9421), as SPEC.md of the protocol says."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from http_message_signatures import HTTPMessageSigner
from http_message_signatures.algorithms import ED25519

from linkage.protocol.keys import SigningKey
from linkage.protocol.requests import CONTENT_DIGEST, LABEL, PINNED, content_digest, covered


@dataclass(frozen=True)
class _Message:
    """What the library asks of a request."""

    method: str
    url: str
    headers: dict[str, str]


@dataclass(frozen=True)
class Draft:
    """A request before it is signed: method, absolute URL, body (None for none), pinned size."""

    method: str
    url: str
    body: bytes | None
    pinned: int


def signed_headers(draft: Draft, key: SigningKey, created: datetime, nonce: str) -> dict[str, str]:
    """Return the headers that make a request signed; ``nonce`` is 32 hex digits, used once."""
    headers = {PINNED: str(draft.pinned)}
    if draft.body is not None:
        headers[CONTENT_DIGEST] = content_digest(draft.body)
    message = _Message(draft.method, draft.url, headers)
    signer = HTTPMessageSigner(signature_algorithm=ED25519)
    prepared = signer.prepare(
        message,
        key_id=key.verifying_key.fingerprint,
        created=created,
        nonce=nonce,
        label=LABEL,
        include_alg=False,
        covered_component_ids=covered(has_body=draft.body is not None),
        use_existing_digest=draft.body is not None,
    )
    # The key never leaves its keeper: it signs what the library has laid out.
    signer.apply(message, prepared, key.sign(prepared.signature_base))
    return headers
