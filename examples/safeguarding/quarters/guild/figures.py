"""Figures as they may be told: shares, and counts by the agreement's rules for outputs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Outputs:
    """The agreement's rules: counts below ``least`` are withheld, others rounded to ``base``."""

    least: int
    base: int

    def people(self, count: float) -> str:
        """Tell a count of people."""
        return f"{self._rounded(count):,}" if count >= self.least else f"fewer than {self.least}"

    def between(self, low: float, high: float) -> str:
        """Tell an interval, outward to multiples of the base; its lower end may be withheld."""
        if high < self.least:
            return f"fewer than {self.least}"
        down = f"{math.floor(low / self.base) * self.base:,}" if low >= self.least else "0"
        return f"{down} to {math.ceil(high / self.base) * self.base:,}"

    def with_interval(self, count: float, low: float, high: float) -> str:
        """Tell a count with its interval."""
        if count < self.least:
            return f"fewer than {self.least}"
        return f"{self.people(count)} ({self.between(low, high)})"

    def _rounded(self, count: float) -> int:
        return math.floor(count / self.base + 0.5) * self.base


def percent(share: float, digits: int = 1) -> str:
    """Tell a share from 0 to 1."""
    return f"{100 * share:.{digits}f}%"


def percent_with(share: float | None, interval: Sequence[float] | None) -> str:
    """Tell a share with its 95% interval, as far as it is known."""
    if share is None:
        return "not known"
    if interval is None:
        return percent(share)
    return f"{percent(share)} ({percent(interval[0])} to {percent(interval[1])})"


def plain(name: str) -> str:
    """Return a name of the agreement as people say it."""
    return name.replace("_", " ")
