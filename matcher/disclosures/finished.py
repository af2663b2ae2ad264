"""Finished runs, read from the store of objects as far as disclosures need them."""

from __future__ import annotations

from threading import Lock

from sqlalchemy import Connection, select

from linkage.errors import NotReadyError
from matcher.agreements.standings import Recent
from matcher.disclosures.clusters import RunClusters, read_clusters
from matcher.disclosures.pseudonyms import key_of_run
from matcher.objects.objects import Objects
from matcher.runs.finished import RunOutcome, parse_outcome
from matcher.runs.newest import newest_run
from matcher.runs.storing import read_run_file
from matcher.store.database import Database
from matcher.store.tables import runs

_CLUSTERS = "clusters.parquet"
_MOST_RUNS = 2
"""How many runs' clusters stay in memory: the newest, and one before it."""


def require_newest(connection: Connection, agreement: str) -> str:
    """Return the newest finished run; raises `NotReadyError` without one."""
    found = newest_run(connection, agreement)
    if found is None:
        raise NotReadyError("No run has finished yet, so there are no clusters; wait for one.")
    return found


class FinishedRuns:
    """Reads what came out of runs; what was read last stays in memory."""

    def __init__(self, database: Database, objects: Objects) -> None:
        self._database = database
        self._objects = objects
        self._kept: Recent[str, RunClusters] = Recent(_MOST_RUNS)
        self._reading = Lock()

    def outcome(self, run: str) -> RunOutcome | None:
        """Return the outcome of a finished run; None where it isn't kept any more."""
        query = select(runs.c.outcome).where(
            runs.c.id == run, runs.c.state == "finished", runs.c.data == "kept"
        )
        with self._database.reading() as connection:
            content = connection.execute(query).scalar_one_or_none()
        return None if content is None else parse_outcome(bytes(content), run)

    def clusters(self, agreement: str, run: str) -> RunClusters:
        """Return the clusters of a kept run by their pseudonyms; raises `VerificationError`."""
        with self._reading:  # two at once would take the memory twice
            return self._kept.get(run, lambda: self._read(agreement, run))

    def file(self, run: str, name: str) -> bytes | None:
        """Return a file of a kept run; None where the run has none of that name, or is gone.

        Raises `VerificationError` for one that isn't what the run has stored.
        """
        outcome = self.outcome(run)
        if outcome is None or name not in outcome.files:
            return None
        return read_run_file(self._objects, outcome, name)

    def _read(self, agreement: str, run: str) -> RunClusters:
        content = self.file(run, _CLUSTERS)
        if content is None:
            raise NotReadyError("The newest run was erased meanwhile; wait for another.")
        return read_clusters(content, run, key_of_run(self._database, agreement, run))
