"""How good a linkage is: as the model believes, and against truth where it is known."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

CONFIDENCE = 0.95
_Z = 1.959963984540054  # the normal quantile of a two-sided interval at that confidence
Interval = tuple[float, float]


@dataclass(frozen=True)
class Quality:
    """Pairwise precision, recall and F1; ``links`` made, ``matches`` there are, ``correct`` links.

    Of an estimate, ``matches`` and ``correct`` are expected numbers. 0 / 0 counts as 0.
    """

    links: int
    correct: float
    matches: float

    @property
    def precision(self) -> float:
        """The share of links that are matches."""
        return self.correct / self.links if self.links else 0.0

    @property
    def recall(self) -> float:
        """The share of matches that are linked."""
        return self.correct / self.matches if self.matches else 0.0

    @property
    def f1(self) -> float:
        """The harmonic mean of precision and recall."""
        both = self.links + self.matches
        return 2 * self.correct / both if both else 0.0

    def as_dict(self) -> dict[str, Any]:
        """All six figures, ready for JSON."""
        return {
            "precision": round(self.precision, 6),
            "recall": round(self.recall, 6),
            "f1": round(self.f1, 6),
            "links": self.links,
            "correct": round(self.correct, 3),
            "matches": round(self.matches, 3),
        }


@dataclass(frozen=True)
class Estimate(Quality):
    """Quality as the model expects it, without truth.

    With ``counts_unseen`` the matches are all there are, as estimated; without it only those
    that the comparison shows, so that recall is an upper limit. The intervals are of 95%, None
    where nothing can be said; they hold what chance does, not what a wrong model would.
    """

    precision_interval: Interval | None = None
    recall_interval: Interval | None = None
    counts_unseen: bool = False

    def as_dict(self) -> dict[str, Any]:
        """All figures and their intervals, ready for JSON."""
        limits = {"precision": self.precision_interval, "recall": self.recall_interval}
        return {
            **super().as_dict(),
            "intervals": {name: _rounded(both) for name, both in limits.items()},
            "counts_unseen": self.counts_unseen,
        }


@dataclass(frozen=True)
class Intervals:
    """95% confidence intervals of counted quality; None where nothing was counted (0 / 0).

    They take pairs for independent draws. Pairs of one person aren't quite, so that where people
    have many records the truth lies outside somewhat more often than once in twenty.
    """

    precision: Interval | None
    recall: Interval | None
    f1: Interval | None

    def as_dict(self) -> dict[str, list[float] | None]:
        """Lower and upper limits, ready for JSON."""
        limits = {"precision": self.precision, "recall": self.recall, "f1": self.f1}
        return {name: _rounded(both) for name, both in limits.items()}


def _rounded(interval: Interval | None) -> list[float] | None:
    return None if interval is None else [round(limit, 6) for limit in interval]


def intervals(counted: Quality) -> Intervals:
    """Return the intervals of a quality counted against truth, whose figures are whole numbers.

    Precision and recall are shares, with Wilson's interval. F1 is 2F* / (1 + F*), where F* is the
    share of correct links among all pairs that are links or matches (Hand, Christen and Kirielle
    2021); so its interval is Wilson's of F*, carried over. To first order that is the delta
    method's, but it never leaves 0 to 1.
    """
    either = counted.links + counted.matches - counted.correct
    f_star = wilson(counted.correct, either)
    return Intervals(
        wilson(counted.correct, counted.links),
        wilson(counted.correct, counted.matches),
        None if f_star is None else (_f1_of(f_star[0]), _f1_of(f_star[1])),
    )


def wilson(successes: float, trials: float) -> Interval | None:
    """Return the score interval of a share (Wilson 1927) at 95%; None without trials."""
    if not trials:
        return None
    share, z_squared = successes / trials, _Z**2
    middle = share + z_squared / (2 * trials)
    spread = _Z * math.sqrt(share * (1 - share) / trials + z_squared / (4 * trials**2))
    scale = 1 + z_squared / trials
    return max(0.0, (middle - spread) / scale), min(1.0, (middle + spread) / scale)


def _f1_of(f_star: float) -> float:
    return 2 * f_star / (1 + f_star)


def expected_quality(probability: NDArray[np.float64], threshold: float) -> Estimate:
    """Return the quality that match probabilities, one per assigned pair, promise by themselves."""
    linked = probability >= threshold
    return Estimate(int(linked.sum()), float(probability[linked].sum()), float(probability.sum()))


def best_quality(
    score: NDArray[np.float64], is_match: NDArray[np.bool_], matches: int
) -> tuple[Quality, float]:
    """Return the best F1 that any threshold on the score reaches, and that threshold."""
    best, threshold = Quality(0, 0, matches), float("inf")
    order = np.argsort(-score, kind="stable")
    correct = np.cumsum(is_match[order])
    falling = score[order]
    for last in np.flatnonzero(np.append(falling[1:] != falling[:-1], [True] * bool(len(score)))):
        quality = Quality(int(last) + 1, int(correct[last]), matches)
        if quality.f1 > best.f1:
            best, threshold = quality, float(falling[last])
    return best, threshold
