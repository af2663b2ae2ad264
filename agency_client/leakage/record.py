"""The leakage report as JSON, with whoever overruled it and why."""

from __future__ import annotations

import json
from typing import Any

from agency_client.leakage_files import FORMAT
from hashing.risk import AttackResult, LeakageReport, Measure


def as_json(report: LeakageReport, agency: str, overruled: str | None = None) -> str:
    """Return the report in JSON, indented; shares are from 0 to 1, intervals hold 95%."""
    return json.dumps(as_record(report, agency, overruled), indent=2, ensure_ascii=False) + "\n"


def as_record(report: LeakageReport, agency: str, overruled: str | None) -> dict[str, Any]:
    """Return the report as plain data; it holds no identifier, value or token."""
    return {
        "format": FORMAT,
        "agency": agency,
        "scheme": report.scheme,
        "scheme_digest": report.scheme_digest,
        "verdict": verdict(report, overruled),
        "overruled": overruled,
        "limit": report.limit,
        "weak_groups": list(report.weak_groups),
        "undiffused_groups": list(report.undiffused),
        "own_rows_attacked": report.own_rows_attacked,
        "samples": [{"name": s.name, "records": s.records} for s in report.samples],
        "attacks": [_attack(result, report.limit) for result in report.attacks],
        "measures": [_measure(measure) for measure in report.measures],
        "seconds": round(report.seconds, 1),
    }


def verdict(report: LeakageReport, overruled: str | None) -> str:
    """Return 'passed', 'failed' or 'overruled'."""
    if report.passed:
        return "passed"
    return "overruled" if overruled else "failed"


def _attack(result: AttackResult, limit: float) -> dict[str, Any]:
    low, high = result.interval
    return {
        "sample": result.sample,
        "sample_records": result.sample_records,
        "groups": list(result.groups),
        "attack": result.attack,
        "records": result.records,
        "recovered": result.recovered,
        "share": round(result.share, 6),
        "interval": [round(low, 6), round(high, 6)],
        "baseline": round(result.baseline, 6),
        "over_limit": result.exceeds(limit),
    }


def _measure(measure: Measure) -> dict[str, Any]:
    return {
        "group": measure.group,
        "measure": measure.name,
        "value": round(measure.value, 6),
        "baseline": round(measure.baseline, 6),
    }
