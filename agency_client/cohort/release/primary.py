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
from itertools import pairwise
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse

from agency_client.cohort.release.grid import Grid
from agency_client.cohort.release.table import Table, inside_cells

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
    largest, second, *_ = [*np.sort(contributions)[:-3:-1], 0, 0]
    rest = total - largest - second
    return bool(largest + second > LARGEST_TWO * total or rest < WITHIN * largest)


def _dominated(table: Table, by: Literal["place", "agency"]) -> Iterator[Decision]:
    """Yield the cells dominated by one or two of those in the column ``by``."""
    who, unit = _contributed(table, by)
    number, most = (int(own.max(initial=-1)) + 1 for own in (unit, who))
    theirs = sparse.csr_array((np.ones(len(who), np.int64), (who, unit)), (most, number))
    theirs.data[:] = 1  # of a person with several rows
    sizes = (theirs @ inside_cells(table.units, unit, number)).tocsc()
    for cell, (start, end) in enumerate(pairwise(sizes.indptr.tolist())):
        if start < end and dominated(sizes.data[start:end].astype(np.float64)):
            yield Decision(cell, by)


def _contributed(
    table: Table, by: Literal["place", "agency"]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return who contributes each row and which unit it is that counts once, int64 (rows,).

    What has none in the column ``by``, as events without a place, is of others, each by itself.
    """
    frame = table.units.frame
    found, names = pd.factorize(frame[by])
    rows = np.arange(len(frame))
    who = np.where(found < 0, len(names) + rows, found).astype(np.int64)
    if table.spec.value == "events":
        return who, rows
    person, people = pd.factorize(frame["person"])
    _, unit = np.unique(who * max(1, len(people)) + person, return_inverse=True)
    return who, unit.astype(np.int64)
