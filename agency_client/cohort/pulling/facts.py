"""What ``cohort.json`` says of a cohort beside the digests of its files."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from agency_client.cohort.tables import FORMAT
from linkage.protocol.agreement import Agreement
from linkage.protocol.cohort.messages import PairEstimate
from linkage.pulled import VerifiedCohort


def facts_of(found: VerifiedCohort, agreement: Agreement) -> dict[str, Any]:
    """Return plain data for JSON; every member is from signed messages or the agreement."""
    cohort, terms = found.cohort, agreement.agreement
    return {
        "format": FORMAT,
        "id": cohort.id,
        "agreement": {
            "id": terms.id,
            "version": terms.version,
            "digest": agreement.digest(),
            "epoch": terms.epoch,
        },
        "round": cohort.round,
        "run": cohort.run,
        "analyst": cohort.analyst,
        "purpose": found.request.purpose,
        "reference": found.request.reference,
        "reason": found.request.reason,
        "pulled": datetime.fromtimestamp(found.request.at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "agencies": {
            "with_payload": [own.agency for own in cohort.agencies if own.payload is not None],
            "without_payload": [own.agency for own in cohort.agencies if own.payload is None],
        },
        "estimates": list(_estimates(cohort.estimates)),
        "outputs": {
            "least_cell": agreement.outputs.least_cell,
            "rounding": agreement.outputs.rounding,
        },
        "log": {"size": found.checkpoint.size, "leaf": found.leaf},
    }


def _estimates(pairs: tuple[PairEstimate, ...]) -> Iterator[dict[str, Any]]:
    """Yield the estimates of those pairs of agencies of which the model can say both."""
    for own in pairs:
        if own.precision is None or own.recall is None:
            continue
        yield {
            "agency_a": own.agency_a,
            "agency_b": own.agency_b,
            "precision": own.precision,
            "recall": own.recall,
            "counts_unseen": own.counts_unseen,
            "intervals": {
                "precision": _interval(own.precision_low, own.precision_high),
                "recall": _interval(own.recall_low, own.recall_high),
            },
        }


def _interval(low: float | None, high: float | None) -> list[float] | None:
    return None if low is None or high is None else [low, high]
