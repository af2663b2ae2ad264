"""Which records become one person, and which pairs a person has to judge.

Records are joined by average linkage on match probabilities: two groups become one while the mean
over *all* pairs across them is high enough. One strong pair between two groups that otherwise
disagree, a weak bridge, doesn't join them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.hierarchy import linkage
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial.distance import squareform

from agency_client.dedupe.candidates import Pairs
from agency_client.dedupe.chance import Floats
from agency_client.dedupe.comparison import Field, Rows, compare
from agency_client.dedupe.model import DuplicateModel, probability
from agency_client.dedupe.safety import contradicts, vouched_for

# Groups become one person without asking from this mean probability on.
SURE = 0.95
# Rows that hang together at all, at most; linkage looks at every pair of them.
LARGEST_GROUP = 400
_BATCH = 1_000_000
_FORBIDDEN = 1e6
_RISING = (0.5, 0.9, 0.99, 0.999, 0.9999, 0.99999)

Decisions = Mapping[tuple[int, int], bool]


@dataclass(frozen=True)
class Doubt:
    """Two rows, left < right, of two groups that may be one person.

    ``probability`` is the mean over all pairs across the groups, ``log_odds`` those of this pair.
    """

    left: int
    right: int
    log_odds: float
    probability: float


@dataclass(frozen=True)
class Merging:
    """The outcome: per row the first row of its person, int64 (rows,), and what is left to judge.

    ``doubts`` come likeliest first. ``left_alone`` counts rows in groups too large to look at.
    """

    person: Rows
    doubts: tuple[Doubt, ...]
    left_alone: int


@dataclass(frozen=True)
class Scored:
    """Candidate pairs and their log odds under a model."""

    fields: tuple[Field, ...]
    model: DuplicateModel
    pairs: Pairs
    log_odds: Floats


@dataclass(frozen=True)
class _Group:
    """Rows that hang together, int64 (m,) in order, and what is known of every pair, (m, m) each.

    ``distance`` is 1 - probability, with a trace added so that only equals are at 0; ``sure`` is
    the same but for pairs that speak against a merger; ``vouched`` are pairs that speak for one.
    """

    rows: Rows
    log_odds: Floats
    distance: Floats
    sure: Floats
    vouched: NDArray[np.bool_]


_TRACE = 1e-9


def merge(scored: Scored, decisions: Decisions, review: float) -> Merging:
    """Merge what is sure or decided, and list the doubts down to the probability ``review``.

    ``decisions`` says of pairs (left < right) whether they are the same person. Raises
    `ValueError` where they contradict each other.
    """
    copies = _sure_copies(scored, decisions)
    person = np.arange(len(scored.fields[0].column))
    groups, left_alone = _groups(scored, decisions, copies, review)
    doubts: list[Doubt] = []
    for group in _described(scored, groups, decisions):
        labels, found = _settle(group, review)
        doubts += found
        for label in np.unique(labels):
            members = group.rows[labels == label]
            person[members] = members[0]
    for copy, first in copies.items():
        person[copy] = person[first]
    _refuse_contradictions(person, decisions)
    doubts.sort(key=lambda doubt: (-doubt.probability, doubt.left, doubt.right))
    return Merging(person, tuple(doubts), left_alone)


def _sure_copies(scored: Scored, decisions: Decisions) -> dict[int, int]:
    """Return the rows that equal an earlier row in every field and tell enough, and that row."""
    left, right = scored.pairs
    codes = [field.column.codes for field in scored.fields]
    equal = np.logical_and.reduce([code[left] == code[right] for code in codes])
    equal &= probability(scored.log_odds) >= SURE
    left, right = left[equal], right[equal]
    equal = vouched_for(scored.fields, compare(scored.fields, left, right))
    decided = {row for pair in decisions for row in pair}
    pairs = zip(left[equal].tolist(), right[equal].tolist(), strict=True)
    return {copy: first for first, copy in pairs if copy not in decided}


def _groups(
    scored: Scored, decisions: Decisions, copies: Mapping[int, int], review: float
) -> tuple[list[Rows], int]:
    """Return the rows that may belong together, and how many hang together with too many."""
    left, right = scored.pairs
    chance = probability(scored.log_odds)
    likely = (chance >= review) & ~np.isin(right, list(copies))
    same = [pair for pair, decision in decisions.items() if decision]
    left = np.append(left[likely], [pair[0] for pair in same]).astype(np.int64)
    right = np.append(right[likely], [pair[1] for pair in same]).astype(np.int64)
    chance = np.append(chance[likely], np.ones(len(same)))
    rows = len(scored.fields[0].column)
    groups: list[Rows] = []
    for least in (review, *_RISING):
        kept = chance >= least
        left, right, chance = left[kept], right[kept], chance[kept]
        found = list(_components(rows, left, right))
        groups += [group for group in found if len(group) <= LARGEST_GROUP]
        large = [group for group in found if len(group) > LARGEST_GROUP]
        if not large:
            return groups, 0
        inside = np.isin(left, np.concatenate(large))
        left, right, chance = left[inside], right[inside], chance[inside]
    return groups, sum(map(len, large))


def _components(rows: int, left: Rows, right: Rows) -> Iterator[Rows]:
    """Yield the rows of each connected component of two or more."""
    joined = coo_array((np.ones(len(left)), (left, right)), shape=(rows, rows))
    _, label = connected_components(joined, directed=False)
    order = np.argsort(label, kind="stable")
    bounds = np.flatnonzero(np.diff(label[order])) + 1
    yield from (group for group in np.split(order, bounds) if len(group) > 1)


def _described(scored: Scored, groups: Sequence[Rows], decisions: Decisions) -> Iterator[_Group]:
    """Compare every pair of each group, many groups at a time."""
    batch: list[Rows] = []
    size = 0
    for group in groups:
        batch.append(group)
        size += len(group) * (len(group) - 1) // 2
        if size >= _BATCH:
            yield from _described_batch(scored, batch, decisions)
            batch, size = [], 0
    if batch:
        yield from _described_batch(scored, batch, decisions)


def _described_batch(
    scored: Scored, groups: Sequence[Rows], decisions: Decisions
) -> Iterator[_Group]:
    places = [np.triu_indices(len(group), 1) for group in groups]
    left = np.concatenate([g[i] for g, (i, _) in zip(groups, places, strict=True)])
    right = np.concatenate([g[j] for g, (_, j) in zip(groups, places, strict=True)])
    levels = compare(scored.fields, left, right)
    odds = scored.model.log_odds(levels, left)
    distance = 1 - probability(odds) + _TRACE
    against = contradicts(scored.fields, levels, left, right)
    sure = np.where(against, _FORBIDDEN, distance)
    vouched = vouched_for(scored.fields, levels)
    decided = {row for pair in decisions for row in pair}
    start = 0
    for group in groups:
        end = start + len(group) * (len(group) - 1) // 2
        matrices = [squareform(values[start:end]) for values in (odds, distance, sure, vouched)]
        described = _Group(group, *matrices)
        start = end
        yield _decided(described, decisions) if decided & set(group.tolist()) else described


def _decided(group: _Group, decisions: Decisions) -> _Group:
    """Return the group with the rows that a person called the same at no distance."""
    place = {row: i for i, row in enumerate(group.rows.tolist())}
    inside = {
        (place[a], place[b]): same
        for (a, b), same in decisions.items()
        if a in place and b in place
    }
    same = np.array([pair for pair, decision in inside.items() if decision], np.int64)
    apart = [pair for pair, decision in inside.items() if not decision]
    left, right = same.reshape(-1, 2).T
    joined = coo_array((np.ones(len(left)), (left, right)), shape=(len(place),) * 2)
    _, labels = connected_components(joined, directed=False)
    sure = np.where(group.sure == _FORBIDDEN, np.nan, group.sure)
    distance, sure = _blockwise(group.distance, labels), _blockwise(sure, labels)
    for a, b in apart:
        block = np.ix_(labels == labels[a], labels == labels[b])
        for matrix in (distance, sure):
            matrix[block] = _FORBIDDEN
            matrix.T[block] = _FORBIDDEN
    vouched = group.vouched | (labels[:, None] == labels)
    return _Group(group.rows, group.log_odds, distance, sure, vouched)


def _blockwise(matrix: Floats, labels: NDArray[np.integer]) -> Floats:
    """Return the matrix with the mean of each block of labels in all its cells, 0 in its own.

    NaN cells are passed over; a block of nothing else is forbidden.
    """
    member = (labels[:, None] == np.unique(labels)).astype(np.float64)
    known = ~np.isnan(matrix)
    sums = member.T @ np.where(known, matrix, 0.0) @ member
    counts = member.T @ known.astype(np.float64) @ member
    means = np.divide(sums, counts, out=np.full_like(sums, _FORBIDDEN), where=counts > 0)
    np.fill_diagonal(means, 0.0)
    spread = member.argmax(axis=1)
    return np.asarray(means[np.ix_(spread, spread)], np.float64)


def _settle(group: _Group, review: float) -> tuple[NDArray[np.int64], list[Doubt]]:
    """Return a label per row, equal for what is sure to be one person, and the doubts left."""
    labels = np.arange(len(group.rows))
    for height, one, other in _joins(group.sure):
        whole = len(set(labels[one])) == len(set(labels[other])) == 1
        if whole and height <= 1 - SURE and group.vouched[np.ix_(one, other)].any():
            labels[np.append(one, other)] = labels[one[0]]
    doubts = []
    for height, one, other in _joins(_blockwise(group.distance, labels)):
        if height > 1 - review:
            break
        if labels[one[0]] != labels[other[0]]:
            doubts.append(_doubt(group, one, other, 1 - height))
    return labels, doubts


def _joins(distance: Floats) -> Iterator[tuple[float, Rows, Rows]]:
    """Yield the steps of average linkage: the mean distance, and the places of both groups."""
    if len(distance) == 2:
        yield float(distance[0, 1]), np.array([0]), np.array([1])
        return
    members = [np.array([place]) for place in range(len(distance))]
    for one, other, height, _ in linkage(squareform(distance, checks=False), "average"):
        first, second = members[int(one)], members[int(other)]
        yield float(height), first, second
        members.append(np.append(first, second))


def _doubt(group: _Group, one: Rows, other: Rows, chance: float) -> Doubt:
    """Return the doubt about two groups, shown by the likeliest pair across them."""
    across = group.log_odds[np.ix_(one, other)]
    i, j = np.unravel_index(across.argmax(), across.shape)
    left, right = sorted((int(group.rows[one[i]]), int(group.rows[other[j]])))
    return Doubt(left, right, float(across[i, j]), min(max(chance, 0.0), 1.0))


def _refuse_contradictions(person: Rows, decisions: Decisions) -> None:
    for (left, right), same in decisions.items():
        if (person[left] == person[right]) != same:
            raise ValueError(left, right)
