"""Household hints: two people who share all but the given name, as twins do.

Whether a pair is one is read off its levels. The groups that hold the given name all disagree, as
far as the pair has them, and what the other groups say would make the pair a match if the given
name weren't known. How much can be seen depends on the groups: that brothers and sisters share a
surname and a place shows only where a group joins just these two; where every group without the
given name holds the date of birth, only twins and children of one birthday are seen.

The same levels come of one person whose given name was written in another way, which the pair's
probability weighs. So a sure enough pair is a link, too; but it never joins two clusters by itself
(`linkage.clustering`). What isn't in one cluster in the end is a hint.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from linkage.candidates import Candidates
from linkage.fellegi_sunter import LinkageModel
from linkage.patterns import NULL, GroupComparison


@dataclass(frozen=True)
class Hints:
    """Pairs of records of one household: ``left`` and ``right`` int32 (k,), left < right.

    ``levels`` int8 (k, groups).
    """

    left: NDArray[np.int32]
    right: NDArray[np.int32]
    levels: NDArray[np.int8]

    def __len__(self) -> int:
        return len(self.left)

    def take(self, index: NDArray[np.int64]) -> Hints:
        """Return the hints at the given positions, in that order."""
        return Hints(self.left[index], self.right[index], self.levels[index])


def hints_apart(
    candidates: Candidates,
    cluster_of: NDArray[np.int64],
    model: LinkageModel,
    holds_given_name: tuple[bool, ...],
) -> Hints | None:
    """Return the hints whose records are in different clusters, by left and right.

    None where the groups can't show any.
    """
    if not can_show_hints(holds_given_name):
        return None
    apart = cluster_of[candidates.left] != cluster_of[candidates.right]
    chosen = np.flatnonzero(apart & household_hints(candidates.levels, model, holds_given_name))
    return Hints(candidates.left[chosen], candidates.right[chosen], candidates.levels[chosen])


def remaining_hints(hints: Hints | None, erased: NDArray[np.bool_]) -> Hints | None:
    """Return the hints without those of erased records, bool (records,), by their new numbers."""
    if hints is None:
        return None
    number = np.cumsum(~erased, dtype=np.int32) - np.int32(1)
    kept = hints.take(np.flatnonzero(~(erased[hints.left] | erased[hints.right])))
    return Hints(number[kept.left], number[kept.right], kept.levels)


def with_parted(
    hints: Hints | None,
    pairs: Hints,
    before: NDArray[np.int64],
    after: NDArray[np.int64],
    model: LinkageModel,
    holds_given_name: tuple[bool, ...],
) -> Hints | None:
    """Return the hints and those of ``pairs`` that show one, were within a cluster and now aren't.

    ``before`` and ``after`` int64 (records,) number the records' clusters.
    """
    if hints is None:
        return None
    left, right = pairs.left, pairs.right
    parted = (before[left] == before[right]) & (after[left] != after[right])
    chosen = np.flatnonzero(parted & household_hints(pairs.levels, model, holds_given_name))
    together = Hints(
        np.concatenate([hints.left, left[chosen]]),
        np.concatenate([hints.right, right[chosen]]),
        np.concatenate([hints.levels, pairs.levels[chosen]]),
    )
    return together.take(np.lexsort((together.right, together.left)))


def can_show_hints(holds_given_name: tuple[bool, ...]) -> bool:
    """Say whether the groups can tell people of one household apart at all.

    ``holds_given_name`` says it of each group. Empty where nobody knows.
    """
    return any(holds_given_name) and not all(holds_given_name)


def household_hints(
    levels: NDArray[np.int8], model: LinkageModel, holds_given_name: tuple[bool, ...]
) -> NDArray[np.bool_]:
    """Return which pairs, with levels int8 (pairs, groups), are household hints, bool (pairs,)."""
    if not can_show_hints(holds_given_name):
        return np.zeros(len(levels), np.bool_)
    given = np.array(holds_given_name)
    nearest = np.array([_highest_by_chance(c) for c in model.comparisons], np.int8)
    known = levels[:, given] != NULL
    apart = (levels[:, given] <= nearest[given]).all(axis=1) & known.any(axis=1)
    without = np.where(given, np.int8(NULL), levels)
    return np.asarray(apart & (model.log_odds(without) >= 0.0), np.bool_)


def _highest_by_chance(comparison: GroupComparison) -> int:
    """Return the highest level that strangers' groups reach often: those no scan tells apart."""
    return len(comparison.levels) - len(comparison.for_scan().levels)
