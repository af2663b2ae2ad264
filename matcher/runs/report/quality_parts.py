"""How many links there are and how good they are expected to be: figures, words and tables."""

from __future__ import annotations

import numpy as np

from linkage.evaluation import Estimate, Interval, Quality
from linkage.linking import Linkage, LinkingRules
from linkage.sources import Sources
from matcher.runs.report import charts
from matcher.runs.report.cells import Cells
from matcher.runs.report.fates import Fate
from matcher.runs.report.numbers import MINUS, NOT_KNOWN, of_a_hundred, percent
from matcher.runs.report.parts import Figure, Headline, Table, figure
from matcher.runs.report.tradeoff import choices
from matcher.runs.report.weights import WeightHistogram


def agencies(sources: Sources, cells: Cells) -> Table:
    """Return who sent how many records; these are no findings and stand unrounded."""
    rows = [
        [name, _size(sources.size(a), cells), "yes" if clean else "no"]
        for a, (name, clean) in enumerate(zip(sources.names, sources.clean.tolist(), strict=True))
    ]
    columns = ["Agency", "Records", "Each person once"]
    return Table("Agencies and the records they sent", columns, rows)


def _size(records: int, cells: Cells) -> str:
    return cells.shown(records) if records < cells.least else f"{records:,}"


def headlines(
    linkage: Linkage, histogram: WeightHistogram, shared: int, cells: Cells
) -> list[Headline]:
    """Return the large figures; ``shared`` is the number of people whom several agencies know."""
    review = cells.shown(histogram.total(Fate.FOR_REVIEW))
    return [
        Headline(
            "Links made",
            cells.shown(linkage.estimate.links),
            f"Pairs of records taken to be one person. For review: {review} more.",
        ),
        Headline(
            "People in two or more agencies",
            cells.shown(shared),
            "Records that links join, directly or through others, count as one person.",
        ),
        *_quality_headlines(linkage.estimate, cells),
    ]


def _quality_headlines(estimate: Estimate, cells: Cells) -> list[Headline]:
    precision, recall = _quality(estimate, cells)
    right = (
        f"Of 100 links {of_a_hundred(estimate.precision)} are right, the model believes"
        f"{_by_chance(estimate.precision_interval)}."
    )
    which = "matches" if estimate.counts_unseen else "matches that the comparison can see"
    found = (
        f"Of 100 {which}, {of_a_hundred(estimate.recall)} are linked, the model believes"
        f"{_by_chance(estimate.recall_interval)}."
    )
    too_few = f"Fewer than {cells.least} links are too few for an estimate."
    few = estimate.links < cells.least
    return [
        Headline("Estimated precision", precision, too_few if few else right),
        Headline("Estimated recall", recall, too_few if few else found),
    ]


def _by_chance(interval: Interval | None) -> str:
    if interval is None or percent(interval[0]) == percent(interval[1]):
        return ""
    return f"; chance alone could make it {_limits(interval)}"


def _quality(estimate: Quality, cells: Cells) -> tuple[str, str]:
    if estimate.links < cells.least:
        return NOT_KNOWN, NOT_KNOWN
    return percent(estimate.precision), percent(estimate.recall)


def through_others(histogram: WeightHistogram, cells: Cells) -> str | None:
    """Return how many pairs only other records link, None where there are none."""
    count = histogram.total(Fate.THROUGH_OTHERS)
    return cells.shown(count) if count else None


def weights(histogram: WeightHistogram, cells: Cells) -> Figure:
    """Return the histogram of the pairs by match weight."""
    rows = [
        [_bin_name(histogram, b), *(_bin_count(n, cells) for n in histogram.counts[:, b].tolist())]
        for b in np.flatnonzero(histogram.counts.any(axis=0)).tolist()
    ]
    counts = ", ".join(f"{cells.shown(histogram.total(fate))} {fate}" for fate in Fate)
    where = (
        ""
        if histogram.link_weight is None
        else f" A line marks {histogram.link_weight:.1f} bits, where linking begins."
    )
    title = "Pairs of records by match weight"
    return figure(
        title,
        f"Histogram of pairs of records by match weight in bits: {counts}.{where}",
        charts.weight_chart(histogram, cells),
        Table(title, ["Weight in bits", *(fate[0].upper() + fate[1:] for fate in Fate)], rows),
    )


def _bin_name(histogram: WeightHistogram, index: int) -> str:
    low, high = (
        f"{edge:.1f}".replace("-", MINUS) for edge in histogram.edges[index : index + 2].tolist()
    )
    if index == 0 and histogram.gathers_lower:
        return f"below {high}"
    return f"{low} to {high}"


def _bin_count(count: int, cells: Cells) -> str:
    """Show a bin; an empty one stays empty, since a weight without pairs tells of nobody."""
    return cells.shown(count) if count else ""


def tradeoff(linkage: Linkage, rules: LinkingRules, cells: Cells) -> Figure | None:
    """Return what other thresholds would bring, None where too few links tell."""
    if linkage.estimate.links < cells.least:
        return None
    possible = choices(linkage, rules)
    rows = [
        [
            f"{100 * choice.threshold:g}%"
            + (" (agreed)" if choice.threshold == rules.link else ""),
            cells.shown(choice.quality.links),
            *_quality(choice.quality, cells),
        ]
        for choice in possible
    ]
    title = "Expected precision and recall by threshold"
    low, high = rows[0], rows[-1]
    return figure(
        title,
        f"Line chart. Linking from {low[0]}, expected precision is {low[2]} and recall {low[3]}; "
        f"from {high[0]}, they are {high[2]} and {high[3]}.",
        charts.tradeoff_chart(possible, rules.link),
        Table(title, ["Linked from", "Links", "Precision", "Recall"], rows),
    )


def estimates_by_pair(estimates: dict[tuple[str, str], Estimate], cells: Cells) -> Table:
    """Return the expected quality between each two agencies, with what chance could make of it."""
    rows = [
        [
            first,
            "itself" if first == second else second,
            cells.shown(own.links),
            *_with_intervals(own, cells),
        ]
        for (first, second), own in estimates.items()
    ]
    columns = ["Agency", "and agency", "Links", "Precision", "by chance", "Recall", "by chance"]
    return Table("Estimated precision and recall for each pair of agencies", columns, rows, heads=2)


def _with_intervals(estimate: Estimate, cells: Cells) -> list[str]:
    limits = [_limits(estimate.precision_interval), _limits(estimate.recall_interval)]
    if estimate.links < cells.least:
        limits = ["", ""]
    precision, recall = _quality(estimate, cells)
    return [precision, limits[0], recall, limits[1]]


def _limits(interval: Interval | None) -> str:
    return "" if interval is None else f"{percent(interval[0])} to {percent(interval[1])}"


def weakest(estimates: dict[tuple[str, str], Estimate], cells: Cells) -> str | None:
    """Name the agencies between which most is missed, where that can be estimated."""
    enough = [pair for pair, quality in estimates.items() if quality.links >= cells.least]
    if len(enough) < 2:
        return None
    first, second = min(enough, key=lambda pair: estimates[pair].recall)
    where = f"within {first}" if first == second else f"between {first} and {second}"
    return f"{where} ({percent(estimates[first, second].recall)})"
