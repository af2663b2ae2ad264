"""Cells in plain ASCII that need no thought, standardised; all others are left to the plain rules.

Each function takes the UTF-8 texts ``data[offsets[i]:offsets[i + 1]]`` and returns the standard
forms' bytes and offsets and, per cell, whether it was sure: the others' forms are empty. Offsets
int32 (cells + 1,), sure bool (cells,). Arrow's own layout, so that no cell becomes an object.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

Standardised = tuple[NDArray[np.uint8], NDArray[np.int32], NDArray[np.bool_]]
CompiledRule = Callable[[NDArray[np.uint8], NDArray[np.int32]], Standardised]

_compiled = njit(nogil=True, cache=True, boundscheck=False, error_model="numpy")


def text_cells(data: NDArray[np.uint8], offsets: NDArray[np.int32]) -> Standardised:
    """Return the words of texts: sure of every cell in ASCII."""
    return _run(_text, data, offsets)


def one_word_cells(data: NDArray[np.uint8], offsets: NDArray[np.int32]) -> Standardised:
    """Return names: sure of those of one word at most, which may still be a placeholder."""
    return _run(_one_word, data, offsets)


def postcode_cells(data: NDArray[np.uint8], offsets: NDArray[np.int32]) -> Standardised:
    """Return postcodes: sure of whole British ones but the NHS's for 'unknown'."""
    return _run(_postcode, data, offsets)


def date_cells(data: NDArray[np.uint8], offsets: NDArray[np.int32]) -> Standardised:
    """Return dates: sure of days from 1900 to 2100 but 29 February and 1 January 1900.

    In the forms ``14/03/2011``, ``2011-03-14`` (with any separator) and ``20110314``.
    """
    return _run(_date, data, offsets)


def _run(kernel: Any, data: NDArray[np.uint8], offsets: NDArray[np.int32]) -> Standardised:
    out = np.empty(int(offsets[-1] - offsets[0]), np.uint8)
    ends = np.zeros(len(offsets), np.int32)
    sure = np.zeros(len(offsets) - 1, np.bool_)
    kernel(data, offsets, out, ends, sure)
    return out[: ends[-1]], ends, sure


@_compiled
def _text(data: Any, offsets: Any, out: Any, ends: Any, sure: Any) -> None:
    used = 0
    for i in range(len(sure)):
        begin, between, ascii_only = used, False, True
        for at in range(offsets[i], offsets[i + 1]):
            c = data[at]
            if c >= 128:
                ascii_only = False
                break
            if c in (39, 96):  # apostrophes go, and what stands around them is one word
                continue
            c = _lower(c)
            if _is_letter(c) or _is_digit(c):
                if between and used > begin:
                    out[used] = 32
                    used += 1
                between = False
                out[used] = c
                used += 1
            else:
                between = True
        sure[i] = ascii_only
        if not ascii_only:
            used = begin
        ends[i + 1] = used


@_compiled
def _one_word(data: Any, offsets: Any, out: Any, ends: Any, sure: Any) -> None:
    _text(data, offsets, out, ends, sure)
    used, start = 0, 0
    for i in range(len(sure)):
        begin, end = used, ends[i + 1]
        for at in range(start, end):
            sure[i] &= out[at] != 32
            out[used] = out[at]
            used += 1
        if not sure[i]:
            used = begin
        start = end
        ends[i + 1] = used


@_compiled
def _postcode(data: Any, offsets: Any, out: Any, ends: Any, sure: Any) -> None:
    used = 0
    for i in range(len(sure)):
        begin, ascii_only = used, True
        for at in range(offsets[i], offsets[i + 1]):
            c = _lower(data[at])
            ascii_only &= c < 128
            if _is_letter(c) or _is_digit(c):
                out[used] = c
                used += 1
        sure[i] = ascii_only and _is_whole_postcode(out[begin:used])
        if not sure[i]:
            used = begin
        ends[i + 1] = used


@_compiled
def _is_whole_postcode(code: Any) -> Any:
    """Whether it is one or two letters, a digit, perhaps one more; then a digit, two letters."""
    size = len(code)
    if size < 5 or size > 7:
        return False
    if not (
        _is_digit(code[size - 3]) and _is_letter(code[size - 2]) and _is_letter(code[size - 1])
    ):
        return False
    if code[0] == 122 and code[1] == 122 and code[2] == 57 and code[3] == 57:
        return False
    outward = size - 3
    letters = 2 if _is_letter(code[1]) else 1
    return (
        _is_letter(code[0])
        and outward > letters
        and outward <= letters + 2
        and _is_digit(code[letters])
    )


@_compiled
def _date(data: Any, offsets: Any, out: Any, ends: Any, sure: Any) -> None:
    used = 0
    for i in range(len(sure)):
        at, size = offsets[i], offsets[i + 1] - offsets[i]
        year, month, day = -1, -1, -1
        if size == 8:
            year, month, day = at, at + 4, at + 6
        elif size == 10 and _is_separator(data[at + 2]) and data[at + 2] == data[at + 5]:
            year, month, day = at + 6, at + 3, at
        elif size == 10 and _is_separator(data[at + 4]) and data[at + 4] == data[at + 7]:
            year, month, day = at, at + 5, at + 8
        if year >= 0 and _is_sound(
            _number(data, year, 4), _number(data, month, 2), _number(data, day, 2)
        ):
            for k in range(4):
                out[used + k] = data[year + k]
            for k in range(2):
                out[used + 4 + k] = data[month + k]
                out[used + 6 + k] = data[day + k]
            used += 8
            sure[i] = True
        ends[i + 1] = used


@_compiled
def _number(data: Any, at: Any, digits: Any) -> Any:
    """Return the number that the digits make, -1 where one is no digit."""
    number = 0
    for k in range(digits):
        c = data[at + k]
        if not _is_digit(c):
            return -1
        number = 10 * number + (int(c) - 48)
    return number


@_compiled
def _is_sound(year: Any, month: Any, day: Any) -> Any:
    if year < 1900 or year > 2100 or month < 1 or month > 12 or day < 1:
        return False
    if year == 1900 and month == 1 and day == 1:
        return False
    if month == 2:
        return day <= 28
    return day <= (30 if month in (4, 6, 9, 11) else 31)


@_compiled
def _is_separator(c: Any) -> Any:
    return c in (45, 47, 46, 32)


@_compiled
def _lower(c: Any) -> Any:
    return np.uint8(c + 32) if 65 <= c <= 90 else np.uint8(c)


@_compiled
def _is_letter(c: Any) -> Any:
    return 97 <= c <= 122


@_compiled
def _is_digit(c: Any) -> Any:
    return 48 <= c <= 57
