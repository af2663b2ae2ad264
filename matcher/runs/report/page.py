"""The report's words and tables, put into the page's template."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import jinja2
import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from linkage.evaluation import Quality
from linkage.fellegi_sunter import LinkageModel
from linkage.linking import Linkage, LinkingRules
from linkage.patterns import GroupComparison
from linkage.sources import Sources
from matcher.runs.report import charts
from matcher.runs.report.figures import (
    LEAST_CELL_COUNT,
    Fate,
    Tally,
    WeightHistogram,
    known_to,
    overlaps,
    people_by_agencies,
    people_by_records,
    shown,
    weight_histogram,
)

NO_ESTIMATE = "\N{EN DASH}"
_MOST_AGENCIES_READ_OUT = 5  # as a chart's text alternative; beyond it the table serves better
_MINUS = "\N{MINUS SIGN}"


@dataclass(frozen=True)
class Table:
    """A table of text; the first ``heads`` cells of a row are its headings."""

    caption: str
    columns: list[str]
    rows: list[list[str]]
    heads: int = 1


@dataclass(frozen=True)
class Figure:
    """A chart, what it says to those who can't see it, and its data."""

    title: str
    alternative: str
    svg: Markup
    table: Table


@dataclass(frozen=True)
class Headline:
    """One of the large figures with its sentence."""

    name: str
    value: str
    sentence: str


def render(title: str, sources: Sources, linkage: Linkage, rules: LinkingRules) -> str:
    """Return the report as a self-contained HTML page.

    It shows counts only, none below `LEAST_CELL_COUNT`; no token, no id, no encoding.
    """
    known = known_to(sources, linkage.clusters)
    histogram = weight_histogram(linkage.links, rules.link)
    return _template().render(
        title=title,
        agencies=_agencies(sources),
        headlines=_headlines(linkage, histogram, known),
        calibrated=linkage.calibrated,
        rescored=linkage.rescored,
        few_links=linkage.estimate.links < LEAST_CELL_COUNT,
        link=f"{100 * rules.link:g}%",
        review=f"{100 * rules.review:g}%",
        least=LEAST_CELL_COUNT,
        through_others=_through_others(histogram),
        gathers_lower=histogram.gathers_lower,
        weights=_weights(histogram),
        sizes=_sizes(people_by_records(linkage.clusters)),
        overlap=_overlap(sources.names, overlaps(known)),
        spread=_spread(people_by_agencies(known)),
        estimates=_estimates(linkage.estimates),
        weakest=_weakest(linkage.estimates),
        levels=_levels(linkage.model),
    )


def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("matcher.runs.report"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("report.html")


def percent(share: float) -> str:
    """Return a share as a percentage that claims neither all nor nothing where it isn't."""
    if 0.9995 <= share < 1:
        return "over 99.9%"
    if 0 < share < 0.0005:
        return "under 0.1%"
    return f"{100 * share:.1f}%"


def frequency(share: float) -> str:
    """Return a share as a percentage, or as one in so many where it is small."""
    if share >= 0.0005:
        return percent(share)
    return f"1 in {float(f'{1 / share:.2g}'):,.0f}"


def of_a_hundred(share: float) -> str:
    """Return a share as a number out of 100, in words that fit 'of 100 links ...'."""
    if 0.995 <= share < 1:
        return "more than 99"
    return f"about {round(100 * share)}"


def _agencies(sources: Sources) -> Table:
    rows = [
        [name, shown(sources.size(a)), "yes" if clean else "no"]
        for a, (name, clean) in enumerate(zip(sources.names, sources.clean.tolist(), strict=True))
    ]
    columns = ["Agency", "Records", "Each person once"]
    return Table("Agencies and the records they sent", columns, rows)


def _headlines(
    linkage: Linkage, histogram: WeightHistogram, known: NDArray[np.bool_]
) -> list[Headline]:
    shared = int((known.sum(axis=1) >= 2).sum())
    review = shown(histogram.total(Fate.FOR_REVIEW))
    return [
        Headline(
            "Links made",
            shown(linkage.estimate.links),
            f"Pairs of records taken to be one person. For review: {review} more.",
        ),
        Headline(
            "People in two or more agencies",
            shown(shared),
            "Records that links join, directly or through others, count as one person.",
        ),
        *_quality_headlines(linkage.estimate),
    ]


def _quality_headlines(estimate: Quality) -> list[Headline]:
    precision, recall = _quality(estimate)
    right = f"Of 100 links {of_a_hundred(estimate.precision)} are right, the model believes."
    found = (
        f"Of 100 matches that the comparison can see, {of_a_hundred(estimate.recall)} are linked, "
        "the model believes."
    )
    too_few = f"Fewer than {LEAST_CELL_COUNT} links are too few for an estimate."
    few = estimate.links < LEAST_CELL_COUNT
    return [
        Headline("Estimated precision", precision, too_few if few else right),
        Headline("Estimated recall", recall, too_few if few else found),
    ]


def _quality(estimate: Quality) -> tuple[str, str]:
    if estimate.links < LEAST_CELL_COUNT:
        return NO_ESTIMATE, NO_ESTIMATE
    return percent(estimate.precision), percent(estimate.recall)


def _through_others(histogram: WeightHistogram) -> str | None:
    count = histogram.total(Fate.THROUGH_OTHERS)
    return shown(count) if count else None


def _weights(histogram: WeightHistogram) -> Figure:
    rows = [
        [_bin_name(histogram, b), *(_bin_count(int(n)) for n in histogram.counts[:, b])]
        for b in np.flatnonzero(histogram.counts.any(axis=0)).tolist()
    ]
    counts = ", ".join(f"{shown(histogram.total(fate))} {fate}" for fate in Fate)
    where = (
        ""
        if histogram.link_weight is None
        else f" A line marks {histogram.link_weight:.1f} bits, where linking begins."
    )
    return Figure(
        "Pairs of records by match weight",
        f"Histogram of pairs of records by match weight in bits: {counts}.{where}",
        Markup(charts.weight_chart(histogram)),  # noqa: S704 - Vega escapes its text
        Table("Pairs of records by match weight", ["Weight in bits", *map(_upper, Fate)], rows),
    )


def _bin_name(histogram: WeightHistogram, index: int) -> str:
    low, high = (
        f"{edge:.1f}".replace("-", _MINUS) for edge in histogram.edges[index : index + 2].tolist()
    )
    if index == 0 and histogram.gathers_lower:
        return f"below {high}"
    return f"{low} to {high}"


def _bin_count(count: int) -> str:
    """Show a bin; an empty one stays empty, since a weight without pairs tells of nobody."""
    return shown(count) if count else ""


def _signed(weight: float) -> str:
    return f"{weight:+.1f}".replace("-", _MINUS)


def _upper(text: str) -> str:
    return text[0].upper() + text[1:]


def _sizes(tallies: list[Tally]) -> Figure:
    return _tally_figure("People by number of records", "Records of one person", tallies)


def _spread(tallies: list[Tally]) -> Figure:
    return _tally_figure("People by number of agencies that know them", "Known to", tallies)


def _tally_figure(title: str, first_column: str, tallies: list[Tally]) -> Figure:
    said = "; ".join(f"{tally.name}: {tally.label}" for tally in tallies)
    return Figure(
        title,
        f"Bar chart of people. {said}.",
        Markup(charts.tally_chart(tallies, "people")),  # noqa: S704 - Vega escapes its text
        Table(title, [first_column, "People"], [[tally.name, tally.label] for tally in tallies]),
    )


def _overlap(names: tuple[str, ...], people: NDArray[np.int64]) -> Figure:
    title = "People known to two agencies"
    labels = [[shown(count) for count in row] for row in people.tolist()]
    said = "The numbers are in the table"
    if len(names) <= _MOST_AGENCIES_READ_OUT:
        pairs = combinations(range(len(names)), 2)
        said = "; ".join(f"{names[a]} and {names[b]}: {labels[a][b]}" for a, b in pairs)
    return Figure(
        title,
        f"Heat map of the number of people that two agencies both know. {said}.",
        Markup(charts.overlap_chart(names, labels, people)),  # noqa: S704 - Vega escapes its text
        Table(
            title,
            ["Agency", *names],
            [[name, *row] for name, row in zip(names, labels, strict=True)],
        ),
    )


def _estimates(estimates: dict[tuple[str, str], Quality]) -> Table:
    rows = [
        [first, second, shown(quality.links), *_quality(quality)]
        for (first, second), quality in estimates.items()
    ]
    columns = ["Agency", "and agency", "Links", "Precision", "Recall"]
    return Table("Estimated precision and recall for each pair of agencies", columns, rows, heads=2)


def _weakest(estimates: dict[tuple[str, str], Quality]) -> str | None:
    """Name the agencies between which most is missed, where that can be estimated."""
    enough = [pair for pair, quality in estimates.items() if quality.links >= LEAST_CELL_COUNT]
    if len(enough) < 2:
        return None
    first, second = min(enough, key=lambda pair: estimates[pair].recall)
    return f"{first} and {second} ({percent(estimates[first, second].recall)})"


def _levels(model: LinkageModel) -> Figure:
    title = "Match weight of each agreement level"
    rows = [
        [
            *(comparison.name, str(level), _similarity(comparison, level)),
            *(frequency(m), frequency(u), _signed(float(np.log2(m / u)))),
        ]
        for comparison, ms, us in zip(model.comparisons, model.m, model.u, strict=True)
        for level, (m, u) in enumerate(zip(ms.tolist(), us.tolist(), strict=True))
    ]
    said = "; ".join(
        f"{c.name}: from {_signed(float(np.log2(m / u).min()))} "
        f"to {_signed(float(np.log2(m / u).max()))} bits"
        for c, m, u in zip(model.comparisons, model.m, model.u, strict=True)
    )
    columns = ["Group", "Level", "Similarity", "m", "u", "Weight"]
    return Figure(
        title,
        f"Heat map of match weights by group and agreement level. {said}.",
        Markup(charts.level_chart(model)),  # noqa: S704 - Vega escapes its text
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
