"""How counts may be shown: small ones withheld, all others rounded, as the agreement says."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Tally:
    """A count by name; ``count`` is rounded, None where it is withheld; ``label`` shows it."""

    name: str
    count: int | None
    label: str


@dataclass(frozen=True)
class Cells:
    """The agreement's ``[outputs]``: few people can be found out by who knows them.

    Counts of people or pairs below ``least``, zero included, are shown as '<10' and drawn as
    nothing; all others are rounded to the nearest multiple of ``rounding``.
    """

    least: int
    rounding: int

    def rounded(self, count: float) -> int | None:
        """Return a count as it may be drawn or reckoned with, None where it is withheld."""
        if count < self.least:
            return None
        return int(count + self.rounding / 2) // self.rounding * self.rounding

    def shown(self, count: float) -> str:
        """Return a count as it may be read."""
        rounded = self.rounded(count)
        return f"<{self.least}" if rounded is None else f"{rounded:,}"

    def counted(self, names: Iterable[str], counts: NDArray[np.int64]) -> list[Tally]:
        """Return counts that make up no known total."""
        return [
            Tally(name, self.rounded(count), self.shown(count))
            for name, count in zip(names, counts.tolist(), strict=True)
        ]

    def parts_of_a_whole(self, names: Iterable[str], counts: NDArray[np.int64]) -> list[Tally]:
        """Return counts that add up to something the report shows.

        Where exactly one is small, the least of the others is withheld too, since the total
        would give the small one away.
        """
        tallies = self.counted(names, counts)
        small = counts < self.least
        if small.sum() == 1 and len(counts) > 1:
            next_least = int(np.argmin(np.where(small, np.iinfo(np.int64).max, counts)))
            tallies[next_least] = Tally(tallies[next_least].name, None, "withheld")
        return tallies
