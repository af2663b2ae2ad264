"""The report of ``check`` for scripts: headings, counts and row numbers, never a value."""

from __future__ import annotations

import json
from typing import Any

from agency_client.checking.check import CheckReport, FieldFormats
from agency_client.checking.columns_proposal import ProposedColumn
from agency_client.checking.verdict import Verdict


def as_json(report: CheckReport, verdict: Verdict) -> str:
    """Return the report as one JSON object."""
    return json.dumps(
        {
            "extract": report.name,
            "records": report.records,
            "fields_of": report.plan.source,
            "profile": report.plan.profile,
            "ready": verdict.ready,
            "mend": verdict.mends,
            "advice": verdict.advice,
            "columns": [_column(proposed, report) for proposed in report.proposal.columns],
            "unused_columns": [
                {"column": unused.heading, "seems": unused.seems}
                for unused in report.proposal.unused
            ],
            "completeness": [vars(own) for own in report.completeness],
            "formats": {own.field: _formats(own) for own in report.formats},
            "placeholders": [vars(found) for found in report.placeholders],
            "record_ids": vars(report.ids),
            "rows": vars(report.rows),
            "changes": {own.field: dict(own.counts) for own in report.changes},
            "damaged": [
                {
                    "row": cell.row,
                    "column": cell.column,
                    "field": cell.field,
                    "reason": cell.reason,
                    "outcome": cell.outcome,
                }
                for cell in report.damaged
            ],
        }
    )


def _column(proposed: ProposedColumn, report: CheckReport) -> dict[str, Any]:
    return {
        "field": proposed.field,
        "column": None if proposed.column is None else report.header[proposed.column],
        "confidence": proposed.confidence,
        "reason": proposed.reason,
        "rivals": [report.header[rival] for rival in proposed.rivals],
    }


def _formats(own: FieldFormats) -> dict[str, Any]:
    order = {} if own.order is None else {"day_month_order": vars(own.order)}
    return {"written": {share.label: share.count for share in own.shares}, **order}
