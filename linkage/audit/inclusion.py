"""An event handed over by somebody, shown to be in the log by a checkpoint that counts it."""

from __future__ import annotations

from collections.abc import Sequence

from linkage.audit.checkpoint import Checkpoint
from linkage.audit.events import Event, parse_event
from linkage.audit.failures import ProofError
from linkage.audit.merkle import leaf_hash, verify_inclusion


def proved_event(data: bytes, leaf: int, proof: Sequence[bytes], checkpoint: Checkpoint) -> Event:
    """Return the event ``leaf`` (from 0) of the log, whose state the verified checkpoint is.

    ``proof`` has the hashes from the event to the root. Raises `MalformedError` or `ProofError`.
    """
    if leaf >= checkpoint.size:
        raise ProofError("the checkpoint doesn't count the event yet.")
    verify_inclusion(leaf_hash(data), leaf, checkpoint.size, proof, checkpoint.root)
    return parse_event(data)
