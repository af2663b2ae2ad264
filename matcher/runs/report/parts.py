"""What the page is made of: tables, figures with their tables, headlines."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from markupsafe import Markup
from pydantic import PlainValidator


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
    svg: Annotated[Markup, PlainValidator(Markup)]
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
