"""What the report of a run tells, before it is put into words."""

from __future__ import annotations

from dataclasses import dataclass

from linkage.audit.bundle import BundleHead
from linkage.protocol.agreement import Agreement
from linkage.protocol.leakage import LeakageSummary
from linkage.protocol.standing import Standing
from matcher.disclosures.told import Told
from matcher.quality.shown import About
from matcher.runs.chosen import ChosenUpload
from matcher.runs.service import RunView


@dataclass(frozen=True)
class Received:
    """An upload that went into the run, when it was committed, and the leaf of that event.

    ``leakage`` is what came of its leakage report, None if nothing did.
    """

    upload: ChosenUpload
    committed: int
    leaf: int
    erased: bool
    leakage: LeakageSummary | None


@dataclass(frozen=True)
class RefusedUpload:
    """An upload of one of the run's rounds that was refused, and the name of the reason."""

    agency: str
    round: int
    refusal: str


@dataclass(frozen=True)
class Outcome:
    """What is kept of what came out; ``digest`` is what the log says of it."""

    digest: str
    about: About


@dataclass(frozen=True)
class RunFacts:
    """All that the report of a run tells.

    ``signatures`` are the SHA-256 of the parties' signatures, as the log has them; ``inputs`` is
    the digest by which the log names the uploads together. ``outcome`` is None once it is erased.
    ``head`` is the log's newest checkpoint, with the keys that have signed it.
    """

    agreement: Agreement
    standing: Standing
    signatures: dict[str, str]
    run: RunView
    inputs: str
    received: tuple[Received, ...]
    refused: tuple[RefusedUpload, ...]
    outcome: Outcome | None
    disclosures: tuple[Told, ...]
    lookups: int
    head: BundleHead
