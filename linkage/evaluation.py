"""How good a linkage is: as the model believes, and against truth where it is known."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


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

    def as_dict(self) -> dict[str, float]:
        """All six figures, ready for JSON."""
        return {
            "precision": round(self.precision, 6),
            "recall": round(self.recall, 6),
            "f1": round(self.f1, 6),
            "links": self.links,
            "correct": round(self.correct, 3),
            "matches": round(self.matches, 3),
        }


def expected_quality(probability: NDArray[np.float64], threshold: float) -> Quality:
    """Return the quality that match probabilities, one per assigned pair, promise."""
    linked = probability >= threshold
    return Quality(int(linked.sum()), float(probability[linked].sum()), float(probability.sum()))


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
