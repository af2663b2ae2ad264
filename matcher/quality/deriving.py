"""What the pages of a run need, derived from the files of a finished run: links, and figures."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from linkage.clustering import Clusters
from linkage.errors import VerificationError
from linkage.linking import Linkage
from matcher.disclosures.clusters import read_clusters
from matcher.quality.columns import RunLinks, read_links
from matcher.quality.figures import link_quality, model_learnt, people_found
from matcher.quality.kept import KeptRun, row_type
from matcher.quality.run import LoadedRun
from matcher.quality.shown import About, ComparedGroup
from matcher.runs.rebuilt import rebuilt_estimates, rebuilt_linkage, rebuilt_rules
from matcher.runs.report.evidence import level_weights
from matcher.runs.stored import basis_of

NEEDED = ("clusters.parquet", "links.parquet", "model.json")
"""The files that every run has; one of an earlier release lacks weights.parquet."""


def derived(run: str, files: Mapping[str, bytes], key: bytes) -> KeptRun:
    """Return what pages need of a run with these files; ``key`` is that of its pseudonyms.

    Raises `VerificationError` where a file is damaged.
    """
    found = loaded(run, files, key)
    return KeptRun(run, _about(found), _rows(found.records, len(found.linkage.model.comparisons)))


def loaded(run: str, files: Mapping[str, bytes], key: bytes) -> LoadedRun:
    """Load a run from its files; raises `VerificationError`."""
    clusters = read_clusters(files["clusters.parquet"], run, key)
    weights = files.get("weights.parquet")
    try:
        model = json.loads(files["model.json"])
        records = read_links(model, clusters, files["links.parquet"], weights, key)
        return LoadedRun(run, model, records, _linkage(model, records), rebuilt_rules(model))
    except (KeyError, TypeError, ValueError):
        raise VerificationError(
            f"What the run {run} says of its model can't be read; restore it from a backup."
        ) from None


def _linkage(model: dict[str, Any], records: RunLinks) -> Linkage:
    none, nothing = np.empty(0, np.int32), np.empty(0, np.float64)
    clusters = Clusters(records.cluster_of, nothing, none, none, nothing)
    estimates, basis = rebuilt_estimates(model), basis_of(model)
    return rebuilt_linkage(model, records.links, clusters, estimates, basis, None)


def _about(run: LoadedRun) -> About:
    model, linkage = run.model, run.linkage
    return About(
        agencies=run.records.sources.names,
        groups=tuple(
            ComparedGroup(name, tuple(model["fields"][name]), tuple(weights))
            for name, weights in level_weights(linkage.model)
        ),
        pairs=int(model["pairs_compared"]),
        match_share=linkage.model.match_share,
        calibrated=linkage.calibrated,
        link=run.rules.link,
        weighed=run.records.weighed is not None,
        quality=link_quality(run),
        model=model_learnt(run),
        people=people_found(run),
    )


def _rows(records: RunLinks, groups: int) -> NDArray[np.void]:
    links, weighed = records.links, records.weighed
    rows = np.zeros(len(links), row_type(groups))
    rows["name"] = records.names
    rows["clusters"] = records.clusters.pseudonyms[np.stack(records.ends, axis=1)]
    rows["agencies"] = np.stack(records.agencies, axis=1)
    rows["weight"], rows["probability"] = links.weight, links.probability
    rows["levels"] = links.levels.reshape(len(links), groups)
    rows["own"] = np.nan if weighed is None else weighed.own
    rows["corrections"] = (
        np.nan if weighed is None else np.stack([*vars(weighed.corrections).values()], axis=1)
    )
    return rows
