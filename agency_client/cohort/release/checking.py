"""Whether a table may leave as it is, what would have to change, and why."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from agency_client.cohort.analysis.frames import Frames
from agency_client.cohort.release.audit import protection, unprotected
from agency_client.cohort.release.differencing import (
    Earlier,
    differing_cells,
    differing_within,
    known_cells,
)
from agency_client.cohort.release.files import WITHHELD, cells_text, read_cells
from agency_client.cohort.release.jointly import culprits
from agency_client.cohort.release.ledger import Release, read_releases
from agency_client.cohort.release.primary import Decision, dominated_cells, small_cells
from agency_client.cohort.release.spec import TableSpec, parse_spec, spec_path
from agency_client.cohort.release.suppression import suppress
from agency_client.cohort.release.table import Table, make_table
from agency_client.textfiles import read_text
from linkage.errors import InputError

_ROUNDS = 20


@dataclass(frozen=True, repr=False)
class Checked:
    """What was decided of a table.

    ``decisions`` say for each withheld cell why, one reason each; ``wrong`` are the cells of the
    file that stand there as they mustn't, with what is the matter: "exact" for a count that isn't
    rounded (or isn't the count at all), "shown" for one to withhold. ``safe_cells`` is the text of
    every cell as it may leave, None where the table can't leave in any form. With ``pairs_only``
    too many groups of people overlap to look for what all releases together give away.
    """

    table: Table
    decisions: tuple[Decision, ...]
    wrong: tuple[tuple[int, str], ...]
    safe_cells: tuple[str, ...] | None
    least: int
    rounding: int
    pairs_only: bool

    @property
    def is_safe(self) -> bool:
        """Whether the file may leave as it is."""
        return not self.wrong and self.safe_cells is not None

    @property
    def safe_text(self) -> str:
        """The text of the file as it may leave; only where there is one."""
        assert self.safe_cells is not None
        return cells_text(self.table.spec, self.table.grid, list(self.safe_cells))

    @property
    def shown(self) -> list[int]:
        """The numbers of the cells that aren't withheld in the safe table."""
        return [n for n, cell in enumerate(self.safe_cells or ()) if cell != WITHHELD]


def check_table(path: Path, frames: Frames) -> Checked:
    """Check a table's file against the cohort it was made from and what was released before.

    Raise `InputError` where it, its spec or the ledger can't be read, `VerificationError` where it
    isn't the table that its spec says.
    """
    if not spec_path(path).is_file():
        raise InputError(
            f"{path.name} has no {spec_path(path).name} beside it, which says what it counts; make "
            "the table with Cohort.table(...).write(...)."
        )
    spec = parse_spec(read_text(spec_path(path)), spec_path(path).name)
    table = make_table(frames, spec)
    cells = read_cells(path, spec, table.grid)
    earlier = [_counted(frames, number, own) for number, own in _releases(frames, spec)]
    return _decided(table, cells, earlier, frames)


def _releases(frames: Frames, spec: TableSpec) -> list[tuple[int, Release]]:
    """Return the cohort's earlier releases that count the same, people or events, by number."""
    found = [own for own in read_releases(frames.folder) if own.spec.cohort == spec.cohort]
    return [
        (number, own) for number, own in enumerate(found, start=1) if own.spec.value == spec.value
    ]


def _counted(frames: Frames, number: int, release: Release) -> Earlier:
    table = make_table(frames, release.spec)
    shown = np.zeros(len(table.grid.count), np.bool_)
    shown[list(release.shown)] = True
    return Earlier(number, table, shown)


def _decided(table: Table, cells: list[str], earlier: list[Earlier], frames: Frames) -> Checked:
    least, rounding = frames.description.least_cell, frames.description.rounding
    first = _first_of_each(
        [
            *small_cells(table.grid, least),
            *dominated_cells(table),
            *differing_cells(table, earlier, least),
            *differing_within(table, least),
        ]
    )
    known = known_cells(table, earlier)
    first, withheld, pairs_only = _protected(table, cells, first, known, earlier, least)
    if withheld is None:
        return Checked(table, tuple(first), (), None, least, rounding, pairs_only)
    reasons = {own.cell for own in first}
    second = [
        Decision(cell, "secondary")
        for cell in np.flatnonzero(withheld).tolist()
        if cell not in reasons
    ]
    safe = _safe_cells(table.grid.count, withheld, rounding)
    wrong = tuple(
        (cell, "shown" if withheld[cell] else "exact")
        for cell, (given, right) in enumerate(zip(cells, safe, strict=True))
        if given != right
    )
    return Checked(table, (*first, *second), wrong, safe, least, rounding, pairs_only)


def _protected(
    table: Table, cells: list[str], first: list[Decision], known: NDArray[np.bool_],
    earlier: list[Earlier], least: int,
) -> tuple[list[Decision], NDArray[np.bool_] | None, bool]:  # fmt: skip
    """Return all primary decisions and what is withheld, once nothing is given away together.

    The last member says that there was too much to look at, and only pairs of cells were compared.
    """
    for _ in range(_ROUNDS):
        withheld = _withheld(table, cells, first, known, least)
        if withheld is None:
            return first, None, False
        more = culprits(table, ~withheld, known, earlier, least)
        if not more:
            return first, withheld, more is None
        first = _first_of_each([*first, *(Decision(cell, "together") for cell in more)])
    return first, None, False


def _withheld(
    table: Table, cells: list[str], first: list[Decision], known: NDArray[np.bool_], least: int
) -> NDArray[np.bool_] | None:
    """Return what is withheld: as in the file, if that protects all; else as few as can be."""
    wanted = [protection(table.grid, own.cell, least) for own in first]
    in_file = np.array([cell == WITHHELD for cell in cells], np.bool_) & ~known
    if all(in_file[own.cell] for own in first) and not unprotected(table.grid, in_file, wanted):
        return np.array([cell == WITHHELD for cell in cells], np.bool_)
    return suppress(table.grid, wanted, known)


def _safe_cells(
    counts: NDArray[np.int64], withheld: NDArray[np.bool_], rounding: int
) -> tuple[str, ...]:
    """Return each cell's text: the nearest multiple of ``rounding``, halves up, or withheld."""
    rounded = (2 * counts + rounding) // (2 * rounding) * rounding
    return tuple(
        WITHHELD if hidden else str(count)
        for hidden, count in zip(withheld.tolist(), rounded.tolist(), strict=True)
    )


def _first_of_each(decisions: Iterable[Decision]) -> list[Decision]:
    """Return the first decision on each cell, by cell."""
    found: dict[int, Decision] = {}
    for own in decisions:
        found.setdefault(own.cell, own)
    return [found[cell] for cell in sorted(found)]
