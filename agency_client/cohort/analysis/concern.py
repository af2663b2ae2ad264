"""People in order of concern: by episodes, and by how many agencies know them.

The score is the number of episodes times the number of agencies that know the person; both are
shown, so that who disagrees can sort by one of them. Equal scores go by agencies, then episodes.
Where links may be wrong, the place in the order is as uncertain: ``in_list`` is the share of draws
in which the person is still among the first ``n``.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from agency_client.cohort.analysis.episodes import Cells, cells_by
from agency_client.cohort.analysis.links import Links, summary

Order = Literal["score", "episodes", "agencies"]
_CANDIDATES = 10  # times n: links that turn out wrong only lower a score, so that few come near
_DRAWS = 1_000


def most_concern(
    events: pd.DataFrame, links: Links, n: int = 20, order: Order = "score"
) -> pd.DataFrame:
    """Return the first ``n`` people by the events given; see the head of this module.

    Columns rank, person, agencies, episodes (with low and high, 95%), reports, score, probability
    (that all links of the person are right), in_list.
    """
    cells = cells_by(events, links, ["person"])
    people = cells.groups["person"]
    rows = links.rows_of(people)
    # A person's cells may be several: one a period.
    most = np.bincount(cells.group, cells.told.max(axis=1, initial=0), len(people)).astype(int)
    found = pd.DataFrame(
        {
            "person": people,
            "agencies": links.known[rows].sum(axis=1),
            "episodes": most,
            "reports": np.bincount(cells.group, cells.told.sum(axis=1), len(people)).astype(int),
            "probability": links.held[rows].prod(axis=1, where=links.known[rows]),
        }
    )
    found["score"] = found["agencies"] * found["episodes"]
    found = _sorted(found, order).head(n * _CANDIDATES)
    drawn = _drawn(cells, links, found["person"])
    place = _in_list(found, drawn, n, order)
    limits = [summary(drawn[1][:, column]) for column in range(len(found))]
    found = found.assign(
        low=[own.low for own in limits], high=[own.high for own in limits], in_list=place
    ).head(n)
    found.insert(0, "rank", range(1, len(found) + 1))
    columns = ["rank", "person", "agencies", "episodes", "low", "high", "reports", "score"]
    return found[[*columns, "probability", "in_list"]].reset_index(drop=True)


def _sorted(found: pd.DataFrame, order: Order) -> pd.DataFrame:
    keys = [order, *(key for key in ("score", "agencies", "episodes") if key != order)]
    return found.sort_values([*keys, "person"], ascending=[False] * 3 + [True], ignore_index=True)


def _drawn(
    cells: Cells, links: Links, people: pd.Series[str]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return agencies and episodes, int64 (draws, people), as they may be."""
    rows = links.rows_of(people)
    position = np.full(len(links.people), -1)
    position[rows] = np.arange(len(rows))
    here = position[cells.person]
    told, here = cells.told[here >= 0], here[here >= 0]
    agencies, episodes = [], []
    told = np.ascontiguousarray(told.T)
    for everybody in links.drawn(_DRAWS):
        held = everybody[:, rows]
        own = np.where(held[:, here], told, 0).max(axis=0, initial=0)
        agencies.append(held.sum(axis=0))
        episodes.append(np.bincount(here, own, len(rows)))
    shape = (_DRAWS, len(rows))
    return (
        np.asarray(agencies, np.int64).reshape(shape),
        np.asarray(episodes, np.int64).reshape(shape),
    )


def _in_list(
    found: pd.DataFrame,
    drawn: tuple[NDArray[np.int64], NDArray[np.int64]],
    n: int,
    order: Order,
) -> NDArray[np.float64]:
    """Return float64 (people,): in which share of draws each is among the first ``n``."""
    agencies, episodes = drawn
    value = {"score": agencies * episodes, "agencies": agencies, "episodes": episodes}[order]
    # Ties in a draw keep the order of the list, which is that of the people's rows.
    places = np.argsort(np.argsort(-value, axis=1, kind="stable"), axis=1)
    return np.asarray((places < n).mean(axis=0), np.float64).reshape(len(found))
