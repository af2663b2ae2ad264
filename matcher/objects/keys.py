"""The keys of objects: where parts of uploads, files of runs, payload and maps lie in the store."""

from __future__ import annotations

UPLOADS = "uploads"
RUNS = "runs"
PAYLOADS = "payloads"
COHORTS = "cohorts"


def upload_objects(upload: str) -> str:
    """Return the prefix of all objects of an upload."""
    return f"{UPLOADS}/{upload}"


def part_key(upload: str, number: int, sha256: str) -> str:
    """Return the key of a part; with its digest, so that no other bytes ever take its place."""
    return f"{upload_objects(upload)}/parts/{number:06}.{sha256}"


def run_objects(run: str) -> str:
    """Return the prefix of all objects of a run."""
    return f"{RUNS}/{run}"


def lease_objects(run: str, lease: int) -> str:
    """Return the prefix of what a worker writes under its lease, where no other worker writes."""
    return f"{run_objects(run)}/{lease}"


def payload_objects(payload: str) -> str:
    """Return the prefix of all objects of a payload."""
    return f"{PAYLOADS}/{payload}"


def piece_key(payload: str, number: int, sha256: str) -> str:
    """Return the key of a sealed piece; with its digest, as that of a part."""
    return f"{payload_objects(payload)}/pieces/{number:06}.{sha256}"


def cohort_objects(cohort: str) -> str:
    """Return the prefix of all objects of a cohort."""
    return f"{COHORTS}/{cohort}"


def map_key(cohort: str, sha256: str) -> str:
    """Return the key of a cohort's map."""
    return f"{cohort_objects(cohort)}/map.{sha256}"
