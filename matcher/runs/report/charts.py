"""The report's charts as inline SVG: no script, no font files, no ids that could collide."""

from __future__ import annotations

import re
from typing import Any

import altair as alt
import numpy as np
import vl_convert
from numpy.typing import NDArray

from linkage.fellegi_sunter import LinkageModel
from matcher.runs.report.figures import LEAST_CELL_COUNT, Fate, Tally, WeightHistogram

WIDTH = 460  # narrow, so that the text stays legible when a phone shrinks it
FONT = "Arial, Helvetica, sans-serif"
INK, PALE_INK = "#1b2733", "#5a6672"
BLUE, SKY, ORANGE, GREY = "#0b5394", "#6fb1e0", "#c8570a", "#e6eaee"
FATE_COLOURS = {Fate.LINKED: BLUE, Fate.THROUGH_OTHERS: SKY, Fate.FOR_REVIEW: ORANGE}
_FONT_SIZE = 13
_LEAST_FONT_SIZE = 8
_LABEL_WIDTH = 110
_HEADROOM = 1.18  # leaves room for labels above or beside the longest bar
_MOST_LETTERS = 15  # of a name, within the label width
_GLYPH = 0.6  # the width of a digit in Arial, in font sizes


def weight_chart(histogram: WeightHistogram) -> str:
    """Draw the pairs by match weight, coloured by their fate, with the link weight as a rule."""
    rows = _weight_bars(histogram)
    lowest, highest = float(histogram.edges[0]), float(histogram.edges[-1])
    most = max((row["to"] for row in rows), default=LEAST_CELL_COUNT)
    bars = (
        alt.Chart(_data(rows))
        .mark_bar(binSpacing=1)
        .encode(
            x=alt.X(
                "low:Q",
                title="match weight in bits",
                scale=alt.Scale(domain=[lowest, highest], nice=False),
                axis=alt.Axis(format="d", values=_whole_bits(lowest, highest), grid=False),
            ),
            x2="high:Q",
            y=alt.Y(
                "from:Q",
                title="pairs of records",
                scale=alt.Scale(domain=[0, most * _HEADROOM]),
                axis=_count_axis(),
            ),
            y2="to:Q",
            color=alt.Color(
                "fate:N",
                title=None,
                scale=alt.Scale(domain=list(FATE_COLOURS), range=list(FATE_COLOURS.values())),
                legend=alt.Legend(orient="top", columns=3, labelLimit=240),
            ),
            opacity=alt.Opacity("opacity:Q", scale=None),
        )
    )
    return _svg(260, bars, *_link_rule(histogram))


def _weight_bars(histogram: WeightHistogram) -> list[dict[str, Any]]:
    """Stack the bins; a small one is drawn pale and as high as the least count shown."""
    bars = []
    base = np.zeros(histogram.counts.shape[1], np.int64)
    for fate, counts in zip(Fate, histogram.counts, strict=True):
        for b in np.flatnonzero(counts).tolist():
            top = int(base[b] + max(counts[b], LEAST_CELL_COUNT))
            bars.append(
                {
                    "fate": fate.value,
                    "low": float(histogram.edges[b]),
                    "high": float(histogram.edges[b + 1]),
                    "from": int(base[b]),
                    "to": top,
                    "opacity": 1.0 if counts[b] >= LEAST_CELL_COUNT else 0.45,
                }
            )
            base[b] = top
    return bars


def _whole_bits(low: float, high: float) -> list[float]:
    step = max(1.0, np.ceil((high - low) / 10))
    ticks: list[float] = (step * np.arange(np.ceil(low / step), high / step + 1e-9)).tolist()
    return ticks


def _link_rule(histogram: WeightHistogram) -> list[alt.Chart]:
    if histogram.link_weight is None:
        return []
    low, high = float(histogram.edges[0]), float(histogram.edges[-1])
    leftwards = histogram.link_weight > (low + high) / 2
    label = f"linked from {histogram.link_weight:.1f} bits"
    at = alt.Chart(_data([{"at": histogram.link_weight, "label": label}]))
    rule = at.mark_rule(color=INK, strokeDash=[5, 3], strokeWidth=1.5).encode(x="at:Q")
    text = at.mark_text(
        align="right" if leftwards else "left", dx=-6 if leftwards else 6, color=INK,
        fontSize=_FONT_SIZE, fontWeight="bold",
    ).encode(x="at:Q", y=alt.value(8), text="label:N")  # fmt: skip
    return [rule, text]


def tally_chart(tallies: list[Tally], axis_title: str) -> str:
    """Draw counts as horizontal bars with their labels; a withheld one has a label alone."""
    rows = [{"name": t.name, "count": t.count or 0, "label": t.label} for t in tallies]
    base = alt.Chart(_data(rows)).encode(
        y=alt.Y("name:N", title=None, sort=None, axis=alt.Axis(ticks=False, domain=False)),
    )
    most = max((t.count or 0 for t in tallies), default=0)
    scale = alt.Scale(domain=[0, max(most, LEAST_CELL_COUNT) * _HEADROOM])
    x = alt.X("count:Q", title=axis_title, scale=scale, axis=_count_axis())
    bars = base.mark_bar(color=BLUE, height=alt.RelativeBandSize(0.72)).encode(x=x)
    labels = base.mark_text(align="left", dx=5, color=INK, fontSize=_FONT_SIZE)
    return _svg(28 * len(rows), bars, labels.encode(x=x, text="label:N"))


def overlap_chart(
    names: tuple[str, ...], labels: list[list[str]], people: NDArray[np.int64]
) -> str:
    """Draw the people known to two agencies as a heat map; the diagonal is grey, small ones white.

    ``labels`` are the counts as they may be shown.
    """
    most = int(np.max(people - np.diag(np.diag(people)), initial=LEAST_CELL_COUNT))
    short = _shortened(names)
    cells = []
    for a, row in enumerate(short):
        for b, column in enumerate(short):
            count = int(people[a, b])
            hidden = count < LEAST_CELL_COUNT
            fill = GREY if a == b else "#ffffff" if hidden else _shade(count / most, BLUE)
            cells.append({"row": row, "column": column, "label": labels[a][b], "fill": fill})
    return _heat_map(cells, short, short, column_title=None)


def _shortened(names: tuple[str, ...]) -> list[str]:
    """Return names that fit beside a heat map; where one is too long, all are numbered."""
    if all(len(name) <= _MOST_LETTERS for name in names):
        return list(names)
    return [
        f"{k} {name}"
        if len(name) <= _MOST_LETTERS - 3
        else f"{k} {name[:6]}\N{HORIZONTAL ELLIPSIS}{name[-5:]}"
        for k, name in enumerate(names, 1)
    ]


def level_chart(model: LinkageModel) -> str:
    """Draw the match weight of each agreement level of each group as a heat map."""
    weights = [np.log2(m / u) for m, u in zip(model.m, model.u, strict=True)]
    strongest = max(float(np.abs(weight).max()) for weight in weights)
    cells = []
    for comparison, group in zip(model.comparisons, weights, strict=True):
        for level, weight in enumerate(group.tolist()):
            strength = abs(weight) / max(strongest, 1e-9)
            cells.append(
                {
                    "row": comparison.name,
                    "column": str(level),
                    "label": f"{weight:+.1f}".replace("-", "\N{MINUS SIGN}"),
                    "fill": _shade(strength, BLUE if weight >= 0 else ORANGE),
                }
            )
    columns = [str(level) for level in range(max(map(len, weights)))]
    title = "agreement level: 0 is no agreement, higher is closer"
    return _heat_map(cells, [c.name for c in model.comparisons], columns, column_title=title)


def _heat_map(
    cells: list[dict[str, str]], rows: list[str], columns: list[str], column_title: str | None
) -> str:
    """Draw labelled cells; without their labels where those wouldn't fit."""
    width = (WIDTH - _LABEL_WIDTH) / len(columns)
    height = min(max(width, 18), 46)
    longest = max(len(cell["label"]) for cell in cells)
    font_size = min(_FONT_SIZE, width / (_GLYPH * (longest + 1)))
    names_are_long = any(len(name) * _GLYPH * _FONT_SIZE > width for name in columns)
    base = alt.Chart(_data(cells)).encode(
        x=alt.X(
            "column:N",
            sort=columns,
            title=column_title,
            axis=alt.Axis(
                orient="top",
                labelAngle=-90 if names_are_long else 0,
                labelAlign="left" if names_are_long else "center",
                ticks=False,
                domain=False,
            ),
        ),
        y=alt.Y("row:N", sort=rows, title=None, axis=alt.Axis(ticks=False, domain=False)),
    )
    chart = base.mark_rect(stroke="#c9d1d9", strokeWidth=1).encode(
        color=alt.Color("fill:N", scale=None)
    )
    if font_size < _LEAST_FONT_SIZE:
        return _svg(height * len(rows), chart)
    labels = base.mark_text(fontSize=font_size, baseline="middle", color=INK).encode(text="label:N")
    return _svg(height * len(rows), chart, labels)


def _shade(strength: float, colour: str) -> str:
    """Return the colour mixed with white, light enough for dark text on it; strength 0 to 1."""
    share = 0.06 + 0.54 * strength
    channels = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return "#" + "".join(f"{round(255 + share * (channel - 255)):02x}" for channel in channels)


def _count_axis() -> alt.Axis:
    return alt.Axis(format=",d", tickMinStep=1, tickCount=5)


def _data(rows: list[dict[str, Any]]) -> alt.InlineData:
    return alt.InlineData(values=rows)


def _svg(height: float, *layers: alt.Chart) -> str:
    """Return the layers, drawn over each other, as an SVG element that scales with the page.

    It declares no namespace: inside HTML it needs none, and so the page holds no address at all.
    """
    axis = {"labelFontSize": _FONT_SIZE, "titleFontSize": _FONT_SIZE, "titleFontWeight": "normal"}
    axis |= {"labelColor": INK, "titleColor": PALE_INK, "gridColor": "#e3e7eb"}
    axis |= {"labelLimit": _LABEL_WIDTH, "titlePadding": 10, "labelPadding": 6}
    fit = alt.AutoSizeParams(type="fit-x", contains="padding")
    chart = alt.layer(*layers, width=WIDTH, height=height, autosize=fit).configure(
        aria=False,
        background="transparent",
        font=FONT,
        padding=2,
        axis=axis,
        legend={"labelFontSize": _FONT_SIZE, "labelColor": INK},
        view={"stroke": None},
    )
    svg: str = vl_convert.vegalite_to_svg(chart.to_dict())
    return re.sub(r'^<svg [^>]*?(viewBox="[^"]*")[^>]*>', r'<svg class="chart" \1>', svg)
