"""People discussed in either of two meetings, or both."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from agency_client.cohort.analysis.choosing import chosen
from agency_client.cohort.analysis.description import Description
from agency_client.cohort.analysis.links import DRAWS, Links, drawn_sum, missed, summary

_Marks = NDArray[np.bool_]


def overlap(
    events: pd.DataFrame, links: Links, description: Description, kinds: tuple[str, str]
) -> pd.DataFrame:
    """Return how many people have events of the first kind, the second, either, both, or one alone.

    Columns people, found (as linked), expected, low, high (95%). People whom two agencies told of
    without being linked are one person less than found, and may be one of both kinds more: as many
    as the recall of the pair says. A pair without an estimate is taken to have missed none.
    """
    first, second = (links.marked(chosen(events, kind=kind)) for kind in kinds)
    alone = first & second
    neither_alone = ~alone.any(axis=1, keepdims=True)
    people = _drawn(links, first, second)
    drawn = {
        kinds[0]: people[0] - _missed(links, description, first, first),
        kinds[1]: people[1] - _missed(links, description, second, second),
        "both": people[2]
        - _missed(links, description, alone, alone)
        + _missed(links, description, first & neither_alone, second & neither_alone),
    }
    drawn["either"] = drawn[kinds[0]] + drawn[kinds[1]] - drawn["both"]
    has = [marks.any(axis=1) for marks in (first, second)]
    found = {kinds[0]: has[0], kinds[1]: has[1], "both": has[0] & has[1], "either": has[0] | has[1]}
    for kind, other in zip(kinds, reversed(has), strict=True):
        found[f"{kind} only"] = found[kind] & ~other
        drawn[f"{kind} only"] = drawn[kind] - drawn["both"]
    return pd.DataFrame(
        [
            {"people": name, "found": int(found[name].sum()), **vars(summary(own))}
            for name, own in drawn.items()
        ]
    )


def _drawn(links: Links, first: _Marks, second: _Marks) -> NDArray[np.int64]:
    """Return int64 (3, draws): people with a mark of the first kind, of the second, of both.

    A record that isn't the person's is another's. Whom one agency alone has marked is one person,
    whether or not the record is linked rightly.
    """
    either = first | second
    is_open = (either & (links.held < 1)).any(axis=1) & (either.sum(axis=1) > 1)
    people = np.flatnonzero(is_open)
    one, other = (np.ascontiguousarray(marks[people].T) for marks in (first, second))
    drawn = np.empty((3, DRAWS), np.int64)
    for draw, held in enumerate(links.drawn()):
        own = held[:, people]
        drawn[:, draw] = _counted(one, other, own)
    has = [marks[~is_open].any(axis=1) for marks in (first, second)]
    sure = np.array([own.sum() for own in (*has, has[0] & has[1])], np.int64)
    return np.asarray(drawn + sure[:, None], np.int64)


def _counted(one: _Marks, other: _Marks, own: _Marks) -> list[int]:
    """Return how many have marks of a kind, of the other, of both; bool (agencies, people) each."""
    has = [(marks & own).any(axis=0) for marks in (one, other)]
    apart = [int(np.count_nonzero(marks & ~own)) for marks in (one, other, one & other)]
    together = [int(np.count_nonzero(kind)) for kind in (*has, has[0] & has[1])]
    return [a + b for a, b in zip(together, apart, strict=True)]


def _missed(
    links: Links, description: Description, one: _Marks, other: _Marks
) -> NDArray[np.int64]:
    """Return int64 (draws,): people missed between agencies, at most those left to be linked.

    With the same marks twice each pair of agencies counts once.
    """
    total = np.zeros(DRAWS, np.int64)
    same = one is other
    for i, j in _pairs_of(one, other):
        estimate = description.recall(links.agencies[i], links.agencies[j])
        if i == j or (same and j < i) or estimate is None:
            continue
        here, there = one[:, i], other[:, j]
        probability = (links.held[:, i] * links.held[:, j])[here & there]
        stream = i * len(links.agencies) + j
        left = int(min((here & ~there).sum(), (there & ~here).sum()))
        total += np.minimum(missed(drawn_sum(probability, stream), estimate, stream), left)
    return total


def _pairs_of(one: _Marks, other: _Marks) -> list[tuple[int, int]]:
    """Return the agencies, by number, with marks of one kind and of the other."""
    here, there = (np.flatnonzero(marks.any(axis=0)).tolist() for marks in (one, other))
    return [(i, j) for i in here for j in there]
