"""The evidence card of a link: how its weight comes about, step by step, and never any value."""

from __future__ import annotations

import numpy as np

from linkage.fellegi_sunter import probability
from matcher.quality.loading import LoadedRun
from matcher.quality.match_log import link_row
from matcher.quality.shown import Card, ComparedGroup, Fate, LinkRow
from matcher.quality.waterfall import waterfall
from matcher.runs.report.evidence import Example, Step, steps_of
from matcher.runs.report.numbers import percent, signed
from matcher.runs.report.parts import Figure, Table, figure
from matcher.runs.weights import Corrections

SEEN = 0.05
"""Bits that would be shown as 0.0."""
NOT_KEPT = "not told apart"
"""The step of what the run hasn't kept: how groups overlap, rare values, other records."""


def card_of(run: LoadedRun, at: int) -> Card:
    """Return the card of the link at a place."""
    link, found = link_row(run, at), steps(run, at)
    share = run.linkage.model.match_share
    weighed = run.records.weighed
    alone = None if weighed is None else float(weighed.own[at])
    calibrated = run.linkage.calibrated
    return Card(
        link,
        tuple(found),
        share,
        alone,
        calibrated,
        tuple(_sentences(run, link, alone)),
        _figure(link, found),
        tuple(
            ComparedGroup(own.name, tuple(run.model["fields"][own.name]), own.level_count - 1)
            for own in run.linkage.model.comparisons
        ),
    )


def steps(run: LoadedRun, at: int) -> list[Step]:
    """Return the steps that add up to the weight of the link at a place.

    What is missing to its weight is a step of its own, which says so.
    """
    model, links, weighed = run.linkage.model, run.records.links, run.records.weighed
    nothing = Corrections(0.0, 0.0, 0.0, 0.0)
    own = nothing if weighed is None else weighed.corrections.row(at)
    found = steps_of(model, links.levels[at], own)
    rest = float(links.weight[at]) - sum(step.weight for step in found)
    return found if abs(rest) < SEEN else [*found, Step(NOT_KEPT, None, False, rest)]


def _figure(link: LinkRow, found: list[Step]) -> Figure:
    example = Example("", 0, found, link.weight, link.probability)
    said = "; ".join(f"{step.name} {signed(step.weight)}" for step in found)
    title = "How the match weight comes about"
    rows = [[step.name, _level(step), signed(step.weight), total] for step, total in _totals(found)]
    rows.append(["match weight", "", signed(link.weight), signed(link.weight)])
    return figure(
        title,
        f"Waterfall chart in bits: {said}; match weight {signed(link.weight)}, "
        f"probability {percent(link.probability)}.",
        waterfall(example),
        Table("Steps of the evidence, in bits", ["Step", "Level", "Adds", "Sum so far"], rows),
    )


def _totals(found: list[Step]) -> list[tuple[Step, str]]:
    sums = np.cumsum([step.weight for step in found]).tolist()
    return [(step, signed(total)) for step, total in zip(found, sums, strict=True)]


def _level(step: Step) -> str:
    if step.missing:
        return "missing"
    return "" if step.level is None else str(step.level)


def _sentences(run: LoadedRun, link: LinkRow, alone: float | None) -> list[str]:
    """Say in words what the chart shows, and what is made of the weight."""
    share = run.linkage.model.match_share
    by_weight = float(probability(np.array([link.weight * np.log(2)]))[0])
    said = [
        f"Before anything was compared, a pair of records was one person in 1 case of "
        f"{1 / share:,.0f}.",
        f"The evidence brings the pair to {signed(link.weight)} bits, where odds alone would make "
        f"the probability {percent(by_weight)}.",
    ]
    if run.linkage.calibrated and alone is not None:
        said.append(
            f"Decoys, pairs that cannot be right, have shown how far such weights can be believed: "
            f"calibrated, the probability on its own evidence is {percent(alone)}."
        )
    if alone is not None and abs(alone - link.probability) >= 0.0005:
        said.append(
            f"Other records that tie both to one person make it {percent(link.probability)}."
        )
    said.append(f"{_FATES[link.fate]} (from {100 * run.rules.link:g}%).")
    return said


_FATES = {
    Fate.LINKED: "The agreement links pairs as probable as this one",
    Fate.THROUGH_OTHERS: "The pair is linked because other records join both to one person",
    Fate.FOR_REVIEW: "The pair is not linked: the agreement asks for more",
}
