"""The report's charts as inline SVG."""

from __future__ import annotations

from typing import Any

import altair as alt
import numpy as np

from linkage.fellegi_sunter import LinkageModel
from linkage.patterns import NULL
from matcher.runs.report.cells import Cells, Tally
from matcher.runs.report.drawing import Square, count_axis, data, heat_map, shade, svg
from matcher.runs.report.evidence import Example, Pattern
from matcher.runs.report.fates import Fate
from matcher.runs.report.looks import (
    BLUE,
    FONT_SIZE,
    GREY,
    INK,
    ORANGE,
    PALE_INK,
    SKY,
    WHITE,
)
from matcher.runs.report.numbers import signed
from matcher.runs.report.steps import waterfall_bars
from matcher.runs.report.tradeoff import Choice
from matcher.runs.report.weights import WeightHistogram

FATE_COLOURS = {Fate.LINKED: BLUE, Fate.THROUGH_OTHERS: SKY, Fate.FOR_REVIEW: ORANGE}
_HEADROOM = 1.18  # leaves room for labels above or beside the longest bar
_MOST_LETTERS = 15  # of a name, within the label width
_STEP_HEIGHT, _LEVEL_HEIGHT = 26, 15


def weight_chart(histogram: WeightHistogram, cells: Cells) -> str:
    """Draw the pairs by match weight, coloured by their fate, with the link weight as a rule."""
    rows = _weight_bars(histogram, cells)
    lowest, highest = float(histogram.edges[0]), float(histogram.edges[-1])
    most = max((row["to"] for row in rows), default=cells.least)
    bars = (
        alt.Chart(data(rows))
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
                axis=count_axis(),
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
    return svg(260, bars, *_link_rule(histogram))


def _weight_bars(histogram: WeightHistogram, cells: Cells) -> list[dict[str, Any]]:
    """Stack the bins; a small one is drawn pale and as high as the least count shown."""
    bars = []
    base = np.zeros(histogram.counts.shape[1], np.int64)
    for fate, counts in zip(Fate, histogram.counts, strict=True):
        for b in np.flatnonzero(counts).tolist():
            drawn = cells.rounded(counts[b])
            top = int(base[b] + (drawn or cells.least))
            bars.append(
                {
                    "fate": fate.value,
                    "low": float(histogram.edges[b]),
                    "high": float(histogram.edges[b + 1]),
                    "from": int(base[b]),
                    "to": top,
                    "opacity": 1.0 if drawn else 0.45,
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
    label = f"linked from {histogram.link_weight:.1f} bits"
    leftwards = histogram.link_weight > (low + high) / 2
    return _rule(histogram.link_weight, label, leftwards=leftwards)


def _rule(at: float, label: str, *, leftwards: bool, y: float = 8) -> list[alt.Chart]:
    """Return a dashed upright line and its label, to its left or right."""
    base = alt.Chart(data([{"at": at, "label": label}]))
    rule = base.mark_rule(color=INK, strokeDash=[5, 3], strokeWidth=1.5).encode(x="at:Q")
    text = base.mark_text(
        align="right" if leftwards else "left", dx=-6 if leftwards else 6, color=INK,
        fontSize=FONT_SIZE, fontWeight="bold",
    ).encode(x="at:Q", y=alt.value(y), text="label:N")  # fmt: skip
    return [rule, text]


def tally_chart(tallies: list[Tally], axis_title: str, cells: Cells) -> str:
    """Draw counts as horizontal bars with their labels; a withheld one has a label alone."""
    rows = [{"name": t.name, "count": t.count or 0, "label": t.label} for t in tallies]
    base = alt.Chart(data(rows)).encode(
        y=alt.Y("name:N", title=None, sort=None, axis=alt.Axis(ticks=False, domain=False)),
    )
    most = max((t.count or 0 for t in tallies), default=0)
    scale = alt.Scale(domain=[0, max(most, cells.least) * _HEADROOM])
    x = alt.X("count:Q", title=axis_title, scale=scale, axis=count_axis())
    bars = base.mark_bar(color=BLUE, height=alt.RelativeBandSize(0.72)).encode(x=x)
    labels = base.mark_text(align="left", dx=5, color=INK, fontSize=FONT_SIZE)
    return svg(28 * len(rows), bars, labels.encode(x=x, text="label:N"))


def coverage_chart(
    names: tuple[str, ...], labels: list[list[str]], shares: list[list[float | None]]
) -> str:
    """Draw how many of each row's people the column's agency knows as a heat map.

    ``labels`` as they may be shown; ``shares`` (agencies, agencies) from 0 to 1, None where
    withheld, which stays white; the diagonal is grey.
    """
    short = _shortened(names)
    squares = []
    for a, row in enumerate(short):
        for b, column in enumerate(short):
            share = shares[a][b]
            fill = GREY if a == b else WHITE if share is None else shade(share, BLUE)
            squares.append(Square(row, column, labels[a][b], fill))
    return heat_map(squares, short, short, column_title=None)


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
    weights = _level_weights(model)
    columns = [str(level) for level in range(max(map(len, weights)))]
    squares = [
        Square(comparison.name, column, signed(weight), _weight_shade(weight, weights))
        for comparison, group in zip(model.comparisons, weights, strict=True)
        for column, weight in zip(columns, group, strict=False)
    ]
    title = "agreement level: 0 is no agreement, higher is closer"
    return heat_map(squares, [c.name for c in model.comparisons], columns, column_title=title)


def pattern_chart(model: LinkageModel, patterns: list[Pattern], cells: Cells) -> str:
    """Draw patterns as rows of levels, coloured by their weights, with the pairs at the end."""
    weights = _level_weights(model)
    names = [comparison.name for comparison in model.comparisons]
    rows = [str(rank) for rank in range(1, len(patterns) + 1)]
    squares = []
    for row, pattern in zip(rows, patterns, strict=True):
        for g, level in enumerate(pattern.levels.tolist()):
            missing = level == NULL
            fill = WHITE if missing else _weight_shade(weights[g][level], weights)
            squares.append(Square(row, names[g], "–" if missing else str(level), fill))
        squares.append(Square(row, "pairs", cells.shown(pattern.pairs), WHITE))
    return heat_map(squares, rows, [*names, "pairs"], column_title=None, most_height=_STEP_HEIGHT)


def _level_weights(model: LinkageModel) -> list[list[float]]:
    return [np.log2(m / u).tolist() for m, u in zip(model.m, model.u, strict=True)]


def _weight_shade(weight: float, weights: list[list[float]]) -> str:
    strongest = max(abs(other) for group in weights for other in group)
    return shade(abs(weight) / max(strongest, 1e-9), BLUE if weight >= 0 else ORANGE)


def m_u_chart(model: LinkageModel) -> str:
    """Draw how common each level is among matches, to the right, and other pairs, to the left."""
    matches, others = "among matches (m)", "among all other pairs (u)"
    rows = [
        {"name": f"{c.name} \N{MIDDLE DOT} {level}", "share": share, "of": of}
        for c, ms, us in zip(model.comparisons, model.m, model.u, strict=True)
        for level, (m, u) in enumerate(zip(ms.tolist(), us.tolist(), strict=True))
        for share, of in ((-u, others), (m, matches))
    ]
    bars = (
        alt.Chart(data(rows))
        .mark_bar(height=alt.RelativeBandSize(0.8))
        .encode(
            x=alt.X(
                "share:Q",
                title="share of the pairs",
                scale=alt.Scale(domain=[-1, 1]),
                axis=alt.Axis(
                    labelExpr="format(abs(datum.value), '.0%')", values=[-1, -0.5, 0, 0.5, 1]
                ),
            ),
            y=alt.Y("name:N", title=None, sort=None, axis=alt.Axis(ticks=False, domain=False)),
            color=alt.Color(
                "of:N",
                title=None,
                scale=alt.Scale(domain=[others, matches], range=[ORANGE, BLUE]),
                legend=alt.Legend(orient="top", labelLimit=240),
            ),
        )
    )
    return svg(_LEVEL_HEIGHT * len(rows) // 2, bars)


def tradeoff_chart(choices: list[Choice], link: float) -> str:
    """Draw expected precision and recall over the threshold, with the agreed one as a rule."""
    curves = {
        "expected precision": [choice.quality.precision for choice in choices],
        "expected recall": [choice.quality.recall for choice in choices],
    }
    rows = [
        {"threshold": choice.threshold, "share": share, "figure": figure}
        for figure, shares in curves.items()
        for choice, share in zip(choices, shares, strict=True)
    ]
    lowest = min(min(shares) for shares in curves.values())
    lines = alt.Chart(data(rows)).mark_line(point=alt.OverlayMarkDef(size=36)).encode(
        x=alt.X(
            "threshold:Q", title="probability from which pairs are linked",
            scale=alt.Scale(domain=[0, 1]), axis=alt.Axis(format=".0%", grid=False),
        ),
        y=alt.Y(
            "share:Q", title=None, axis=alt.Axis(format=".0%", tickCount=5),
            scale=alt.Scale(domain=[np.floor(lowest * 20 - 0.2) / 20, 1], nice=False, clamp=True),
        ),
        color=alt.Color(
            "figure:N", title=None, legend=alt.Legend(orient="top", labelLimit=240),
            scale=alt.Scale(domain=list(curves), range=[BLUE, ORANGE]),
        ),
    )  # fmt: skip
    return svg(220, lines, *_rule(link, f"agreed: {100 * link:g}%", leftwards=link > 0.5, y=200))


def waterfall_chart(example: Example) -> str:
    """Draw how a pair's weight comes about, step by step, the outcome last."""
    rows = waterfall_bars(example.steps)
    low, high = min(row["low"] for row in rows), max(row["high"] for row in rows)
    room = 0.16 * (high - low)  # for the labels to the right of the bars
    scale = alt.Scale(domain=[low, high + room], nice=False)
    axis = alt.Axis(format="d", tickMinStep=1, tickCount=5)
    base = alt.Chart(data(rows)).encode(
        x=alt.X("high:Q", title="bits", scale=scale, axis=axis),
        y=alt.Y("name:N", title=None, sort=None, axis=alt.Axis(ticks=False, domain=False)),
    )
    bars = base.mark_bar(height=alt.RelativeBandSize(0.7)).encode(
        x2="low:Q", color=alt.Color("fill:N", scale=None)
    )
    zero = alt.Chart(data([{"at": 0}])).mark_rule(color=PALE_INK).encode(x="at:Q")
    text = base.encode(text="label:N")
    place: dict[str, Any] = {"align": "left", "dx": 5, "fontSize": FONT_SIZE}
    halo = text.mark_text(stroke=WHITE, strokeWidth=4, **place)  # the line of 0 may cross a label
    return svg(_STEP_HEIGHT * len(rows), bars, zero, halo, text.mark_text(color=INK, **place))
