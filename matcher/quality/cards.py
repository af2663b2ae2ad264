"""The evidence card of a link: how its weight comes about, step by step, and never any value."""

from __future__ import annotations

import numpy as np

from matcher.quality.kept import KeptRun
from matcher.quality.match_log import link_row
from matcher.quality.shown import Card, LinkRow
from matcher.quality.waterfall import waterfall
from matcher.runs.report.fates import Fate
from matcher.runs.report.numbers import percent, signed
from matcher.runs.report.parts import Figure, Table, figure
from matcher.runs.report.steps import Corrections, Step, steps_of

SEEN = 0.05
"""Bits that would be shown as 0.0."""
NOT_KEPT = "not told apart"
"""The step of what the run hasn't kept: how groups overlap, rare values, other records."""


def card_of(run: KeptRun, at: int) -> Card:
    """Return the card of the link at a place."""
    link, found = link_row(run, at), steps(run, at)
    alone = float(run.links["own"][at]) if run.about.weighed else None
    return Card(
        link,
        tuple(found),
        run.about.match_share,
        alone,
        run.about.calibrated,
        tuple(_sentences(run, link, alone)),
        _figure(link, found),
        run.about.groups,
    )


def steps(run: KeptRun, at: int) -> list[Step]:
    """Return the steps that add up to the weight of the link at a place.

    What is missing to its weight is a step of its own, which says so.
    """
    about, link = run.about, run.links[at]
    kept = link["corrections"].tolist() if about.weighed else (0.0, 0.0, 0.0, 0.0)
    groups = ((group.name, group.weights) for group in about.groups)
    found = steps_of(about.match_share, groups, link["levels"].tolist(), Corrections(*kept))
    rest = float(link["weight"]) - sum(step.weight for step in found)
    return found if abs(rest) < SEEN else [*found, Step(NOT_KEPT, None, False, rest)]


def _figure(link: LinkRow, found: list[Step]) -> Figure:
    said = "; ".join(f"{step.name} {signed(step.weight)}" for step in found)
    title = "How the match weight comes about"
    rows = [[step.name, step.place, signed(step.weight), total] for step, total in _totals(found)]
    rows.append(["match weight", "", signed(link.weight), signed(link.weight)])
    return figure(
        title,
        f"Waterfall chart in bits: {said}; match weight {signed(link.weight)}, "
        f"probability {percent(link.probability)}.",
        waterfall(found),
        Table("Steps of the evidence, in bits", ["Step", "Level", "Adds", "Sum so far"], rows),
    )


def _totals(found: list[Step]) -> list[tuple[Step, str]]:
    sums = np.cumsum([step.weight for step in found]).tolist()
    return [(step, signed(total)) for step, total in zip(found, sums, strict=True)]


def _sentences(run: KeptRun, link: LinkRow, alone: float | None) -> list[str]:
    """Say in words what the chart shows, and what is made of the weight."""
    share = run.about.match_share
    odds = 2.0 ** min(link.weight, 1000)  # beyond, a number is too large
    by_weight = odds / (1 + odds)
    said = [
        f"Before anything was compared, a pair of records was one person in 1 case of "
        f"{1 / share:,.0f}.",
        f"The evidence brings the pair to {signed(link.weight)} bits, where odds alone would make "
        f"the probability {percent(by_weight)}.",
    ]
    if run.about.calibrated and alone is not None:
        said.append(
            f"Decoys, pairs that cannot be right, have shown how far such weights can be believed: "
            f"calibrated, the probability on its own evidence is {percent(alone)}."
        )
    if alone is not None and abs(alone - link.probability) >= 0.0005:
        said.append(
            f"Other records that tie both to one person make it {percent(link.probability)}."
        )
    said.append(f"{_FATES[link.fate]} (from {100 * run.about.link:g}%).")
    return said


_FATES = {
    Fate.LINKED: "The agreement links pairs as probable as this one",
    Fate.THROUGH_OTHERS: "The pair is linked because other records join both to one person",
    Fate.FOR_REVIEW: "The pair is not linked: the agreement asks for more",
}
