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
from matcher.store.tables.console import console_sessions, refused_requests
from matcher.store.tables.disclosures import (
    cluster_evidence,
    disclosure_messages,
    disclosures,
    holdings,
    protected_records,
    run_keys,
    sealed_fields,
)
from matcher.store.tables.log import (
    log_checkpoints,
    log_cosignatures,
    log_events,
    log_head,
    log_index,
    log_nodes,
    log_sorts,
    log_verified,
    nonces,
)
from matcher.store.tables.lookups import lookup_answers, lookup_matches, lookups
from matcher.store.tables.runs import jobs, results, runs
from matcher.store.tables.uploads import committed_uploads, upload_parts, uploads

__all__ = [
    "agreement_signatures",
    "agreements",
    "answers",
    "cluster_evidence",
    "committed_uploads",
    "console_sessions",
    "disclosure_messages",
    "disclosures",
    "holdings",
    "jobs",
    "log_checkpoints",
    "log_cosignatures",
    "log_events",
    "log_head",
    "log_index",
    "log_nodes",
    "log_sorts",
    "log_verified",
    "lookup_answers",
    "lookup_matches",
    "lookups",
    "metadata",
    "nonces",
    "party_keys",
    "protected_records",
    "refused_requests",
    "results",
    "rounds",
    "run_keys",
    "runs",
    "sealed_fields",
    "secret_messages",
    "upload_parts",
    "uploads",
]
