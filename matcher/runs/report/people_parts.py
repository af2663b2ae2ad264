"""Who is known to whom, and where that hangs by a thread: figures, words and tables."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations, pairwise

import numpy as np
from numpy.typing import NDArray

from linkage.linking import Linkage, LinkingRules
from linkage.sources import Sources
from matcher.runs.report import charts
from matcher.runs.report.bridges import WEAK, Bridge
from matcher.runs.report.cells import Cells, Tally
from matcher.runs.report.numbers import percent
from matcher.runs.report.parts import Figure, Table, figure
from matcher.runs.report.people import (
    overlaps,
    people_by_agencies,
    people_by_records,
    unlinkable_records,
)

_MOST_AGENCIES_READ_OUT = 5  # as a chart's text alternative; beyond it the table serves better
_MOST_BRIDGES = 10
_BANDS = (0.5, 0.6, 0.7, 0.8, WEAK)


def sizes(linkage: Linkage, cells: Cells) -> Figure:
    """Return the people by number of records."""
    tallies = people_by_records(linkage.clusters, cells)
    title = "People by number of records"
    return tally_figure(title, "Records of one person", "people", tallies, cells)


def spread(known: NDArray[np.bool_], cells: Cells) -> Figure:
    """Return the people by number of agencies; ``known`` bool (people, agencies)."""
    title = "People by number of agencies that know them"
    return tally_figure(title, "Known to", "people", people_by_agencies(known, cells), cells)


def coverage(names: tuple[str, ...], known: NDArray[np.bool_], cells: Cells) -> Figure:
    """Return how many of each agency's people each other one knows, by count and share."""
    people = overlaps(known)
    agencies = range(len(names))
    shares = [[_share(people, a, b, cells) for b in agencies] for a in agencies]
    labels = [[_cell(people, a, b, shares[a][b], cells) for b in agencies] for a in agencies]
    title = "Of each agency\N{RIGHT SINGLE QUOTATION MARK}s people, how many another one knows"
    said = "The numbers are in the table"
    if len(names) <= _MOST_AGENCIES_READ_OUT:
        pairs = combinations(agencies, 2)
        shown = cells.shown
        said = "; ".join(f"{names[a]} and {names[b]}: {shown(people[a, b])}" for a, b in pairs)
    return figure(
        title,
        f"Heat map of the number of people that two agencies both know. {said}.",
        charts.coverage_chart(names, labels, shares),
        Table(
            title,
            ["Agency", *names],
            [
                [name, *(_in_table(label) for label in row)]
                for name, row in zip(names, labels, strict=True)
            ],
        ),
    )


def _share(people: NDArray[np.int64], a: int, b: int, cells: Cells) -> float | None:
    """Return the share from counts as they may be shown, so that it says no more than they do."""
    both, all_of_a = cells.rounded(people[a, b]), cells.rounded(people[a, a])
    return None if both is None or all_of_a is None else both / all_of_a


def _cell(people: NDArray[np.int64], a: int, b: int, share: float | None, cells: Cells) -> str:
    count = cells.shown(people[a, b])
    return count if a == b or share is None else f"{count}\n{100 * share:.0f}%"


def _in_table(label: str) -> str:
    count, *share = label.split("\n")
    return f"{count} ({share[0]})" if share else count


@dataclass(frozen=True)
class HintsShown:
    """How many household hints there are, and which ``groups`` show them."""

    count: str
    groups: str


def hints(linkage: Linkage, rules: LinkingRules, cells: Cells) -> HintsShown | None:
    """Return the household hints as they may be shown, None where the groups can't show any."""
    if linkage.hints is None:
        return None
    named = zip(rules.comparisons, rules.holds_given_name, strict=True)
    groups = [comparison.name for comparison, holds in named if not holds]
    return HintsShown(cells.shown(len(linkage.hints)), ", ".join(groups))


def bridges_by_probability(found: list[Bridge], link: float, cells: Cells) -> Figure | None:
    """Return the weak bridges by probability, None where there are too few to be shown."""
    if len(found) < cells.least:
        return None
    edges = [link, *(band for band in _BANDS if band > link)]
    probabilities = np.array([bridge.probability for bridge in found])
    bands = list(pairwise(edges))
    counts = np.array(
        [((low <= probabilities) & (probabilities < high)).sum() for low, high in bands]
    )
    tallies = cells.counted([f"{100 * low:g}% to {100 * high:g}%" for low, high in bands], counts)
    title = "Weak bridges by probability"
    return tally_figure(title, "Probability", "links", tallies, cells)


def weakest_bridges(found: list[Bridge]) -> Table:
    """Return the weakest bridges, by their rows of links.parquet, for people to look at."""
    rows = [
        [f"{b.link + 1:,}", percent(b.probability), f"{b.smaller} and {b.larger}"]
        for b in found[:_MOST_BRIDGES]
    ]
    columns = ["Row of links.parquet", "Probability", "Records on its sides"]
    return Table("The weakest bridges", columns, rows)


def unlinkables(sources: Sources, linkage: Linkage, link: float, cells: Cells) -> Figure | None:
    """Return how many records of each agency can't be linked, None where no count may be shown."""
    counts = unlinkable_records(sources, linkage, link)
    tallies = [
        Tally(name, cells.rounded(count), _of_records(count, sources.size(a), cells))
        for a, (name, count) in enumerate(zip(sources.names, counts.tolist(), strict=True))
    ]
    if all(tally.count is None for tally in tallies):
        return None
    title = "Records too incomplete to be linked"
    return tally_figure(title, "Agency", "records", tallies, cells)


def _of_records(count: int, records: int, cells: Cells) -> str:
    rounded = cells.rounded(count)
    return cells.shown(count) if rounded is None else f"{rounded:,} ({percent(rounded / records)})"


def tally_figure(
    title: str, first_column: str, unit: str, tallies: list[Tally], cells: Cells
) -> Figure:
    """Return a bar chart of counts with its table."""
    said = "; ".join(f"{tally.name}: {tally.label}" for tally in tallies)
    rows = [[tally.name, tally.label] for tally in tallies]
    table = Table(title, [first_column, unit[0].upper() + unit[1:]], rows)
    svg = charts.tally_chart(tallies, unit, cells)
    return figure(title, f"Bar chart of {unit}. {said}.", svg, table)
