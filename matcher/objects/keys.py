"""The keys of objects: where the parts of uploads and the files of runs lie in the store."""

from __future__ import annotations

UPLOADS = "uploads"
RUNS = "runs"


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
