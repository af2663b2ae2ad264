"""What another threshold would bring: expected precision and recall against the links made."""

from __future__ import annotations

from dataclasses import dataclass

from linkage.evaluation import Quality, expected_quality
from linkage.linking import Linkage, LinkingRules

_THRESHOLDS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99)


@dataclass(frozen=True)
class Choice:
    """A threshold that could be agreed, and the quality that is expected of it."""

    threshold: float
    quality: Quality


def choices(linkage: Linkage, rules: LinkingRules) -> list[Choice]:
    """Return the expected quality at round thresholds, the agreed one and the review's, rising.

    Pairs that other records tie together count with the probability they have in this run, so
    that a new run may differ a little.
    """
    kept = (t for t in _THRESHOLDS if t > rules.review)
    return [Choice(t, _expected(linkage, t)) for t in sorted({rules.review, rules.link, *kept})]


def _expected(linkage: Linkage, threshold: float) -> Quality:
    quality = expected_quality(linkage.links.probability, threshold)
    # The run keeps no pairs below review, but its own estimate has counted them all.
    return Quality(quality.links, quality.correct, linkage.estimate.matches)
