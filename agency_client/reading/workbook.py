"""Workbooks (.xlsx, .xlsm, .xlsb, .xls, .ods), by python-calamine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import python_calamine as calamine

from agency_client.reading.pieces import (
    OpenExtract,
    clean_header,
    pieces_of_rows,
    text_of,
    with_records,
)
from linkage.errors import InputError

ENDINGS = (".xlsx", ".xlsm", ".xlsb", ".xls", ".ods")


def open_workbook(path: Path, sheet: str | None) -> OpenExtract:
    """Open a sheet of a workbook, the first unless named, whose first filled row is the header.

    Raises `InputError` for a file that is encrypted, damaged or no workbook, and for a sheet that
    isn't there. A workbook is held in memory; it has a million rows at most.
    """
    with path.open("rb"):
        pass  # a file that can't be opened is no damaged workbook
    try:
        with calamine.CalamineWorkbook.from_path(path) as book:
            table = _sheet(book, sheet, path.name)
    except calamine.PasswordError:
        raise InputError(
            f"{path.name} is encrypted; save it without a password in a place that only you can "
            "read."
        ) from None
    except (calamine.CalamineError, OSError):
        raise InputError(
            f"{path.name} is not a workbook that can be read (damaged, or a text file with the "
            "wrong ending); open it in the spreadsheet and save it anew."
        ) from None
    rows = _rows(table, path.name)
    header = clean_header(_trimmed(next(rows, (1, []))[1]), path.name)
    pieces = pieces_of_rows(_fitted(rows, len(header), path.name))
    return OpenExtract(path.name, header, with_records(pieces, path.name))


def _sheet(book: Any, wanted: str | None, name: str) -> Any:
    if not book.sheet_names:
        raise InputError(f"{name} has no sheet; save the table as a workbook of its own.")
    if wanted is None:
        return book.get_sheet_by_index(0)
    if wanted not in book.sheet_names:
        raise InputError(
            f"{name} has no sheet {wanted!r}; its sheets are "
            f"{', '.join(map(repr, book.sheet_names))}."
        )
    return book.get_sheet_by_name(wanted)


def _rows(sheet: Any, name: str) -> Iterator[tuple[int, list[str]]]:
    """Yield every row that isn't blank with its number in the spreadsheet."""
    for number, row in enumerate(sheet.to_python(skip_empty_area=False), 1):
        texts = [text_of(cell) for cell in row]
        if None in texts:
            raise InputError(f"{name}, row {number}, has a cell that can't be written as text.")
        cells = [text or "" for text in texts]
        if any(cells):
            yield number, cells


def _trimmed(cells: list[str]) -> list[str]:
    """Return the header without the blank cells to its right, which are only formatted."""
    while cells and not cells[-1].strip():
        cells = cells[:-1]
    return cells


def _fitted(
    rows: Iterator[tuple[int, list[str]]], width: int, name: str
) -> Iterator[tuple[int, list[str]]]:
    for number, row in rows:
        if any(row[width:]):
            raise InputError(
                f"{name}, row {number}, has a value to the right of the last heading; give its "
                "column a heading or clear it."
            )
        yield number, row[:width]
