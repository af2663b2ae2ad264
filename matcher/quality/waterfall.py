"""A waterfall as SVG, drawn directly: a page for one link mustn't wait for a chart engine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from matcher.runs.report.looks import FONT, FONT_SIZE, INK, PALE_INK, WIDTH
from matcher.runs.report.steps import Step, waterfall_bars

_LABELS, _ROW, _BAR, _AXIS = 148, 26, 18, 34
_ROOM = 46  # for the figure to the right of a bar
_GAP = 6
_SVG = Markup(
    '<svg class="console-chart" aria-hidden="true" xmlns="http://www.w3.org/2000/svg" '
    'viewBox="0 0 {width} {height}" '
    'font-family="{font}" font-size="{size}">{content}</svg>'
)
_TEXT = Markup('<text x="{x}" y="{y}" text-anchor="{anchor}" fill="{fill}">{text}</text>')
_RECT = Markup('<rect x="{x}" y="{y}" width="{width}" height="{height}" fill="{fill}"/>')
_LINE = Markup('<line x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}" stroke="{stroke}"{dashes}/>')


@dataclass(frozen=True)
class _Scale:
    """From bits to places across the drawing."""

    low: float
    high: float

    def at(self, bits: float) -> float:
        span = max(self.high - self.low, 1e-9)
        return round(_LABELS + (bits - self.low) / span * (WIDTH - _LABELS - _ROOM), 1)


def waterfall(steps: Sequence[Step]) -> Markup:
    """Draw how a pair's weight comes about, step by step, the outcome last."""
    bars = waterfall_bars(steps)
    scale = _Scale(min(bar["low"] for bar in bars), max(bar["high"] for bar in bars))
    height = _ROW * len(bars)
    zero = scale.at(0.0)
    drawn = [_line(zero, 0, zero, height, PALE_INK)]
    for row, (bar, before) in enumerate(zip(bars, [None, *bars], strict=False)):
        top = row * _ROW + (_ROW - _BAR) / 2
        left, right = scale.at(bar["low"]), scale.at(bar["high"])
        middle = top + _BAR / 2 + FONT_SIZE * 0.35
        drawn += [
            _TEXT.format(
                x=_LABELS - _GAP, y=middle, anchor="end", fill=INK, text=_short(bar["name"])
            ),
            _RECT.format(
                x=left, y=top, width=max(round(right - left, 1), 1), height=_BAR, fill=bar["fill"]
            ),
            _TEXT.format(x=right + _GAP, y=middle, anchor="start", fill=INK, text=bar["label"]),
        ]
        if before is not None and row < len(bars) - 1:
            at = scale.at(bar["from"])
            drawn.append(_line(at, top - (_ROW - _BAR), at, top, PALE_INK, dashed=True))
    drawn.append(
        _TEXT.format(x=zero, y=height + _AXIS / 2, anchor="middle", fill=PALE_INK, text="0 bits")
    )
    return _SVG.format(
        width=WIDTH,
        height=height + _AXIS,
        font=FONT,
        size=FONT_SIZE,
        content=Markup("").join(drawn),
    )


def _line(
    x1: float, y1: float, x2: float, y2: float, stroke: str, *, dashed: bool = False
) -> Markup:
    dashes = Markup(' stroke-dasharray="2 2"') if dashed else ""
    return _LINE.format(x1=x1, y1=y1, x2=x2, y2=y2, stroke=stroke, dashes=dashes)


def _short(name: str) -> str:
    """Return a name that fits beside the bars; the table has it whole."""
    return name if len(name) <= 22 else name[:21] + "\N{HORIZONTAL ELLIPSIS}"
