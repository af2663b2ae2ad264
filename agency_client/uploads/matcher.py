"""What sending needs of a matcher, however it is reached."""

from __future__ import annotations

from typing import Protocol

from linkage.audit.trusted_log import TrustedLog


class Matcher(Protocol):
    """A matcher that is asked in this party's name, and whose every answer is held to its log."""

    @property
    def trusted(self) -> TrustedLog:
        """The state of the log that the last answer has proved."""

    def ask(self, method: str, path: str, body: bytes | None = None) -> bytes:
        """Return the body of the answer to a request; ``path`` is what follows ``/v1``.

        Raises the `LinkageError` that a problem stands for, `UnavailableError` where the matcher
        can't be reached or the connection breaks.
        """
