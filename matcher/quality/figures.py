"""The quality of a finished run as figures and tables, counted as the agreement's outputs allow.

Three pages of them: how good the links are, what the model has learnt, and whom it is about. The
parts are those of the run's own report.
"""

from __future__ import annotations

import numpy as np

from linkage.protocol.sections.matching import Outputs
from matcher.quality.run import LoadedRun
from matcher.quality.shown import LinkQuality, ModelLearnt, PeopleFound, Thresholds, WeakBridge
from matcher.runs.report import model_parts, people_parts, quality_parts
from matcher.runs.report.bridges import WEAK, Bridge, weak_links
from matcher.runs.report.cells import Cells, Tally
from matcher.runs.report.numbers import percent
from matcher.runs.report.parts import Figure, Table
from matcher.runs.report.people import known_to
from matcher.runs.report.weights import weight_histogram

_MOST_BRIDGES = 50


def cells_of(run: LoadedRun) -> Cells:
    """Return how counts of a run may be shown, as its agreement says."""
    outputs = Outputs(**run.model["outputs"])
    return Cells(outputs.least_cell, outputs.rounding)


def link_quality(run: LoadedRun) -> LinkQuality:
    """Return how good the links of a run are."""
    linkage, rules, cells = run.linkage, run.rules, cells_of(run)
    histogram = weight_histogram(linkage.links, rules.link)
    shared = int((_known(run).sum(axis=1) >= 2).sum())
    found = bridges_of(run)
    return LinkQuality(
        headlines=quality_parts.headlines(linkage, histogram, shared, cells),
        calibrated=linkage.calibrated,
        counts_unseen=linkage.estimate.counts_unseen,
        few_links=linkage.estimate.links < cells.least,
        weights=quality_parts.weights(histogram, cells),
        tradeoff=quality_parts.tradeoff(linkage, rules, cells),
        estimates=quality_parts.estimates_by_pair(linkage.estimates, cells),
        lowest_recall=quality_parts.weakest(linkage.estimates, cells),
        knows_bridges=run.records.weighed is not None,
        bridges=people_parts.bridges_by_probability(found, rules.link, cells),
        weakest=[_named(run, bridge) for bridge in found[:_MOST_BRIDGES]],
        found_bridges=cells.shown(len(found)),
        thresholds=Thresholds(*(f"{100 * p:g}%" for p in (rules.link, rules.review, WEAK))),
        cells=cells,
    )


def bridges_of(run: LoadedRun) -> list[Bridge]:
    """Return the weak bridges of a run, the weakest first; none where it didn't keep them."""
    weighed = run.records.weighed
    return [] if weighed is None else weak_links(run.linkage, weighed.own, run.rules.link)


def model_learnt(run: LoadedRun) -> ModelLearnt:
    """Return what the model of a run has learnt."""
    model = run.linkage.model
    return ModelLearnt(
        levels=model_parts.levels(model),
        m_and_u=model_parts.m_and_u(model),
        groups=model_parts.groups({g: tuple(names) for g, names in run.model["fields"].items()}),
        calibrated=run.linkage.calibrated,
    )


def people_found(run: LoadedRun) -> PeopleFound:
    """Return whom the links of a run are about."""
    sources, known, cells = run.records.sources, _known(run), cells_of(run)
    return PeopleFound(
        agencies=quality_parts.agencies(sources, cells),
        sizes=people_parts.sizes(run.linkage, cells),
        spread=people_parts.spread(known, cells),
        coverage=people_parts.coverage(sources.names, known, cells),
        unlinkables=unlinkables(run, cells),
        completeness=completeness(run, cells),
        cells=cells,
    )


def unlinkables(run: LoadedRun, cells: Cells) -> Figure | None:
    """Return how many records can't be linked, None where no count may be shown or none is kept."""
    counted = run.model.get("unlinkable", {})
    tallies = [_of_records(run, name, counted[name], cells) for name in sorted(counted)]
    if all(tally.count is None for tally in tallies):
        return None
    title = "Records too incomplete to be linked"
    return people_parts.tally_figure(title, "Agency", "records", tallies, cells)


def _of_records(run: LoadedRun, name: str, count: int, cells: Cells) -> Tally:
    rounded = cells.rounded(count)
    if rounded is None:
        return Tally(name, None, cells.shown(count))
    records = run.model["agencies"][name]["records"]
    return Tally(name, rounded, f"{rounded:,} ({percent(rounded / records)})")


def completeness(run: LoadedRun, cells: Cells) -> Table | None:
    """Return which share of each agency's records has each group, None where it isn't kept.

    A share that would tell of few records is said to be nearly all or nearly none.
    """
    counted = run.model.get("completeness")
    if counted is None:
        return None
    groups = [comparison.name for comparison in run.linkage.model.comparisons]
    rows = []
    for name in sorted(counted):
        records = int(run.model["agencies"][name]["records"])
        shares = [_share(int(counted[name][group]), records, cells) for group in groups]
        rows.append([name, *shares])
    return Table("Records that have each group", ["Agency", *groups], rows)


def _share(count: int, records: int, cells: Cells) -> str:
    if records < cells.least:
        return cells.shown(records)
    if records - count < cells.least:
        return "all" if count == records else "nearly all"
    return "none or few" if count < cells.least else percent((cells.rounded(count) or 0) / records)


def _known(run: LoadedRun) -> np.ndarray[tuple[int, int], np.dtype[np.bool_]]:
    return known_to(run.records.sources, run.linkage.clusters)


def _named(run: LoadedRun, bridge: Bridge) -> WeakBridge:
    cluster = int(run.records.ends[0][bridge.link])
    return WeakBridge(
        run.records.name(bridge.link),
        run.records.clusters.name(cluster),
        bridge.probability,
        bridge.smaller,
        bridge.larger,
    )
