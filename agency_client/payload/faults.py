"""What is wrong with files of payload: by file, row and column, and never by what a cell says."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from linkage.errors import InputError

SHOWN = 5


@dataclass(repr=False)
class FileFaults:
    """The cells of one file that can't travel: ``described`` are some of each sort, by row."""

    name: str
    count: int = 0
    described: list[tuple[int, str]] = field(default_factory=list)

    def add(self, rows: NDArray[np.int64], column: str, reason: str) -> None:
        """Count cells of a column, in rows as a spreadsheet numbers them, with one reason."""
        self.count += len(rows)
        shown: Sequence[int] = np.sort(rows)[:SHOWN].tolist()
        self.described += [(row, f"row {row}, column {column!r}: {reason}") for row in shown]

    def sentence(self) -> str:
        """Return the faults, those of the first rows in words."""
        shown = [text for _, text in sorted(self.described)[:SHOWN]]
        more = f"; and {self.count - len(shown):,} more" if self.count > len(shown) else ""
        cells = "a cell that can't" if self.count == 1 else f"{self.count:,} cells that can't"
        return f"{self.name} has {cells} travel: {'; '.join(shown)}{more}"


def refuse_faults(found: Iterable[FileFaults]) -> None:
    """Raise `InputError` that tells the faults of all files, if there are any."""
    sentences = [faults.sentence() for faults in found if faults.count]
    if sentences:
        raise InputError(
            f"{'. '.join(sentences)}. Nothing of the payload was sent: mend these cells, or take "
            "out what may not travel, and push again."
        )
