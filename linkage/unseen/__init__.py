"""How many matches no comparison shows: without them, recall would seem near 1.

Records of one person whose fields differ too much look like strangers, and no threshold finds
them. How many there are follows from those that are seen, as the size of a population follows from
recapture. Two facts make the step from seen to unseen a short one:

* A diffused group joins several parts, and each output bit is the XOR of t bits of each of them.
  So where two records' parts correlate by r, the group correlates by the *product* of all r ** t,
  plus or minus chance. What differs in one field therefore shows in every group that joins it, in
  a known way.
* In matches, differences in one field say little about those in another.

The model: in every part the records of a match correlate by one of few values, independently of
the other parts; how often each value occurs is estimated, and so is how often a group is hidden
(`hashing` replaces what several records of an extract share by random bits). From these follows
the probability of every pattern of coarse levels, among them of those that nobody would link. It
is fitted by EM to the patterns that are beyond doubt, a truncated sample; the expectation of the
unseen ones is the classic one for truncated data (Dempster, Laird and Rubin 1977, section 4.2).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from linkage.fellegi_sunter import LinkageModel
from linkage.patterns import GroupComparison
from linkage.sources import Sources
from linkage.unseen.model import Fitted, expect, fit, log_error, matches_by_mask
from linkage.unseen.sample import Cells, Sample

__all__ = ["Shown", "can_estimate", "shown_shares"]

MOST_PARTS, MOST_GROUPS = 5, 8  # what can be counted through: 3,125 states and 6,561 patterns
LEAST_SEEN = 100  # fewer pairs beyond doubt tell nothing
_FIRST_PASSES, _LATER_PASSES = 60, 25


@dataclass(frozen=True)
class Shown:
    """Which ``share`` of the matches the one-to-one assignment shows.

    ``error`` is the standard error of the share's logarithm, by chance alone: that the model is
    wrong isn't in it.
    """

    share: float
    error: float


def can_estimate(comparisons: tuple[GroupComparison, ...]) -> bool:
    """Whether the groups are such that unseen matches can be estimated."""
    names = {name for comparison in comparisons for name, _ in comparison.parts}
    return (
        2 <= len(comparisons) <= MOST_GROUPS
        and len(names) <= MOST_PARTS
        and all(c.kind == "correlation" and c.parts for c in comparisons)
    )


def shown_shares(
    sources: Sources,
    between: NDArray[np.int64],
    levels: NDArray[np.int8],
    probability: NDArray[np.float64],
    model: LinkageModel,
) -> dict[int, Shown]:
    """Estimate the share of matches shown between every two agencies.

    Of the assignment's winners: ``between`` int64 (pairs,), which two agencies, as
    `linkage.calibration.source_pair` numbers them, ``levels`` int8 (pairs, groups) and
    ``probability`` float64 (pairs,) of a match. Two agencies with too few pairs have the share of
    all together. Empty where nothing can be estimated.
    """
    if not can_estimate(model.comparisons) or probability.sum() < LEAST_SEEN:
        return {}
    agencies = len(sources.names)
    lacking = {a * agencies + b: _lacking(sources, a, b) for a, b in sources.pairs()}
    cells = Cells.of(levels, probability, between, lacking, model)
    everything = cells.of_everything()
    if everything.seen_count() < LEAST_SEEN:
        return {}
    overall = fit(Fitted.at_first(model.comparisons), everything, None, _FIRST_PASSES)
    together = _shown(overall, everything)
    enough = [key for key in lacking if probability[between == key].sum() >= LEAST_SEEN]
    each = {key: _of_two(overall, cells.between(key)) for key in enough}
    return {key: each.get(key) or together for key in lacking}


def _lacking(
    sources: Sources, one: int, other: int
) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """Return how likely two random rows lack which groups: masks (k, groups), shares (k,)."""
    present = sources.encodings.present
    (first, n), (second, m) = (
        np.unique(present[sources.rows(agency)], axis=0, return_counts=True)
        for agency in (one, other)
    )
    masks = ~(first[:, None] & second[None]).reshape(-1, present.shape[1])
    weights = np.outer(n, m).ravel()
    return masks, weights / max(int(weights.sum()), 1)


def _of_two(overall: Fitted, own: Sample) -> Shown | None:
    if own.seen_count() < LEAST_SEEN:
        return None
    return _shown(fit(overall, own, overall, _LATER_PASSES), own)


def _shown(fitted: Fitted, sample: Sample) -> Shown:
    expected = expect(fitted, sample)
    matches = matches_by_mask(sample, expected.shown)
    share = min(sample.total / max(float(matches.sum()), 1e-9), 1.0)
    return Shown(share, log_error(fitted, sample, expected, matches))
