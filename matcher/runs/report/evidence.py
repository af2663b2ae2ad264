"""What speaks for a pair, step by step: from the rarity of matches to its final weight."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from linkage.fellegi_sunter import LinkageModel
from linkage.linking import Linkage, Links
from matcher.runs.report.cells import Cells
from matcher.runs.report.steps import Corrections, Step, steps_of
from matcher.runs.weights import corrections, own_probability

_NEIGHBOURS = 2  # pairs shown on each side of the threshold
_MOST_PATTERNS = 12
_NOTHING = 0.05  # bits that would be shown as 0.0


@dataclass(frozen=True)
class Example:
    """A pair to look at: ``row`` of links.parquet, counted from 1, and its steps in order."""

    title: str
    row: int
    steps: list[Step]
    weight: float
    probability: float


@dataclass(frozen=True)
class Pattern:
    """Pairs with the same levels, int8 (groups,); weight in bits of their own evidence.

    ``weight`` and ``probability`` are None where no comparison put such a pair forward.
    """

    levels: NDArray[np.int8]
    pairs: int
    weight: float | None
    probability: float | None


def examples(linkage: Linkage, link: float) -> list[Example]:
    """Return a typical link, the pairs nearest the threshold, and one linked through others."""
    links = linkage.links
    own = own_probability(linkage)
    linked = links.probability >= link
    by_itself = own == links.probability
    above = _unlike(links, np.flatnonzero(linked & by_itself)[::-1])
    below = _unlike(links, np.flatnonzero(~linked & by_itself))
    through = np.flatnonzero(linked & (own < link) & _weighed_by_others(linkage))
    chosen = [
        *(("A typical link", k) for k in _typical(linkage, np.flatnonzero(own >= link))),
        *(("Only just linked", k) for k in above),
        *(("Only just not linked", k) for k in below),
        *(("Linked through other records", k) for k in through[len(through) // 2 :][:1].tolist()),
    ]
    return [_example(title, linkage, k) for title, k in chosen]


def _weighed_by_others(linkage: Linkage) -> NDArray[np.bool_]:
    """Return which pairs have a weight only because others tie their records, bool (links,)."""
    others = corrections(linkage, np.arange(len(linkage.links))).others
    return np.asarray(~np.isclose(others, 0.0, rtol=0, atol=_NOTHING))


def _unlike(links: Links, ordered: NDArray[np.int64]) -> list[int]:
    """Return the first pairs with different levels, in their order."""
    _, first = np.unique(links.levels[ordered], axis=0, return_index=True)
    return [int(k) for k in ordered[np.sort(first)[:_NEIGHBOURS]]]


def _typical(linkage: Linkage, alone: NDArray[np.int64]) -> list[int]:
    """Return the first pair of the commonest pattern among the links."""
    pattern = linkage.histogram.find(linkage.links.levels[alone])
    if not len(pattern):
        return []
    return [int(alone[np.argmax(pattern == np.bincount(pattern).argmax())])]


def _example(title: str, linkage: Linkage, k: int) -> Example:
    links: Links = linkage.links
    return Example(
        title, k + 1, steps(linkage, k), float(links.weight[k]), float(links.probability[k])
    )


def steps(linkage: Linkage, k: int) -> list[Step]:
    """Return the steps whose weights add up to the weight of the ``k``-th link."""
    model = linkage.model
    found = corrections(linkage, np.array([k]))
    own = Corrections(*(float(bits[0]) for bits in vars(found).values()))
    return steps_of(model.match_share, level_weights(model), linkage.links.levels[k].tolist(), own)


def level_weights(model: LinkageModel) -> list[tuple[str, list[float]]]:
    """Return the groups' names, each with the match weight in bits of its levels from 0 on."""
    found = zip(model.comparisons, model.m, model.u, strict=True)
    return [(comparison.name, np.log2(m / u).tolist()) for comparison, m, u in found]


def commonest_patterns(linkage: Linkage, cells: Cells) -> tuple[list[Pattern], int]:
    """Return the commonest patterns of the links, most pairs first, and all other pairs' number.

    Patterns of fewer pairs than may be shown are among the others.
    """
    levels, counts = np.unique(linkage.links.levels, axis=0, return_counts=True)
    order = np.argsort(-counts, kind="stable")[:_MOST_PATTERNS]
    order = order[counts[order] >= cells.least]
    found = linkage.histogram.find(levels[order])
    patterns = [
        Pattern(
            levels[row],
            int(counts[row]),
            None if at < 0 else float(linkage.pattern_weight[at]),
            None if at < 0 else float(linkage.pattern_probability[at]),
        )
        for row, at in zip(order.tolist(), found.tolist(), strict=True)
    ]
    return patterns, int(counts.sum()) - sum(pattern.pairs for pattern in patterns)
