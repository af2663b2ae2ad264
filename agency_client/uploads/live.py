"""A live matcher in the form that sending takes."""

from __future__ import annotations

from dataclasses import dataclass

from agency_client.matcher_api.connection import Connection
from linkage.audit.trusted_log import TrustedLog


@dataclass(frozen=True)
class LiveMatcher:
    """A matcher over a connection; see `agency_client.uploads.matcher.Matcher`."""

    connection: Connection

    @property
    def trusted(self) -> TrustedLog:
        """The state of the log that the keystore has pinned."""
        return self.connection.log.pinned

    def ask(self, method: str, path: str, body: bytes | None = None) -> bytes:
        """Return the body of the answer to a request."""
        return self.connection.send(method, f"/v1{path}", body).content
