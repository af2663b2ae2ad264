"""The tables. A change here needs a migration beside it; a test compares the two.

Times are POSIX seconds, digests hex.
"""

from matcher.store.tables.agreements import (
    agreement_signatures,
    agreements,
    answers,
    party_keys,
    rounds,
    secret_messages,
)
from matcher.store.tables.base import metadata
from matcher.store.tables.log import (
    log_checkpoints,
    log_cosignatures,
    log_events,
    log_head,
    log_nodes,
    nonces,
)
from matcher.store.tables.lookups import lookup_answers, lookup_matches, lookups
from matcher.store.tables.runs import jobs, results, runs
from matcher.store.tables.uploads import committed_uploads, upload_parts, uploads

__all__ = [
    "agreement_signatures",
    "agreements",
    "answers",
    "committed_uploads",
    "jobs",
    "log_checkpoints",
    "log_cosignatures",
    "log_events",
    "log_head",
    "log_nodes",
    "lookup_answers",
    "lookup_matches",
    "lookups",
    "metadata",
    "nonces",
    "party_keys",
    "results",
    "rounds",
    "runs",
    "secret_messages",
    "upload_parts",
    "uploads",
]
