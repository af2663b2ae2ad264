"""What can be wrong with a log, one class for each kind of wrong.

::

    VerificationError
    └── LogError
        ├── MalformedError    bytes that aren't in the one form that the format has
        ├── SignatureError    not signed by the key that was asked for
        ├── WitnessError      not signed by as many witnesses as were asked for
        ├── ProofError        a Merkle proof that doesn't lead to the root
        ├── RollbackError     the log shows an earlier state than one that was seen
        ├── TruncationError   events are missing that the checkpoint counts
        ├── SplitViewError    two checkpoints of one size and different roots
        ├── ForkError         a later checkpoint that doesn't contain an earlier one
        └── BundleError       a step of verifying a bundle that failed, and at which event

`RollbackError`, `SplitViewError` and `ForkError` are raised only after the log's signature was
verified: both checkpoints together are then evidence against whoever holds the log's key. A
`ForkError` from `linkage.audit.trusted_log` may also be a damaged proof, which is no evidence.
"""

from __future__ import annotations

from linkage.errors import VerificationError


class LogError(VerificationError):
    """A log, or a part of one, isn't what it should be."""


class MalformedError(LogError):
    """Bytes that aren't in the form, or not in its one canonical spelling."""


class SignatureError(LogError):
    """A signature is missing or doesn't fit the text and the key."""


class WitnessError(LogError):
    """Fewer witnesses have signed than were asked for."""


class ProofError(LogError):
    """A Merkle proof doesn't lead from what it should prove to the root."""


class RollbackError(LogError):
    """The log shows an earlier state than one that was seen."""


class TruncationError(LogError):
    """Events are missing that the checkpoint counts."""


class SplitViewError(LogError):
    """Two checkpoints of one size have different roots: two histories are being shown."""


class ForkError(LogError):
    """A later checkpoint doesn't contain an earlier one: the history was rewritten."""


class BundleError(LogError):
    """A step of verifying a bundle failed.

    ``source`` is the bundle's name, ``step`` and ``event`` are numbers from 1; ``event`` is None
    where the failure isn't one event's. The cause is the error of the check itself.
    """

    def __init__(
        self, source: str, step: int, name: str, event: int | None, cause: LogError
    ) -> None:
        place = f"step {step} ({name})" + ("" if event is None else f", event {event:,}")
        super().__init__(f"{source} failed verification at {place}: {cause}")
        self.step = step
        self.event = event
        self.cause = cause
