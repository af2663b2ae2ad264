"""CSV split into cells by a compiled loop, exactly as the standard library's reader splits it.

The loop reads what nearly every file is. Where it meets anything else (a row of another length, a
quotation mark that isn't closed or is followed by text, a huge cell) it stops at the start of that
row, and the caller lets `csv` itself read on and find the words for what is wrong.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numba import njit
from numpy.typing import NDArray

_compiled = njit(nogil=True, cache=True, boundscheck=False, error_model="numpy")


@dataclass(frozen=True, repr=False)
class Scanned:
    """What a scan found.

    ``rows`` records were read from the first ``used`` bytes, in which were ``blank`` and filled
    rows, ``seen`` of them, on ``lines`` lines. ``numbers`` int64 (rows,) counts the rows from 1.
    ``stopped`` says that the row after them is for `csv`.
    """

    columns: tuple[Any, ...]
    numbers: NDArray[np.int64]
    used: int
    seen: int
    lines: int
    stopped: bool


def scan(data: NDArray[np.uint8], delimiter: str, width: int, most: int, *, ends: bool) -> Scanned:
    """Split at most ``most`` whole records of ``width`` cells off the front of UTF-8 text.

    ``ends`` says that the text ends the file, so that its last row needs no newline.
    """
    bounds = np.empty((most, width, 2), np.int64)
    quoted = np.empty((most, width), np.uint8)
    numbers = np.empty(most, np.int64)
    limit = csv.field_size_limit()
    rows, used, seen, lines, stopped = _scan(
        data, ord(delimiter), ends, limit, bounds, quoted, numbers
    )
    columns = tuple(_column(data, bounds[:rows, i], quoted[:rows, i]) for i in range(width))
    return Scanned(columns, numbers[:rows].copy(), used, seen, lines, bool(stopped))


def _column(data: NDArray[np.uint8], bounds: NDArray[np.int64], quoted: NDArray[np.uint8]) -> Any:
    """Return an Arrow array of the cells between the bounds."""
    offsets = np.zeros(len(bounds) + 1, np.int32)
    cells = np.empty(int((bounds[:, 1] - bounds[:, 0]).sum()), np.uint8)
    size = _copy(data, bounds, quoted, offsets, cells)
    return pa.StringArray.from_buffers(
        len(bounds), pa.py_buffer(offsets), pa.py_buffer(cells[:size])
    )


# What a cell or a row turned out to be.
_WHOLE, _CUT, _ODD = 0, 1, 2


@_compiled
def _scan(
    data: Any, delimiter: Any, ends: Any, limit: Any, bounds: Any, quoted: Any, numbers: Any
) -> Any:
    """Return the records, bytes, rows and lines that were read, and whether `csv` must go on."""
    rows, used, seen, lines = 0, 0, 0, 0
    while rows < len(numbers) and used < len(data):
        state, at, breaks, filled = _row(
            data, used, delimiter, ends, limit, bounds[rows], quoted[rows]
        )
        if state == _ODD:
            return rows, used, seen, lines, True
        if state == _CUT:
            break
        used = at
        seen += 1
        lines += 1 + breaks
        if filled:
            numbers[rows] = seen
            rows += 1
    return rows, used, seen, lines, False


@_compiled
def _row(
    data: Any, at: Any, delimiter: Any, ends: Any, limit: Any, bounds: Any, quoted: Any
) -> Any:
    """Return what the row is, where the next begins, the newlines in it and if a cell is filled."""
    cell, filled, breaks, over = 0, False, 0, False
    while not over:
        state, start, end, doubled, inner, at = _cell(data, at, delimiter, ends, limit)
        if state != _WHOLE:
            return state, at, breaks, filled
        if cell < len(quoted):
            bounds[cell, 0], bounds[cell, 1], quoted[cell] = start, end, doubled
        cell += 1
        breaks += inner
        filled |= end > start
        over = at >= len(data) or data[at] != delimiter
        at += 0 if over else 1
    state, at = _row_end(data, at, ends)
    if state == _WHOLE and filled and cell != len(quoted):
        state = _ODD
    return state, at, breaks, filled


@_compiled
def _row_end(data: Any, at: Any, ends: Any) -> Any:
    """Pass over the newline; of a carriage return at a cut, a line feed may follow."""
    if at >= len(data):
        return (_WHOLE if ends else _CUT), at
    if data[at] == 10:
        return _WHOLE, at + 1
    if at + 1 < len(data):
        return _WHOLE, at + (2 if data[at + 1] == 10 else 1)
    return (_WHOLE if ends else _CUT), at + 1


@_compiled
def _cell(data: Any, at: Any, delimiter: Any, ends: Any, limit: Any) -> Any:
    """Return what the cell is, its bounds, if it has doubled quotes, its newlines and its end."""
    size = len(data)
    if at < size and data[at] == 34:
        return _quoted_cell(data, at + 1, delimiter, ends, limit)
    start = at
    while at < size and data[at] != delimiter and data[at] != 10 and data[at] != 13:
        at += 1
    return (_ODD if at - start > limit else _WHOLE), start, at, False, 0, at


@_compiled
def _quoted_cell(data: Any, start: Any, delimiter: Any, ends: Any, limit: Any) -> Any:
    at, doubled, breaks, size = start, False, 0, len(data)
    while at < size:
        if data[at] == 34:
            if at + 1 >= size or data[at + 1] != 34:
                break
            doubled = True
            at += 1
        elif data[at] == 10 or (data[at] == 13 and (at + 1 >= size or data[at + 1] != 10)):
            breaks += 1
        at += 1
    state = _WHOLE
    if at - start > limit:
        state = _ODD
    elif at >= size:
        state = _ODD if ends else _CUT
    elif at + 1 < size and not _closes(data[at + 1], delimiter):
        state = _ODD
    return state, start, at, doubled, breaks, at + 1


@_compiled
def _closes(byte: Any, delimiter: Any) -> Any:
    return byte in (delimiter, 10, 13)


@_compiled
def _copy(data: Any, bounds: Any, quoted: Any, offsets: Any, cells: Any) -> Any:
    size = 0
    for i in range(len(bounds)):
        at, end = bounds[i, 0], bounds[i, 1]
        if quoted[i]:
            while at < end:
                cells[size] = data[at]
                size += 1
                # A doubled quotation mark stands for one.
                at += 2 if data[at] == 34 else 1
        else:
            for k in range(at, end):
                cells[size] = data[k]
                size += 1
        offsets[i + 1] = size
    return size
