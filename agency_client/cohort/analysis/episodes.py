"""Episodes: events told by several agencies, counted once as far as can be known.

Two agencies that both tell of a missing child in one month may mean one episode or two: dates are
coarse. So of each person and month (or whatever period the agreement lets travel) as many episodes
are counted as the agency tells that tells of most. That is the least number that explains what all
say; ``reports`` counts every row.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from agency_client.cohort.analysis.links import DRAWS, Links


@dataclass(frozen=True, repr=False)
class Cells:
    """Reports by group, person and period: ``told`` int64 (cells, agencies) by each agency.

    ``group`` int64 (cells,) numbers the rows of ``groups``, ``person`` those of the links.
    """

    groups: pd.DataFrame
    group: NDArray[np.int64]
    person: NDArray[np.int64]
    told: NDArray[np.int64]


def cells_by(events: pd.DataFrame, links: Links, by: list[str]) -> Cells:
    """Return events by the columns ``by`` (missing values are a group), person and period."""
    rows = events.assign(date=events["date"].fillna(pd.Timestamp.min), **_filled(events, by))
    keys = list(dict.fromkeys([*by, "person", "date"]))
    table = rows.groupby([*keys, "agency"], observed=True).size().unstack("agency", fill_value=0)
    table = table.reindex(columns=list(links.agencies), fill_value=0)
    index = table.index.to_frame(index=False)
    if by:
        group = index.groupby(by, sort=True).ngroup().to_numpy(np.int64)
        groups = index[by].drop_duplicates().sort_values(by).reset_index(drop=True)
    else:
        group, groups = np.zeros(len(index), np.int64), pd.DataFrame(index=range(1))
    told = table.to_numpy(np.int64)
    return Cells(groups, np.asarray(group, np.int64), links.rows_of(index["person"]), told)


def episodes(cells: Cells) -> NDArray[np.int64]:
    """Return int64 (groups,): episodes if all links are right."""
    return _sums(cells, cells.told.max(axis=1, initial=0))


def drawn_episodes(cells: Cells, links: Links, draws: int = DRAWS) -> NDArray[np.int64]:
    """Return int64 (draws, groups): episodes as they may be, links being what they are.

    A record that isn't the person's brings episodes of another person's, counted beside.
    """
    several = (cells.told > 0).sum(axis=1) > 1
    people, of = np.unique(cells.person[several], return_inverse=True)
    told, group = cells.told[several], cells.group[several]
    sure = _sums(cells, np.where(several, 0, cells.told.max(axis=1, initial=0)))
    found = np.empty((draws, len(cells.groups)), np.int64)
    for number, held in enumerate(links.drawn(people, draws)):
        own = held[of]
        count = np.where(own, told, 0).max(axis=1, initial=0) + np.where(own, 0, told).sum(axis=1)
        found[number] = sure + np.bincount(group, count, len(cells.groups)).astype(np.int64)
    return found


def _sums(cells: Cells, counts: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.bincount(cells.group, counts, len(cells.groups)).astype(np.int64)


def _filled(events: pd.DataFrame, by: list[str]) -> dict[str, pd.Series[str]]:
    return {column: events[column].fillna("not known") for column in by}
