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
    drawn = {
        kinds[0]: _distinct(links, first) - _missed(links, description, first, first),
        kinds[1]: _distinct(links, second) - _missed(links, description, second, second),
        "both": _with_both(links, first, second)
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


def _distinct(links: Links, marks: _Marks) -> NDArray[np.int64]:
    """Return int64 (draws,): people with a mark, a record that isn't the person's being another.

    Whom one agency alone has marked is one person, whether or not the record is linked rightly.
    """
    several = marks.sum(axis=1) > 1
    people = np.flatnonzero(several)
    own = marks[people]
    drawn = np.fromiter(
        ((own & held).any(axis=1).sum() + (own & ~held).sum() for held in links.drawn(people)),
        np.int64,
        DRAWS,
    )
    return drawn + int((marks.any(axis=1) & ~several).sum())


def _with_both(links: Links, first: _Marks, second: _Marks) -> NDArray[np.int64]:
    """Return int64 (draws,): people with marks of both kinds, the same way."""
    both = first.any(axis=1) & second.any(axis=1)
    several = both & ((first | second).sum(axis=1) > 1)
    people = np.flatnonzero(several)
    one, other = first[people], second[people]
    drawn = np.fromiter(
        (
            ((one & held).any(axis=1) & (other & held).any(axis=1)).sum()
            + (one & other & ~held).sum()
            for held in links.drawn(people)
        ),
        np.int64,
        DRAWS,
    )
    return drawn + int((both & ~several).sum())


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
