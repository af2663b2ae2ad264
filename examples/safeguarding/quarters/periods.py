"""The quarters that the scenario tells of, and the two at whose end agencies hand in."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from random import Random


@dataclass(frozen=True)
class Quarter:
    """Three months; ``name`` is as in 2025Q1."""

    name: str
    first: date
    last: date

    def day(self, rng: Random) -> date:
        """Draw a day."""
        return self.first + timedelta(days=rng.randrange((self.last - self.first).days + 1))


BEFORE = Quarter("2024Q4", date(2024, 10, 1), date(2024, 12, 31))
FIRST = Quarter("2025Q1", date(2025, 1, 1), date(2025, 3, 31))
SECOND = Quarter("2025Q2", date(2025, 4, 1), date(2025, 6, 30))

HANDED_IN = (FIRST, SECOND)

# At its end an agency hands in what it knows of the quarter and of the one before.
TOLD_OF = {FIRST: (BEFORE, FIRST), SECOND: (FIRST, SECOND)}
