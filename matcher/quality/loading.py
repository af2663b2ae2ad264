"""Finished runs loaded for those who look at them; what was looked at last stays in memory."""

from __future__ import annotations

import json
from dataclasses import dataclass
from threading import Lock
from typing import Any

import numpy as np

from linkage.clustering import Clusters
from linkage.errors import MissingError, VerificationError
from linkage.linking import Linkage, LinkingRules
from matcher.agreements.standings import Recent
from matcher.disclosures.finished import FinishedRuns
from matcher.disclosures.pseudonyms import key_of_run
from matcher.quality.columns import RunLinks, read_links
from matcher.runs.rebuilt import rebuilt_estimates, rebuilt_linkage, rebuilt_rules
from matcher.runs.stored import basis_of
from matcher.store.database import Database

_MOST_RUNS = 2
"""How many runs stay in memory: a hundred thousand people take about 100 MB."""


@dataclass(frozen=True)
class LoadedRun:
    """A finished run: ``model`` is model.json; ``linkage`` is rebuilt from what it has kept."""

    id: str
    model: dict[str, Any]
    records: RunLinks
    linkage: Linkage
    rules: LinkingRules


class LoadedRuns:
    """Loads runs, whose files are verified against what each run has stored."""

    def __init__(self, database: Database, finished: FinishedRuns) -> None:
        self._database = database
        self._finished = finished
        self._kept: Recent[str, LoadedRun] = Recent(_MOST_RUNS)
        self._loading = Lock()

    def one(self, agreement: str, run: str) -> LoadedRun:
        """Return a finished run of an agreement, by its digest; raises `VerificationError`.

        Raises `MissingError` where nothing is kept of it, also once it was erased meanwhile.
        """
        if self._finished.outcome(run) is None:
            raise _gone(run)
        with self._loading:  # two at once would take the memory twice
            return self._kept.get(run, lambda: self._load(agreement, run))

    def _load(self, agreement: str, run: str) -> LoadedRun:
        clusters = self._finished.clusters(agreement, run)
        key = key_of_run(self._database, agreement, run)
        weights = self._finished.file(run, "weights.parquet")
        try:
            model = json.loads(self._file(run, "model.json"))
            records = read_links(model, clusters, self._file(run, "links.parquet"), weights, key)
            return LoadedRun(run, model, records, _linkage(model, records), rebuilt_rules(model))
        except (KeyError, TypeError, ValueError):
            raise VerificationError(
                f"What the run {run} says of its model can't be read; restore it from a backup."
            ) from None

    def _file(self, run: str, name: str) -> bytes:
        content = self._finished.file(run, name)
        if content is None:
            raise _gone(run)
        return content


def _linkage(model: dict[str, Any], records: RunLinks) -> Linkage:
    none, nothing = np.empty(0, np.int32), np.empty(0, np.float64)
    clusters = Clusters(records.cluster_of, nothing, none, none, nothing)
    estimates, basis = rebuilt_estimates(model), basis_of(model)
    return rebuilt_linkage(model, records.links, clusters, estimates, basis, None)


def _gone(run: str) -> MissingError:
    return MissingError(f"Nothing is kept of what came out of the run {run}.")
