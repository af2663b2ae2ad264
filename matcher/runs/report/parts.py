"""What the page is made of: tables, figures with their tables, headlines."""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup

from matcher.runs.report import charts
from matcher.runs.report.cells import Cells, Tally


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


def figure(title: str, alternative: str, svg: str, table: Table) -> Figure:
    """Return a figure of a chart that `matcher.runs.report.charts` drew."""
    return Figure(title, alternative, Markup(svg), table)  # noqa: S704 - Vega escapes its text


def tally_figure(
    title: str, first_column: str, unit: str, tallies: list[Tally], cells: Cells
) -> Figure:
    """Return a bar chart of counts with its table."""
    said = "; ".join(f"{tally.name}: {tally.label}" for tally in tallies)
    rows = [[tally.name, tally.label] for tally in tallies]
    table = Table(title, [first_column, unit[0].upper() + unit[1:]], rows)
    svg = charts.tally_chart(tallies, unit, cells)
    return figure(title, f"Bar chart of {unit}. {said}.", svg, table)
