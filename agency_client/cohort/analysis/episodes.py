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
from scipy import sparse

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
    cell = rows.groupby(keys, sort=True).ngroup().to_numpy(np.int64)
    _, first = np.unique(cell, return_index=True)
    index = rows[keys].iloc[first]
    width = len(links.agencies)
    told = np.bincount(
        cell * width + links.columns_of(rows["agency"]), minlength=len(index) * width
    )
    group = np.asarray(index.groupby(by, sort=True).ngroup(), np.int64)
    groups = index[by].drop_duplicates().sort_values(by).reset_index(drop=True)
    told = told.reshape(-1, width).astype(np.int64)
    return Cells(groups, group, links.rows_of(index["person"]), told)


def episodes(cells: Cells) -> NDArray[np.int64]:
    """Return int64 (groups,): episodes if all links are right."""
    return _sums(cells, cells.told.max(axis=1, initial=0))


def drawn_episodes(cells: Cells, links: Links, draws: int = DRAWS) -> NDArray[np.int64]:
    """Return int64 (draws, groups): episodes as they may be, links being what they are.

    A record that isn't the person's brings episodes of another person's, counted beside.
    """
    unsure = (cells.told > 0) & (links.held[cells.person] < 1)
    number = unsure.sum(axis=1)
    one, many = (_part(cells, number == 1), _part(cells, number > 1))
    sure = _sums(cells, np.where(number == 0, cells.told.max(axis=1, initial=0), 0))
    sure, less = sure + _sums(one, one.told.sum(axis=1)), _saved(one, unsure[number == 1], links)
    told = np.ascontiguousarray(many.told.T)
    found = np.empty((draws, len(cells.groups)), np.int64)
    for draw, held in enumerate(links.drawn(draws)):
        own = held[:, many.person]
        count = np.where(own, told, 0).max(axis=0, initial=0) + np.where(own, 0, told).sum(axis=0)
        found[draw] = sure - less @ held.ravel() + _sums(many, count)
    return found


def _part(cells: Cells, which: NDArray[np.bool_]) -> Cells:
    return Cells(cells.groups, cells.group[which], cells.person[which], cells.told[which])


def _saved(cells: Cells, unsure: NDArray[np.bool_], links: Links) -> sparse.csr_array:
    """Return how many episodes fewer each group has by each record being the person's.

    Each of the cells has one agency whose record may be another person's: where ``unsure``, bool
    (cells, agencies), is. The columns are agencies by people, as `Links.drawn` lays them out.
    """
    agency = unsure.argmax(axis=1)
    own = np.where(unsure, cells.told, 0).max(axis=1, initial=0)
    others = np.where(unsure, 0, cells.told).max(axis=1, initial=0)
    people = len(links.people)
    places = (cells.group, agency * people + cells.person)
    shape = (len(cells.groups), len(links.agencies) * people)
    return sparse.coo_array((np.minimum(own, others), places), shape).tocsr()


def _sums(cells: Cells, counts: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.bincount(cells.group, counts, len(cells.groups)).astype(np.int64)


def _filled(events: pd.DataFrame, by: list[str]) -> dict[str, pd.Series[str]]:
    return {column: events[column].fillna("not known") for column in by}
