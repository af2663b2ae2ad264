"""How good the links should be, overall and between every two agencies, without truth."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.stats import chi2

from linkage.evaluation import Estimate, Interval
from linkage.sources import Sources
from linkage.unseen import Shown

_Z = 1.959963984540054
_TAIL = 0.025
_ANYTHING = 50.0  # a factor of e to this: nothing is known
AgencyPair = tuple[str, str]


@dataclass(frozen=True)
class EstimateBasis:
    """What estimates rest on beside the probabilities of pairs; kept with a run.

    ``shown`` is the share of matches that the assignment shows, by two agencies; without it,
    matches that no comparison shows are not counted. ``decoy_weight`` is how many false matches
    a decoy stands for; None if there were no decoys to learn from.
    """

    shown: Mapping[AgencyPair, Shown] = field(default_factory=dict)
    decoy_weight: float | None = None


@dataclass(frozen=True)
class _Sums:
    """Of two agencies, or of all: expected numbers, and the standard error of the matches."""

    links: int
    correct: float
    matches: float
    error: float
    seen_only: bool

    def plus(self, other: _Sums) -> _Sums:
        return _Sums(
            self.links + other.links,
            self.correct + other.correct,
            self.matches + other.matches,
            math.hypot(self.error, other.error),
            self.seen_only or other.seen_only,
        )

    def estimate(self, decoy_weight: float | None) -> Estimate:
        false = None if decoy_weight is None else _false_links(self, decoy_weight)
        return Estimate(
            self.links,
            self.correct,
            self.matches,
            None if false is None or not self.links else _shares_right(self.links, false),
            None if false is None or self.seen_only else _recall_interval(self, false),
            not self.seen_only,
        )


def estimate_quality(
    sources: Sources,
    found: NDArray[np.float64],
    linked: NDArray[np.int64],
    correct: NDArray[np.float64],
    basis: EstimateBasis,
) -> tuple[Estimate, dict[AgencyPair, Estimate]]:
    """Return the expected quality over all, and by two agencies.

    By two agencies, numbered as by `linkage.calibration.source_pair`, each (agencies squared,):
    ``found`` the expected matches among the assignment's winners, ``linked`` the links and
    ``correct`` the expected matches among them.
    """
    whole = _Sums(0, 0.0, 0.0, 0.0, seen_only=False)
    by_pair = {}
    for a, b in sources.pairs():
        pair = (sources.names[a], sources.names[b])
        key = a * len(sources.names) + b
        sums = _sums(
            int(linked[key]), float(correct[key]), float(found[key]), basis.shown.get(pair)
        )
        by_pair[pair] = sums.estimate(basis.decoy_weight)
        whole = whole.plus(sums)
    return whole.estimate(basis.decoy_weight), by_pair


def _sums(linked: int, correct: float, found: float, shown: Shown | None) -> _Sums:
    # Links through other records may find more than the assignment shows.
    if shown is None:
        return _Sums(linked, correct, max(found, correct), 0.0, seen_only=True)
    matches = max(found / shown.share, correct)
    return _Sums(linked, correct, matches, matches * shown.error, seen_only=False)


def _false_links(sums: _Sums, decoy_weight: float) -> Interval:
    """Return limits of the number of false links: decoys that were counted, a Poisson number.

    The exact interval (Garwood 1936), of as many decoys as stand for the expected false links.
    """
    count = max(sums.links - sums.correct, 0.0) / decoy_weight
    low = chi2.ppf(_TAIL, 2 * count) / 2 if count else 0.0
    high = chi2.ppf(1 - _TAIL, 2 * count + 2) / 2
    return float(low * decoy_weight), float(min(high * decoy_weight, sums.links))


def _shares_right(links: int, false: Interval) -> Interval:
    return 1 - false[1] / links, 1 - false[0] / links


def _recall_interval(sums: _Sums, false: Interval) -> Interval | None:
    """Return limits of recall, by what chance does to matches and false links (delta method)."""
    if not sums.correct or not sums.matches:
        return None
    of_correct = (false[1] - false[0]) / (2 * _Z) / sums.correct
    deviation = math.hypot(of_correct, sums.error / sums.matches)
    spread = math.exp(min(_Z * deviation, _ANYTHING))
    recall = sums.correct / sums.matches
    return recall / spread, min(recall * spread, 1.0)
