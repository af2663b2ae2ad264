"""What all of the report's charts share: axes, heat maps, and SVG without surroundings.

No script, no font files, no ids that could collide.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import altair as alt
import vl_convert

from matcher.runs.report.looks import FONT, FONT_SIZE, INK, PALE_INK, WIDTH

_LEAST_FONT_SIZE = 8
_LABEL_WIDTH = 110
_GLYPH = 0.6  # the width of a digit in Arial, in font sizes


@dataclass(frozen=True)
class Square:
    """A square of a heat map; its label may have several lines."""

    row: str
    column: str
    label: str
    fill: str


def heat_map(
    squares: list[Square],
    rows: list[str],
    columns: list[str],
    column_title: str | None,
    most_height: float = 46,
) -> str:
    """Draw labelled squares; without their labels where those wouldn't fit."""
    lines = max(square.label.count("\n") for square in squares) + 1
    width = (WIDTH - _LABEL_WIDTH) / len(columns)
    height = min(max(width, 18), most_height)
    longest = max(len(line) for square in squares for line in square.label.split("\n"))
    font_size = min(FONT_SIZE, width / (_GLYPH * (longest + 1)), 0.8 * height / lines)
    base = alt.Chart(data([vars(square) for square in squares])).encode(
        x=alt.X("column:N", sort=columns, title=column_title, axis=_column_axis(columns, width)),
        y=alt.Y("row:N", sort=rows, title=None, axis=alt.Axis(ticks=False, domain=False)),
    )
    chart = base.mark_rect(stroke="#c9d1d9", strokeWidth=1).encode(
        color=alt.Color("fill:N", scale=None)
    )
    if font_size < _LEAST_FONT_SIZE:
        return svg(height * len(rows), chart)
    labels = [
        base.transform_filter(f"split(datum.label, '\\n').length == {n}")
        .mark_text(
            fontSize=font_size, baseline="middle", color=INK, lineBreak="\n",
            dy=-0.6 * font_size * (n - 1),
        )
        .encode(text="label:N")
        for n in range(1, lines + 1)
    ]  # fmt: skip
    return svg(height * len(rows), chart, *labels)


def _column_axis(columns: list[str], width: float) -> alt.Axis:
    upright = any(len(name) * _GLYPH * FONT_SIZE > width for name in columns)
    return alt.Axis(
        orient="top",
        labelAngle=-90 if upright else 0,
        labelAlign="left" if upright else "center",
        ticks=False,
        domain=False,
    )


def shade(strength: float, colour: str) -> str:
    """Return the colour mixed with white, light enough for dark text on it; strength 0 to 1."""
    share = 0.06 + 0.54 * strength
    channels = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return "#" + "".join(f"{round(255 + share * (channel - 255)):02x}" for channel in channels)


def count_axis() -> alt.Axis:
    """Return an axis for whole numbers."""
    return alt.Axis(format=",d", tickMinStep=1, tickCount=5)


def data(rows: list[dict[str, Any]]) -> alt.InlineData:
    """Return rows as the data of a chart."""
    return alt.InlineData(values=rows)


def svg(height: float, *layers: alt.Chart) -> str:
    """Return the layers, drawn over each other, as an SVG element that scales with the page.

    It declares no namespace: inside HTML it needs none, and so the page holds no address at all.
    Assistive technology is to read the words around it: its parts have roles and no names.
    """
    axis = {"labelFontSize": FONT_SIZE, "titleFontSize": FONT_SIZE, "titleFontWeight": "normal"}
    axis |= {"labelColor": INK, "titleColor": PALE_INK, "gridColor": "#e3e7eb"}
    axis |= {"labelLimit": _LABEL_WIDTH, "titlePadding": 10, "labelPadding": 6}
    fit = alt.AutoSizeParams(type="fit-x", contains="padding")
    chart = alt.layer(*layers, width=WIDTH, height=height, autosize=fit).configure(
        aria=False,
        background="transparent",
        font=FONT,
        padding=2,
        axis=axis,
        legend={"labelFontSize": FONT_SIZE, "labelColor": INK},
        view={"stroke": None},
    )
    drawn: str = vl_convert.vegalite_to_svg(chart.to_dict())
    return re.sub(
        r'^<svg [^>]*?(viewBox="[^"]*")[^>]*>', r'<svg class="chart" aria-hidden="true" \1>', drawn
    )
