"""What a column's values look like, whatever its heading says."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from agency_client.checking.formats import DATE_LIKE, date_format
from hashing.cell import UNKNOWN
from hashing.codes import standardise_sex
from hashing.folding import alphanumerics, words
from hashing.identifiers import standardise_nhs_number, standardise_upn
from hashing.phones import standardise_uk_phone

_SAMPLE = 1_000
_POSTCODE = re.compile(r"(?:[a-z]{1,2}[0-9][a-z0-9]?|gir)[0-9][a-z]{2}")
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[A-Za-z]{2,}")
_NAME = re.compile(r"[^\W\d_][^\d_@]{0,60}")
_PHONE = re.compile(r"(?:\+|0)[0-9 ()./-]{8,}")

# Kinds that can be told by a value's form alone, in words for people.
IN_WORDS = {
    "date": "dates",
    "postcode": "UK postcodes",
    "sex": "codes or words for a sex",
    "nhs_number": "NHS numbers by their check digit",
    "upn": "UPNs by their check letter",
    "email": "e-mail addresses",
    "phone": "telephone numbers",
    "name": "words without digits",
}

_PARTICULAR_FIRST = ("nhs_number", "upn", "email", "postcode", "date", "phone", "sex")


@dataclass(frozen=True)
class Contents:
    """A column's values: ``shares`` per kind, from 0 to 1, of those that aren't blank.

    ``filled`` counts these, ``distinct`` how many differ. ``shares`` is taken over 1,000 to 2,000
    of the distinct values, each weighted by how often it occurs, words for unknown left out; it
    is empty where nothing is left.
    """

    filled: int
    distinct: int
    shares: Mapping[str, float]

    def looks_like(self) -> str | None:
        """Return the kind that nearly all values are, the most particular one first."""
        return next((kind for kind in _PARTICULAR_FIRST if self.shares.get(kind, 0) >= 0.9), None)


def look_at(column: Sequence[str]) -> Contents:
    """Say what a column's values look like."""
    counts = Counter(value.strip() for value in column)
    filled, distinct = sum(counts.values()) - counts.pop("", 0), len(counts)
    telling = [value for value in counts if " ".join(words(value)) not in UNKNOWN]
    sample = {value: counts[value] for value in telling[:: max(1, len(telling) // _SAMPLE)]}
    total = sum(sample.values())
    shares = {
        kind: sum(count for value, count in sample.items() if test(value)) / total
        for kind, test in _TESTS.items()
        if total
    }
    return Contents(filled, distinct, shares)


def _is_sound(standardise: Callable[[str], tuple[str, str]]) -> Callable[[str], bool]:
    def test(value: str) -> bool:
        standard, damage = standardise(value)
        return bool(standard) and not damage

    return test


_is_phone = _is_sound(standardise_uk_phone)

_TESTS: Mapping[str, Callable[[str], bool]] = {
    "date": lambda value: date_format(value) in DATE_LIKE,
    "postcode": lambda value: _POSTCODE.fullmatch(alphanumerics(value)) is not None,
    "sex": _is_sound(standardise_sex),
    "nhs_number": _is_sound(standardise_nhs_number),
    "upn": _is_sound(standardise_upn),
    "email": lambda value: _EMAIL.fullmatch(value) is not None,
    "phone": lambda value: _PHONE.fullmatch(value) is not None and _is_phone(value),
    "name": lambda value: _NAME.fullmatch(value) is not None,
}
