"""What is withheld can't be worked out: checked by programmes written anew, on tables at random."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from agency_client.cohort.release.audit import Protection, protection, unprotected
from agency_client.cohort.release.grid import Grid, relations_of
from agency_client.cohort.release.suppression import suppress

LEAST = 10
COUNTS = st.lists(
    st.lists(st.one_of(st.integers(0, 12), st.integers(0, 300)), min_size=3, max_size=3),
    min_size=2, max_size=4,
)  # fmt: skip


def grid_of(inside: list[list[int]]) -> Grid:
    """Return a table that adds up."""
    body = np.array(inside)
    whole = np.vstack([body, body.sum(axis=0)])
    counts = np.column_stack([whole, whole.sum(axis=1)]).ravel().astype(np.int64)
    rows, columns = body.shape
    names = [tuple(f"{way}{n}" for n in range(k)) for way, k in (("r", rows), ("c", columns))]
    relations = relations_of(rows, columns, rows_add_up=True, columns_add_up=True)
    return Grid(*names, counts, counts, relations)


def possible(grid: Grid, withheld: np.ndarray, cell: int) -> tuple[float, float]:
    """Return the least and the most that a cell can be, by all that the table shows."""
    rows, columns = len(grid.rows), len(grid.columns)
    body = np.arange((rows + 1) * (columns + 1)).reshape(rows + 1, columns + 1)
    lines = []
    for numbers in (*body, *body.T):
        line = np.zeros(body.size)
        line[numbers] = [1.0] * (len(numbers) - 1) + [-1.0]
        lines.append(line)
    shown = [(None if hidden else n) for n, hidden in zip(grid.count, withheld, strict=True)]
    limits = [(0, None) if n is None else (n, n) for n in shown]
    aim = np.zeros(body.size)
    aim[cell] = 1
    ends = [
        linprog(sign * aim, A_eq=np.array(lines), b_eq=np.zeros(len(lines)), bounds=limits)
        for sign in (1, -1)
    ]
    least, most = ends
    assert least.status == 0
    return least.fun, np.inf if most.status == 3 else -most.fun


def wanted(grid: Grid) -> list[Protection]:
    return [protection(grid, cell, LEAST) for cell in np.flatnonzero(grid.count < LEAST).tolist()]


@settings(max_examples=40)
@given(COUNTS)
def test_a_small_count_could_be_none_or_as_many_as_may_be_shown(inside: list[list[int]]):
    grid = grid_of(inside)
    withheld = suppress(grid, wanted(grid), np.zeros(len(grid.count), np.bool_))
    assert withheld is not None
    for cell in np.flatnonzero(grid.count < LEAST).tolist():
        low, high = possible(grid, withheld, cell)
        assert low <= 1e-6
        assert high >= LEAST - 1e-6
    if (grid.count >= LEAST).all():
        assert not withheld.any()


@settings(max_examples=40)
@given(COUNTS, st.integers(0, 2**20))
def test_the_audit_finds_just_the_cells_that_can_be_worked_out(inside: list[list[int]], seed: int):
    grid = grid_of(inside)
    withheld = (grid.count < LEAST) | (np.random.default_rng(seed).random(len(grid.count)) < 0.2)
    found = {one.cell for one in unprotected(grid, withheld, wanted(grid))}
    for cell in np.flatnonzero(grid.count < LEAST).tolist():
        low, high = possible(grid, withheld, cell)
        assert (cell in found) == (low > 1e-6 or high < LEAST - 1e-6)


def test_no_more_is_withheld_than_is_needed():
    """One small cell in a table of large ones takes three more: the corners of a rectangle."""
    grid = grid_of([[50, 60, 70], [40, 3, 90], [80, 20, 30]])
    withheld = suppress(grid, wanted(grid), np.zeros(len(grid.count), np.bool_))
    assert withheld is not None
    assert withheld.sum() == 4
    assert not withheld.reshape(4, 4)[:, -1].any()
    assert not withheld.reshape(4, 4)[-1].any()


def test_two_small_cells_whose_sum_shows_are_not_enough():
    grid = grid_of([[2, 3, 50], [40, 60, 70], [30, 20, 90]])
    withheld = np.asarray(grid.count < LEAST)
    assert len(unprotected(grid, withheld, wanted(grid))) == 2


def test_what_was_released_before_cant_be_withheld_any_more():
    grid = grid_of([[50, 60, 70], [40, 3, 90], [80, 20, 30]])
    known = np.zeros(16, np.bool_).reshape(4, 4)
    known[0], known[:, 0] = True, True
    withheld = suppress(grid, wanted(grid), known.ravel())
    assert withheld is not None
    assert not (withheld & known.ravel()).any()
    assert suppress(grid, wanted(grid), np.ones(16, np.bool_)) is None
    all_but_the_small = np.asarray(grid.count >= LEAST)
    assert suppress(grid, wanted(grid), all_but_the_small) is None


@pytest.mark.parametrize(("rows_add_up", "hidden"), [(True, 2), (False, 1)])
def test_totals_of_people_in_several_rows_give_less_away(rows_add_up: bool, hidden: int):
    """Three rows of 30, 25 and 4 people, 45 in all where people may be in several."""
    counts = np.array([30, 25, 4, 59 if rows_add_up else 45], np.int64)
    relations = relations_of(3, 0, rows_add_up=rows_add_up, columns_add_up=True)
    grid = Grid(("a", "b", "c"), (), counts, counts, relations)
    withheld = suppress(grid, wanted(grid), np.zeros(4, np.bool_))
    assert withheld is not None
    assert withheld[2]
    assert withheld.sum() == hidden


def test_a_total_of_people_in_several_rows_still_bounds_them():
    """30 people in one row and 34 in all: at least 4 must be in the other."""
    counts = np.array([30, 4, 34], np.int64)
    relations = relations_of(2, 0, rows_add_up=False, columns_add_up=True)
    grid = Grid(("a", "b"), (), counts, counts, relations)
    only_small = np.array([False, True, False])
    assert len(unprotected(grid, only_small, wanted(grid))) == 1
    assert not unprotected(grid, np.array([False, True, True]), wanted(grid))
