"""One standardised value, and what was wrong with it."""

from __future__ import annotations

from typing import NamedTuple

# What people write where nothing is known, in the folded form of `hashing.folding.words`.
UNKNOWN = frozenset(
    {"unknown", "not known", "not recorded", "not stated", "n a", "n k", "nk", "none", "null"}
)


class Cell(NamedTuple):
    """A standardised value; '' is missing.

    ``damage`` says why a value isn't of its type, '' for a sound one. The ``value`` of a damaged
    one is what can still agree with another record's.
    """

    value: str
    damage: str = ""
