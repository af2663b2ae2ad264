"""Verifying HTTP message signatures (RFC 9421) over what a request says of itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from http_message_signatures import (
    HTTPMessageSignaturesException,
    HTTPMessageVerifier,
    HTTPSignatureKeyResolver,
)
from http_message_signatures.algorithms import ED25519

from linkage.protocol.keys import VerifyingKey
from linkage.protocol.requests import (
    CONTENT_DIGEST,
    PINNED,
    SIGNATURE,
    SIGNATURE_INPUT,
    SignatureInput,
    UnsignedError,
    parse_content_digest,
    parse_pinned,
    parse_signature,
    parse_signature_input,
    require_fresh,
)


@dataclass(frozen=True)
class SentRequest:
    """A request as it came: method, absolute target, headers by lower-case name."""

    method: str
    url: str
    headers: Mapping[str, str]


@dataclass(frozen=True)
class Authenticated:
    """What a verified request says: the key, its nonce, what is pinned, the SHA-256 of the body.

    ``body_sha256`` is None where there is no body.
    """

    key: str
    nonce: str
    expires: int
    pinned: int
    body_sha256: bytes | None


def authenticate(
    request: SentRequest, *, has_body: bool, now: float, key_of: Callable[[str], VerifyingKey]
) -> Authenticated:
    """Verify who sent a request; that the body fits its digest is left to whoever reads it.

    ``now`` is POSIX seconds, ``key_of`` returns the key with a fingerprint or raises. Steps:

    1. every header that counts is there once, in its one spelling (`UnsignedError`);
    2. it was signed not long ago (`StaleError`);
    3. the key is a party's (whatever ``key_of`` raises);
    4. the signature is that key's over method, target, digest and pin (`UnsignedError`).
    """
    said = parse_signature_input(_header(request, SIGNATURE_INPUT), has_body=has_body)
    parse_signature(_header(request, SIGNATURE))
    pinned = parse_pinned(_header(request, PINNED))
    digest = parse_content_digest(_header(request, CONTENT_DIGEST)) if has_body else None
    require_fresh(said.created, now)
    _verify(request, key_of(said.key))
    return _authenticated(said, pinned, digest)


def _authenticated(said: SignatureInput, pinned: int, digest: bytes | None) -> Authenticated:
    return Authenticated(said.key, said.nonce, said.expires, pinned, digest)


def _header(request: SentRequest, name: str) -> str:
    value = request.headers.get(name.lower())
    if value is None:
        raise UnsignedError(f"The request has no {name}; it must be signed (SPEC.md, Requests).")
    return value


def _verify(request: SentRequest, key: VerifyingKey) -> None:
    verifier = _Verifier(signature_algorithm=ED25519, key_resolver=_OneKey(key))
    try:
        # The time is judged by the matcher's own clock, before.
        verifier.verify(request, max_age=None)
    except HTTPMessageSignaturesException:
        raise UnsignedError(
            "The signature isn't that key's over this method, target, digest and pin, so the "
            "request was changed on its way, or was signed for another address than the matcher's "
            "public_url."
        ) from None


class _OneKey(HTTPSignatureKeyResolver):
    """The key that was looked up, whatever is asked for."""

    def __init__(self, key: VerifyingKey) -> None:
        self._key = Ed25519PublicKey.from_public_bytes(key.raw)

    def resolve_public_key(self, key_id: str) -> Ed25519PublicKey:  # noqa: ARG002 - interface
        return self._key


class _Verifier(HTTPMessageVerifier):
    """The library's verifier without its clock."""

    def validate_created_and_expires(
        self, sig_input: Any, max_age: timedelta | None = None
    ) -> None:
        """Leave it to `require_fresh`."""
