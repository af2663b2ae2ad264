"""What makes the matcher refuse a file of encodings: for good, or for now."""

from __future__ import annotations

from linkage.errors import UnavailableError, VerificationError

REASONS = {
    "changed": "The parts do not make the file that was announced",
    "unreadable": "It is not a whole file of encodings as the client writes them",
    "compressed": "It is compressed or its lengths are not those of encodings",
    "scheme": "It was encoded under another scheme than that of the agreement",
    "agency": "It was encoded in the name of another agency",
    "manifest": "It holds other rows than its manifest says",
    "report": "It was encoded with another leakage report than its manifest tells of",
}
"""What the log says of a refusal, by its name; never anything from the file."""


class BusyError(UnavailableError):
    """The file can't be verified just now; nothing was done, and asking again is right."""


class UnfitError(VerificationError):
    """A file that was received isn't one that this agency may commit; ``reason`` is in `REASONS`.

    The message is for the agency alone.
    """

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        assert reason in REASONS
