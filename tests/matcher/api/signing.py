"""Signing requests by hand, from RFC 9421 alone, so that the library isn't its own judge."""

from __future__ import annotations

import base64
import hashlib
import secrets
from dataclasses import dataclass, field

from linkage.protocol.keys import Identity


@dataclass
class Request:
    """A request to be signed; whatever a test changes afterwards isn't covered any more."""

    method: str
    url: str
    created: int
    body: bytes | None = None
    pinned: int = 0
    nonce: str = field(default_factory=lambda: secrets.token_hex(16))
    headers: dict[str, str] = field(default_factory=dict)

    def signed_by(self, identity: Identity, key: str | None = None) -> Request:
        """Set the headers that a request by ``identity`` has."""
        self.headers = {"concord-pinned": str(self.pinned)}
        components = ['"@method"', '"@target-uri"']
        if self.body is not None:
            digest = base64.b64encode(hashlib.sha256(self.body).digest()).decode()
            self.headers["content-digest"] = f"sha-256=:{digest}:"
            components.append('"content-digest"')
        components.append('"concord-pinned"')
        key = key or identity.signing_key.verifying_key.fingerprint
        parameters = (
            f'({" ".join(components)});created={self.created};keyid="{key}";nonce="{self.nonce}"'
        )
        values = {"@method": self.method, "@target-uri": self.url} | self.headers
        lines = [f"{name}: {values[name.strip(chr(34))]}" for name in components]
        base = "\n".join([*lines, f'"@signature-params": {parameters}'])
        signature = base64.b64encode(identity.signing_key.sign(base.encode())).decode()
        self.headers["signature-input"] = f"concord={parameters}"
        self.headers["signature"] = f"concord=:{signature}:"
        return self
