"""Rates and changes: disruption measures per missing episode, and one quarter beside another."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from agency_client.cohort.analysis.choosing import Words, chosen, refuse_unknown
from agency_client.cohort.analysis.episodes import cells_by, drawn_episodes, episodes
from agency_client.cohort.analysis.links import DRAWS, Links, summary
from linkage.errors import InputError


@dataclass(frozen=True, repr=False)
class _Drawn:
    """Episodes by group: as linked, int64 (groups,), and drawn, int64 (draws, groups)."""

    found: NDArray[np.int64]
    drawn: NDArray[np.int64]


def rates(
    events: pd.DataFrame, links: Links, measure: str, per: str, by: list[str]
) -> pd.DataFrame:
    """Return events of the type ``measure`` per event of the type ``per``, by the columns ``by``.

    Columns: those of ``by``, measures, episodes, rate, expected, low, high. Both are counted as
    `agency_client.cohort.analysis.episodes` says, and the rate is null where there were no
    episodes. It is that of the records as linked; ``expected``, in the interval (95%), is its mean
    over what the links may be, so the two differ where doubtful links bring many reports together.
    """
    both = chosen(events, event=[measure, per])
    groups = _groups(both, by)
    top = _over(groups, chosen(both, event=measure), links, by)
    bottom = _over(groups, chosen(both, event=per), links, by)
    with np.errstate(divide="ignore", invalid="ignore"):
        rate = np.where(bottom.found > 0, top.found / bottom.found, np.nan)
        drawn = np.where(bottom.drawn > 0, top.drawn / bottom.drawn, np.nan)
    limits = [summary(own) if not np.isnan(own).any() else None for own in drawn.T]
    return groups.assign(
        measures=top.found,
        episodes=bottom.found,
        rate=rate,
        expected=[own.expected if own else np.nan for own in limits],
        low=[own.low if own else np.nan for own in limits],
        high=[own.high if own else np.nan for own in limits],
    )


def changes(
    events: pd.DataFrame, links: Links, quarter: str, before: str, by: list[str]
) -> pd.DataFrame:
    """Return how many episodes there were in two quarters, by the columns ``by``.

    Columns: those of ``by``, before, now, change, expected, low, high. The first three are of the
    records as linked, the others of the change over what the links may be, as those of `rates`.
    """
    both = chosen(events, quarter=[quarter, before])
    groups = _groups(both, by)
    now, then = (
        _over(groups, both[both["quarter"] == one], links, by) for one in (quarter, before)
    )
    limits = [summary(own) for own in (now.drawn - then.drawn).T]
    return groups.assign(
        before=then.found,
        now=now.found,
        change=now.found - then.found,
        expected=[own.expected for own in limits],
        low=[own.low for own in limits],
        high=[own.high for own in limits],
    )


def people_changed(
    events: pd.DataFrame, links: Links, quarter: str, before: str, event: Words
) -> pd.DataFrame:
    """Return per person the episodes of two quarters: columns person, before, now, change, state.

    ``state`` is "new", "still" or "no longer". The largest rise comes first.
    """
    rows = chosen(events, event=event, quarter=[quarter, before])
    cells = cells_by(rows, links, ["person", "quarter"])
    counts = cells.groups.assign(episodes=episodes(cells))
    table = counts.pivot_table(
        index="person", columns="quarter", values="episodes", fill_value=0, aggfunc="sum"
    ).reindex(columns=[before, quarter], fill_value=0)
    then, now = (table[one].to_numpy(int) for one in (before, quarter))
    found = pd.DataFrame({"person": table.index, "before": then, "now": now, "change": now - then})
    found["state"] = np.select([then == 0, now == 0], ["new", "no longer"], "still")
    return found.sort_values(["change", "now", "person"], ascending=[False, False, True],
                             ignore_index=True)  # fmt: skip


def _groups(events: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    """Return the different values of the columns ``by``; `InputError` where there are no such."""
    if not by:
        raise InputError("Say with 'by' by which columns of the events, one or more.")
    refuse_unknown("column", by, events.columns)
    return events[by].fillna("not known").drop_duplicates().sort_values(by, ignore_index=True)


def _over(groups: pd.DataFrame, events: pd.DataFrame, links: Links, by: list[str]) -> _Drawn:
    """Return the episodes of each of the groups, 0 where the events have none."""
    found = np.zeros(len(groups), np.int64)
    drawn = np.zeros((DRAWS, len(groups)), np.int64)
    if len(events):
        cells = cells_by(events, links, by)
        where = pd.MultiIndex.from_frame(groups).get_indexer(pd.MultiIndex.from_frame(cells.groups))
        found[where] = episodes(cells)
        drawn[:, where] = drawn_episodes(cells, links)
    return _Drawn(found, drawn)
