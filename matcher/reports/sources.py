"""The services that a report is gathered from."""

from __future__ import annotations

from dataclasses import dataclass

from matcher.agreements.standings import Standings
from matcher.disclosures.finished import FinishedRuns
from matcher.disclosures.service import Disclosures
from matcher.ledger.ledger import Ledger
from matcher.quality.desk import RunDesk
from matcher.runs.service import Runs
from matcher.store.database import Database


@dataclass(frozen=True)
class ReportSources:
    """What a report is gathered from."""

    database: Database
    ledger: Ledger
    standings: Standings
    runs: Runs
    finished: FinishedRuns
    desk: RunDesk
    disclosures: Disclosures
