"""What the model has learnt and how it judges a pair: figures, words and tables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from linkage.fellegi_sunter import LinkageModel
from linkage.linking import Linkage
from linkage.patterns import NULL, GroupComparison
from matcher.runs.report import charts
from matcher.runs.report.cells import Cells
from matcher.runs.report.evidence import Example, commonest_patterns, examples
from matcher.runs.report.numbers import NOT_KNOWN, frequency, percent, signed
from matcher.runs.report.parts import Figure, Table, figure


@dataclass(frozen=True)
class Waterfall:
    """A pair to look at: a line that sums it up, and its steps as a figure."""

    summary: str
    figure: Figure


def waterfalls(linkage: Linkage, link: float, cells: Cells) -> list[Waterfall]:
    """Return the pairs worth a look; none where there are too few links to hide among."""
    if linkage.estimate.links < cells.least:
        return []
    return [_waterfall(example) for example in examples(linkage, link)]


def _waterfall(example: Example) -> Waterfall:
    outcome = f"{signed(example.weight)} bits, probability {percent(example.probability)}"
    title = f"Row {example.row:,} of links.parquet"
    said = "; ".join(f"{step.name} {signed(step.weight)}" for step in example.steps)
    rows = [[step.name, step.place, signed(step.weight)] for step in example.steps]
    rows.append(["match weight", "", signed(example.weight)])
    return Waterfall(
        f"{example.title}: {outcome}",
        figure(
            title,
            f"Waterfall chart of a pair\N{RIGHT SINGLE QUOTATION MARK}s evidence in bits: {said}; "
            f"match weight {signed(example.weight)}.",
            charts.waterfall_chart(example),
            Table(f"Evidence of row {example.row:,}", ["Step", "Level", "Weight"], rows),
        ),
    )


def patterns(linkage: Linkage, cells: Cells) -> Figure | None:
    """Return the commonest patterns of the links, None where all are too rare to be shown."""
    common, others = commonest_patterns(linkage, cells)
    if not common:
        return None
    names = [comparison.name for comparison in linkage.model.comparisons]
    rows = [
        [
            str(rank),
            *(NOT_KNOWN if level == NULL else str(level) for level in pattern.levels.tolist()),
            cells.shown(pattern.pairs),
            NOT_KNOWN if pattern.weight is None else signed(pattern.weight),
            NOT_KNOWN if pattern.probability is None else percent(pattern.probability),
        ]
        for rank, pattern in enumerate(common, 1)
    ]
    rows.append(["all others", *("" for _ in names), cells.shown(others), "", ""])
    title = "The commonest patterns of levels"
    return figure(
        title,
        f"Table of squares: {len(common)} patterns of agreement levels over {len(names)} groups, "
        f"the commonest with {rows[0][-3]} pairs.",
        charts.pattern_chart(linkage.model, common, cells),
        Table(title, ["Pattern", *names, "Pairs", "Weight", "Probability"], rows),
    )


def groups(fields: Mapping[str, tuple[str, ...]]) -> Table:
    """Return which fields each group holds."""
    rows = [[group, ", ".join(names)] for group, names in fields.items()]
    return Table("What the groups hold", ["Group", "Fields"], rows, heads=2)


def m_and_u(model: LinkageModel) -> Figure:
    """Return how common each level is among matches and among other pairs."""
    title = "How common each agreement level is"
    rows = [
        [comparison.name, str(level), frequency(m), frequency(u)]
        for comparison, ms, us in zip(model.comparisons, model.m, model.u, strict=True)
        for level, (m, u) in enumerate(zip(ms.tolist(), us.tolist(), strict=True))
    ]
    said = "; ".join(
        f"{c.name}: highest level in {frequency(float(m[-1]))} of matches and "
        f"{frequency(float(u[-1]))} of other pairs"
        for c, m, u in zip(model.comparisons, model.m, model.u, strict=True)
    )
    return figure(
        title,
        f"Bar chart of m- and u-probabilities by group and level. {said}.",
        charts.m_u_chart(model),
        Table(title, ["Group", "Level", "Among matches (m)", "Among others (u)"], rows, heads=2),
    )


def levels(model: LinkageModel) -> Figure:
    """Return the match weight of every agreement level."""
    title = "Match weight of each agreement level"
    rows = [
        [
            *(comparison.name, str(level), _similarity(comparison, level)),
            *(frequency(m), frequency(u), signed(float(np.log2(m / u)))),
        ]
        for comparison, ms, us in zip(model.comparisons, model.m, model.u, strict=True)
        for level, (m, u) in enumerate(zip(ms.tolist(), us.tolist(), strict=True))
    ]
    said = "; ".join(
        f"{c.name}: from {signed(float(np.log2(m / u).min()))} "
        f"to {signed(float(np.log2(m / u).max()))} bits"
        for c, m, u in zip(model.comparisons, model.m, model.u, strict=True)
    )
    columns = ["Group", "Level", "Similarity", "m", "u", "Weight"]
    return figure(
        title,
        f"Heat map of match weights by group and agreement level. {said}.",
        charts.level_chart(model),
        Table("m-probability, u-probability and match weight in bits", columns, rows, heads=2),
    )


def _similarity(comparison: GroupComparison, level: int) -> str:
    """Say between which similarities a level lies; thresholds fall, levels rise."""
    thresholds = [f"{threshold:.2f}" for threshold in reversed(comparison.levels)]
    if level == 0:
        return f"below {thresholds[0]}"
    if level == len(thresholds):
        return f"{thresholds[-1]} or more"
    return f"{thresholds[level - 1]} to {thresholds[level]}"
