"""A run's files made up, and what the console's pages need of them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from linkage.clustering import cluster_ids
from linkage.linking import Linkage, OpenLinks
from linkage.sources import Sources
from matcher.runs.completeness import completeness
from matcher.runs.tables import cluster_table, link_table, model_json
from matcher.runs.weights import weight_table
from tests.linkage.protocol.agreements import AGREEMENT
from tests.matcher.made_up import GROUPS, RULES, linked_in_step, make_linkage, make_sources

KEY = bytes(range(32))
RUN = "0" * 32
SIZES = {"care": 300, "health": 200, "police": 120, "school": 40}
FIELDS = {group: ("given_name", group) for group in GROUPS}


def example() -> tuple[Sources, Linkage]:
    """Return records and links: sure ones, doubtful ones, some for review, some through others."""
    sources = make_sources(SIZES)
    in_step = linked_in_step(sources, 60).links
    pairs = list(
        zip(
            in_step.left.tolist(), in_step.right.tolist(), in_step.weight.tolist(),
            in_step.probability.tolist(), strict=True,
        )
    )  # fmt: skip
    doubtful = [(100 + k, 300 + 100 + k, 2.5, 0.3) for k in range(25)]
    # Each hangs a third record on two that are sure: twelve weak bridges.
    bridges = [(20 + k + 60, 500 + 60 + k, 4.0, 0.6) for k in range(12)]
    sure = [(20 + k + 60, 300 + 60 + k, 13.0, 0.99) for k in range(12)]
    through = [(200, 300 + 150, -15.0, 0.9)]
    linkage = make_linkage(sources, pairs + doubtful + bridges + sure + through)
    rng = np.random.default_rng(3)
    k = len(linkage.links)
    open_links = OpenLinks(np.full(k, np.nan), rng.normal(0, 1, k))
    return sources, replace(linkage, open_links=open_links, rarity=rng.exponential(1.0, k))


def contents_of(sources: Sources, linkage: Linkage, *, weights: bool = True) -> dict[str, bytes]:
    """Return the files that a run keeps, as far as they are read."""
    more: dict[str, Any] = {
        "fields": {group: list(names) for group, names in FIELDS.items()},
        "outputs": {"least_cell": 10, "rounding": 5},
        "holds_given_name": [],
        **completeness(sources, linkage, RULES.link),
    }
    found = {
        "clusters.parquet": cluster_table(
            sources, linkage.clusters, cluster_ids(sources, linkage.clusters)
        ),
        "links.parquet": link_table(sources, linkage.links),
        "model.json": model_json(AGREEMENT, sources, RULES, linkage, more),
    }
    return found | ({"weights.parquet": weight_table(linkage)} if weights else {})
