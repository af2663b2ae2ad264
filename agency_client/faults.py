"""What is wrong with an extract's rows, counted over all of it and quoted for the first few."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from linkage.errors import InputError

SHOWN = 5


@dataclass(repr=False)
class Faults:
    """What is wrong with the rows seen so far.

    ``damaged`` and ``blank_ids`` count cells; ``described`` and ``blank_rows`` are the first few.
    Of every row its token and number are kept, 24 bytes, to find ids that come back.
    """

    damaged: int = 0
    described: list[str] = field(default_factory=list)
    blank_ids: int = 0
    blank_rows: list[int] = field(default_factory=list)
    _tokens: list[NDArray[np.uint8]] = field(default_factory=list)
    _numbers: list[NDArray[np.int64]] = field(default_factory=list)

    def add_damaged(self, count: int, described: Sequence[str]) -> None:
        """Count damaged cells, of which the first few are described."""
        self.damaged += count
        self.described += described[: SHOWN - len(self.described)]

    def add_blank(self, rows: NDArray[np.int64]) -> None:
        """Count rows without a record id."""
        self.blank_ids += len(rows)
        self.blank_rows += rows[: SHOWN - len(self.blank_rows)].tolist()

    def add_tokens(self, tokens: NDArray[np.uint8], numbers: NDArray[np.int64]) -> None:
        """Remember rows by their tokens, uint8 (n, 16), which equal record ids share."""
        self._tokens.append(tokens)
        self._numbers.append(numbers)

    def repeated_rows(self) -> NDArray[np.int64]:
        """Return the numbers of the rows whose record id comes more than once, in order.

        Half of the token finds those that may, the whole of it those that do.
        """
        if not self._tokens:
            return np.empty(0, np.int64)
        halves = np.concatenate([tokens.view(np.uint64)[:, 0] for tokens in self._tokens])
        halves.sort()
        again = np.unique(halves[1:][halves[1:] == halves[:-1]])
        if not len(again):
            return np.empty(0, np.int64)
        del halves
        return self._confirmed(again)

    def _confirmed(self, again: NDArray[np.uint64]) -> NDArray[np.int64]:
        alike = [np.isin(tokens.view(np.uint64)[:, 0], again) for tokens in self._tokens]
        tokens = np.concatenate([t[rows] for t, rows in zip(self._tokens, alike, strict=True)])
        numbers = np.concatenate([n[rows] for n, rows in zip(self._numbers, alike, strict=True)])
        _, place, counts = np.unique(
            tokens.view("V16").ravel(), return_inverse=True, return_counts=True
        )
        return numbers[counts[place] > 1]


def refuse_blank_ids(faults: Faults, name: str, heading: str) -> None:
    """Raise `InputError` where a row has no record id."""
    if faults.blank_ids:
        raise InputError(
            f"{name} has no record id ({heading!r}) in "
            f"{rows_sentence(faults.blank_rows, faults.blank_ids)}; give every record an id of its "
            "own."
        )


def refuse_repeated_ids(rows: NDArray[np.int64], name: str, heading: str) -> None:
    """Raise `InputError` where rows, given by their numbers, share a record id."""
    if len(rows):
        raise InputError(
            f"{name} has the same record id ({heading!r}) more than once, in "
            f"{rows_sentence(rows[:SHOWN].tolist(), len(rows))}; give every record an id of its "
            "own, keep one row of each, or, if such rows are names or addresses of one person, "
            'say repeats = "alternates" in the file for --columns.'
        )


def refuse_damaged(faults: Faults, name: str) -> None:
    """Raise `InputError` that describes the first damaged cells and counts them all."""
    if not faults.damaged:
        return
    more = faults.damaged - len(faults.described)
    count = "1 damaged cell" if faults.damaged == 1 else f"{faults.damaged:,} damaged cells"
    raise InputError(
        f"{name} has {count}: {'; '.join(faults.described)}{f'; and {more:,} more' if more else ''}"
        "; mend them, leave these rows out with '--bad-rows skip', or have the agreement say "
        'damaged = "missing" or "keep" for these fields.'
    )


def rows_sentence(shown: Sequence[int], count: int) -> str:
    """Return 'row 3', 'rows 3, 5' or 'rows 3, 5, 8, 9, 11 and 7 more'."""
    listed = ", ".join(map(str, shown[:SHOWN]))
    if count > SHOWN:
        return f"rows {listed} and {count - SHOWN:,} more"
    return f"row {listed}" if count == 1 else f"rows {listed}"
