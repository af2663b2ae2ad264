"""The leakage report that lies beside a file of encodings, and what its manifest tells of it."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Literal

from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from linkage.errors import VerificationError
from linkage.protocol.leakage import AttackOutcome, LeakageSummary

FORMAT = "concord-leakage/1"


@dataclass(frozen=True, config=ConfigDict(strict=True))
class _Record:
    """The members of the report in JSON that are told; there are more."""

    format: Literal["concord-leakage/1"]
    verdict: Literal["passed", "overruled"]
    overruled: str | None
    limit: float
    attacks: tuple[AttackOutcome, ...]


_RECORD = TypeAdapter(_Record)


def page_path(encodings: Path) -> Path:
    """Return where the report of a file of encodings lies as a page."""
    return encodings.with_suffix(".leakage.html")


def record_path(encodings: Path) -> Path:
    """Return where the report of a file of encodings lies in JSON."""
    return encodings.with_suffix(".leakage.json")


def summary_beside(encodings: Path, digest: str) -> LeakageSummary | None:
    """Return what is told of the report beside a file, whose SHA-256 (hex) the file names.

    None for a file that names none, as its ``digest`` is empty. Raises `VerificationError` where
    the report isn't there or is another one.
    """
    if not digest:
        return None
    path = record_path(encodings)
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise VerificationError(
            f"{path} isn't there: the leakage report that was written with {encodings}, of which "
            "the upload tells the outcome. Put it back beside the file, or encode the extract "
            "again."
        ) from None
    if hashlib.sha256(content).hexdigest() != digest:
        raise VerificationError(
            f"{path} isn't the leakage report of {encodings}: it was altered, or written by "
            "another run of 'encode'. Put back the one that was written with the file, or encode "
            "the extract again."
        )
    return _summarise(content, digest, path)


def _summarise(content: bytes, digest: str, path: Path) -> LeakageSummary:
    """Return the verdict, and of each attack on each sample the worst choice of groups."""
    try:
        record = _RECORD.validate_json(content, extra="ignore")
        return LeakageSummary(
            report=digest,
            verdict=record.verdict,
            limit=record.limit,
            attacks=_worst(record.attacks),
            overruled=record.overruled if record.verdict == "overruled" else None,
        )
    except ValidationError:
        raise VerificationError(
            f"{path} isn't a leakage report as this release writes them; encode the extract again."
        ) from None


def _worst(attacks: tuple[AttackOutcome, ...]) -> tuple[AttackOutcome, ...]:
    worst: dict[tuple[str, int, str], AttackOutcome] = {}
    for one in attacks:
        place = (one.sample, one.sample_records, one.attack)
        if place not in worst or one.badness > worst[place].badness:
            worst[place] = one
    return tuple(worst.values())
