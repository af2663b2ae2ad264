"""Finished runs for those who look at them; what was looked at last stays in memory."""

# ruff: noqa: PLC0415 - deriving loads compilers and chart engines, which a server does without

from __future__ import annotations

from threading import Lock

from linkage.errors import MissingError
from matcher.agreements.standings import Recent
from matcher.disclosures.finished import FinishedRuns
from matcher.disclosures.pseudonyms import key_of_run
from matcher.quality.kept import ABOUT, LINKS, KeptRun, read_about, read_links
from matcher.quality.shown import About
from matcher.store.database import Database

_MOST_RUNS = 2
"""How many runs' links stay in memory: 300,000 between 100,000 people take 35 MB."""
_MOST_TOLD = 12
"""How many runs' figures stay in memory, which are small."""


class KeptRuns:
    """Reads runs, whose files are verified against what each run has stored."""

    def __init__(self, database: Database, finished: FinishedRuns) -> None:
        self._database = database
        self._finished = finished
        self._told: Recent[str, About] = Recent(_MOST_TOLD)
        self._kept: Recent[str, KeptRun] = Recent(_MOST_RUNS)
        self._reading = Lock()  # two at once would take the memory twice

    def about(self, agreement: str, run: str) -> About:
        """Return what is told of a run beside its links; raises as `one`."""
        self._require(run)
        with self._reading:
            return self._about(agreement, run)

    def one(self, agreement: str, run: str) -> KeptRun:
        """Return a finished run of an agreement, by its digest; raises `VerificationError`.

        Raises `MissingError` where nothing is kept of it, also once it was erased meanwhile.
        """
        self._require(run)
        with self._reading:
            return self._one(agreement, run)

    def _require(self, run: str) -> None:
        if self._finished.outcome(run) is None:
            raise _gone(run)

    def _about(self, agreement: str, run: str) -> About:
        def read() -> About:
            content = self._finished.file(run, ABOUT)
            return self._one(agreement, run).about if content is None else read_about(run, content)

        return self._told.get(run, read)

    def _one(self, agreement: str, run: str) -> KeptRun:
        def read() -> KeptRun:
            content = self._finished.file(run, LINKS)
            if content is None:
                return self._derived(agreement, run)
            about = self._about(agreement, run)
            return KeptRun(run, about, read_links(run, about, content))

        return self._kept.get(run, read)

    def _derived(self, agreement: str, run: str) -> KeptRun:
        """Make it anew: the run was finished by another release."""
        from matcher.quality.deriving import NEEDED, derived

        found = {name: self._finished.file(run, name) for name in (*NEEDED, "weights.parquet")}
        files = {name: content for name, content in found.items() if content is not None}
        if not files.keys() >= set(NEEDED):
            raise _gone(run)
        return derived(run, files, key_of_run(self._database, agreement, run))


def _gone(run: str) -> MissingError:
    return MissingError(f"Nothing is kept of what came out of the run {run}.")
