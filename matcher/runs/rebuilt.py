"""A finished run's linkage as far as it can be had without the agencies' files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from linkage.clustering import Clusters
from linkage.estimates import EstimateBasis
from linkage.evaluation import Estimate, Interval
from linkage.fellegi_sunter import LinkageModel
from linkage.households import Hints
from linkage.linking import Linkage, LinkingRules
from linkage.outcome import Links
from linkage.patterns import GroupComparison, PatternHistogram

Model = Mapping[str, Any]
"""The document model.json; what it lacks raises `KeyError`."""
Estimates = tuple[Estimate, dict[tuple[str, str], Estimate]]
"""Over all, and by two agencies."""


def fitted_model(model: Model) -> LinkageModel:
    """Return the model that the run has estimated."""
    groups = model["groups"]
    comparisons = tuple(
        GroupComparison(g["name"], g["length"], g["similarity"], tuple(g["levels"])) for g in groups
    )
    m, u = (tuple(np.array(g[name], np.float64) for g in groups) for name in ("m", "u"))
    return LinkageModel(comparisons, m, u, model["match_share"], model["iterations"])


def rebuilt_rules(model: Model) -> LinkingRules:
    """Return the rules as far as a finished run goes by them."""
    thresholds = model["thresholds"]
    return LinkingRules(
        fitted_model(model).comparisons,
        thresholds["link"],
        thresholds["review"],
        0,
        model["seed"],
        holds_given_name=tuple(model.get("holds_given_name", ())),
    )


def rebuilt_estimates(model: Model) -> Estimates:
    """Return the expected quality."""
    by_pair = {
        (str(own["agencies"][0]), str(own["agencies"][1])): _estimate(own)
        for own in model["estimated_by_pair"]
    }
    return _estimate(model["estimated"]), by_pair


def rebuilt_linkage(
    model: Model,
    links: Links,
    clusters: Clusters,
    estimates: Estimates,
    basis: EstimateBasis,
    hints: Hints | None,
) -> Linkage:
    """Return the model as it was, and links and clusters as they are; it knows no patterns."""
    fitted = fitted_model(model)
    comparisons, nothing = fitted.comparisons, np.empty(0, np.int64)
    histogram = PatternHistogram(
        np.empty((0, len(comparisons)), np.int8),
        nothing,
        nothing,
        np.zeros((len(comparisons), max(c.level_count for c in comparisons)), np.int64),
        model["pairs_compared"],
    )
    return Linkage(
        links,
        clusters,
        fitted,
        histogram,
        np.empty(0),
        np.empty(0),
        *estimates,
        basis,
        model["calibrated"],
        hints=hints,
    )


def _estimate(document: Model) -> Estimate:
    limits = document["intervals"]
    return Estimate(
        document["links"],
        document["correct"],
        document["matches"],
        _interval(limits["precision"]),
        _interval(limits["recall"]),
        document["counts_unseen"],
    )


def _interval(limits: list[float] | None) -> Interval | None:
    return None if limits is None else (limits[0], limits[1])
