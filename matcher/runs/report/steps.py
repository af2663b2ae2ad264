"""How the weight of a pair comes about, step by step, and the bars of a waterfall.

Nothing here loads a compiler or a chart engine: whoever explains one link doesn't wait for them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import numpy as np

from linkage.patterns import NULL
from matcher.runs.report.looks import BLUE, INK, ORANGE, PALE_INK
from matcher.runs.report.numbers import signed

_Bits = TypeVar("_Bits")
_NOTHING = 0.05  # bits that would be shown as 0.0


@dataclass(frozen=True)
class Corrections(Generic[_Bits]):
    """Corrections in bits, of one link or of many, float64 (links,).

    ``overlap`` takes back what groups that share fields count twice; ``rarity`` is what rare
    values add; ``commonness`` is how much commoner matches are between just these agencies; and
    ``others`` what other records say that tie both to one person.
    """

    overlap: _Bits
    rarity: _Bits
    commonness: _Bits
    others: _Bits


@dataclass(frozen=True)
class Step:
    """A part of a pair's evidence: ``weight`` in bits, ``level`` None where there is none."""

    name: str
    level: int | None
    missing: bool
    weight: float

    @property
    def place(self) -> str:
        """Its level in words, empty where there is none."""
        if self.missing:
            return "missing"
        return "" if self.level is None else str(self.level)


def steps_of(
    match_share: float,
    groups: Iterable[tuple[str, Sequence[float]]],
    levels: Iterable[int],
    corrected: Corrections[float],
) -> list[Step]:
    """Return the steps of a pair with these levels, one of each group, from the rarity on.

    ``match_share`` of all pairs are matches; ``groups`` are names with the weight of each level in
    bits. Corrections too small to be seen are left out.
    """
    rarity = float(np.log2(match_share / (1 - match_share)))
    parts = [Step("matches are rare", None, False, rarity)]
    for (name, weights), level in zip(groups, levels, strict=True):
        missing = level == NULL
        parts.append(Step(name, level, missing, 0.0 if missing else float(weights[level])))
    further = [
        Step("groups overlap", None, False, corrected.overlap),
        Step("how rare values are", None, False, corrected.rarity),
        Step("how common here", None, False, corrected.commonness),
        Step("other records", None, False, corrected.others),
    ]
    return parts + [part for part in further if abs(part.weight) >= _NOTHING]


def waterfall_bars(steps: Iterable[Step]) -> list[dict[str, Any]]:
    """Return the bars from top to bottom: name, low, high, from (bits), label and fill."""
    rows, at = [], 0.0
    for step in steps:
        label = "" if step.missing else signed(step.weight)
        rows.append(_bar(_name(step), at, at + step.weight, label, _colour(step)))
        at += step.weight
    return [*rows, _bar("match weight", 0.0, at, signed(at), INK)]


def _bar(name: str, start: float, end: float, label: str, fill: str) -> dict[str, Any]:
    low, high = sorted((start, end))
    return {
        "name": name, "low": low, "high": high, "from": start, "label": label, "fill": fill,
    }  # fmt: skip


def _name(step: Step) -> str:
    if step.missing:
        return f"{step.name}: missing"
    return step.name if step.level is None else f"{step.name}: level {step.level}"


def _colour(step: Step) -> str:
    if step.level is None:
        return PALE_INK
    return BLUE if step.weight >= 0 else ORANGE
