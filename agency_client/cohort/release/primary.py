"""What a table can't show, taken cell by cell: small counts and dominance.

**Small counts.** A count of fewer than ``least_cell`` people is withheld, and so is none at all: a
zero in a row of a table says of everybody else in that row that it isn't so, and if zeros were
shown, a withheld count would be known to be one of few.

**Dominance.** Where one or two children's homes, or agencies, make up nearly all of a cell, it
tells of them. It is withheld where the largest two contribute more than 90% (the n,k rule), or
where the second could work out the largest to within 10% (the p% rule). Places are compared where
the events have any. Agencies are compared where the table isn't by agency and three or more
contribute to it: that a table is of one or two agencies is known from what it counts.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from agency_client.cohort.release.grid import Grid
from agency_client.cohort.release.table import Table, cells_of

Reason = Literal["few", "place", "agency", "differencing", "together", "secondary"]
LARGEST_TWO = 0.90
WITHIN = 0.10
_LEAST_AGENCIES = 3


@dataclass(frozen=True)
class Decision:
    """A cell, by its number, that is withheld, with the reason.

    ``other`` says which earlier release it is compared with, by its number.
    """

    cell: int
    reason: Reason
    other: int | None = None


def small_cells(grid: Grid, least: int) -> Iterator[Decision]:
    """Yield the cells with fewer than ``least`` people, none included."""
    for cell in np.flatnonzero(grid.people < least).tolist():
        yield Decision(cell, "few")


def dominated_cells(table: Table) -> Iterator[Decision]:
    """Yield the cells that one or two places or agencies dominate."""
    if not table.units.from_events:
        return
    frame = table.units.frame
    if frame["place"].notna().any():
        yield from _dominated(table, "place")
    by_agency = "agency" in table.spec.named
    if not by_agency and frame["agency"].nunique() >= _LEAST_AGENCIES:
        yield from _dominated(table, "agency")


def dominated(contributions: NDArray[np.float64]) -> bool:
    """Say whether contributions to one cell, (n,), break the n,k rule or the p% rule."""
    total = contributions.sum()
    largest, second, *_ = [*np.sort(contributions)[::-1], 0, 0]
    rest = total - largest - second
    return bool(largest + second > LARGEST_TWO * total or rest < WITHIN * largest)


def _dominated(table: Table, by: Literal["place", "agency"]) -> Iterator[Decision]:
    """Yield the cells dominated by one or two of those in the column ``by``.

    What has none, as events without a place, counts as being of others, each by itself.
    """
    frame = table.units.frame
    alone = pd.Series(frame.index.astype(str), frame.index).radd("alone ")
    who = frame[by].fillna(alone)
    counted = ["person"] if table.spec.value == "people" else []
    long = pd.concat(
        [
            frame.assign(cell=cell, who=who)[["cell", "who", "person"]]
            for cell in cells_of(table.units)
        ]
    )
    if counted:
        long = long.drop_duplicates()
    sizes = long.groupby(["cell", "who"]).size()
    for cell, own in sizes.groupby("cell"):
        if dominated(np.asarray(own, np.float64)):
            yield Decision(int(str(cell)), by)
