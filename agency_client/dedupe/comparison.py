"""How far each field of two records agrees, as a level.

Level 0 is a clear difference and the highest level equality; what lies between depends on the
field's type. Names and dates repeat, so every *distinct* pair of values is compared once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import jellyfish
import numpy as np
from numpy.typing import NDArray

from hashing.postcodes import outward
from hashing.standardise import Column, StandardRows
from linkage.protocol.scheme import FieldType, Scheme

MISSING = -1
DIFFERENT = 0
# Jaro-Winkler similarities from which two names count as close and as alike (Winkler 1990).
CLOSE, ALIKE = 0.92, 0.82
_HALF = 0.5

Levels = NDArray[np.int8]
Rows = NDArray[np.int64]
_Rule = Callable[[Sequence[str], Rows, Rows], Levels]

WORDS: Mapping[FieldType, tuple[str, ...]] = {
    "name": ("differs", "has the same initial", "is alike", "is nearly equal", "agrees"),
    "text": ("differs", "shares words", "is nearly equal", "agrees"),
    "date": (
        "differs",
        "has the same year",
        "has the same day and month",
        "has one part that differs",
        "is one slip away",
        "has day and month swapped",
        "agrees where both are known",
        "agrees",
    ),
    "postcode": ("differs", "has the same area", "is one slip away", "agrees"),
    "sex": ("differs", "agrees"),
    "code": ("differs", "is one slip away", "agrees"),
    "raw": ("differs", "agrees"),
}
SWAPPED = "is swapped"


@dataclass(frozen=True)
class Field:
    """A field of the scheme as it is compared: its name, its type and its standard values."""

    name: str
    type: FieldType
    column: Column

    @property
    def words(self) -> tuple[str, ...]:
        """What each level means, from level 0 up; a name has one more, `SWAPPED`."""
        return (*WORDS[self.type], SWAPPED) if self.type == "name" else WORDS[self.type]

    @property
    def equal(self) -> int:
        """The level of equal values."""
        return len(WORDS[self.type]) - 1


def fields_of(scheme: Scheme, rows: StandardRows) -> tuple[Field, ...]:
    """Return the scheme's fields that have at least one value."""
    return tuple(
        Field(name, field.type, rows.columns[name])
        for name, field in scheme.fields.items()
        if any(rows.columns[name].values)
    )


def compare(fields: tuple[Field, ...], left: Rows, right: Rows) -> Levels:
    """Return the levels of the pairs (left[i], right[i]), int8 (pairs, fields).

    `MISSING` where either record lacks the field. Where two names agree crosswise the first has
    the level `SWAPPED` and the second is passed over: what it says has been said.
    """
    levels = np.stack([compare_field(field, left, right) for field in fields], axis=1)
    names = [i for i, field in enumerate(fields) if field.type == "name"]
    for place, first in enumerate(names):
        for second in names[place + 1 :]:
            crossed = _crossed(fields[first], fields[second], left, right)
            crossed &= levels[:, first] < fields[first].equal - 1
            crossed &= levels[:, second] < fields[second].equal - 1
            levels[crossed, first] = fields[first].equal + 1
            levels[crossed, second] = MISSING
    return levels


def compare_field(field: Field, left: Rows, right: Rows) -> Levels:
    """Return the levels of one field, int8 (pairs,)."""
    codes, values = field.column.codes, field.column.values
    first, second = codes[left], codes[right]
    levels = np.full(len(left), field.equal, np.int8)
    for position in np.flatnonzero([value == "" for value in values]):
        levels[(first == position) | (second == position)] = MISSING
    unequal = np.flatnonzero((first != second) & (levels != MISSING))
    low = np.minimum(first[unequal], second[unequal])
    high = np.maximum(first[unequal], second[unequal])
    pairs, of = np.unique(low * len(values) + high, return_inverse=True)
    levels[unequal] = _RULES[field.type](values, pairs // len(values), pairs % len(values))[of]
    return levels


def _crossed(one: Field, other: Field, left: Rows, right: Rows) -> NDArray[np.bool_]:
    """Whether each name of one record is the other name of the other record."""
    here, there = _shared_codes(one.column, other.column)
    known = (here[left] >= 0) & (there[left] >= 0)
    crossed = known & (here[left] == there[right]) & (there[left] == here[right])
    return np.asarray(crossed, np.bool_)


def _shared_codes(one: Column, other: Column) -> tuple[Rows, Rows]:
    """Return both columns' codes in one numbering of their values, -1 for missing ones."""
    number: dict[str, int] = {"": -1}
    for value in (*one.values, *other.values):
        number.setdefault(value, len(number))
    codes = [
        np.array([number[value] for value in column.values], np.int64)[column.codes]
        for column in (one, other)
    ]
    return codes[0], codes[1]


def compare_names(one: str, other: str) -> int:
    """Compare two unequal names; a name within the other (Ann, Mary Ann) is nearly equal."""
    similarity = jellyfish.jaro_winkler_similarity(one, other)
    if similarity >= CLOSE or _within(one.split(), other.split()):
        return 3
    if min(len(one), len(other)) == 1 and one[0] == other[0]:
        return 1
    return 2 if similarity >= ALIKE else DIFFERENT


def _within(one: list[str], other: list[str]) -> bool:
    few, many = sorted((set(one), set(other)), key=len)
    return few <= many and any(len(word) > 1 for word in few)


def compare_texts(one: str, other: str) -> int:
    """Compare two unequal texts, such as addresses and towns."""
    if jellyfish.jaro_winkler_similarity(one, other) >= CLOSE:
        return 2
    words, others = set(one.split()), set(other.split())
    shared = len(words & others) / min(len(words), len(others))
    return 1 if shared >= _HALF else DIFFERENT


def compare_dates(values: Sequence[str], one: Rows, other: Rows) -> Levels:
    """Compare unequal dates of eight characters, YYYYMMDD with ``_`` for the unknown.

    ``one`` and ``other`` are places among the ``values``. All at once, since nearly every pair of
    dates is a pair of its own.
    """
    digits = np.frombuffer("".join(v or "_" * 8 for v in values).encode(), np.uint8).reshape(-1, 8)
    parts = np.stack([_part(digits[:, piece]) for piece in _PARTS], axis=1)
    first, second = parts[one], parts[other]
    same = (first == second) & (first >= 0)
    open_ended = (same | (first < 0) | (second < 0)).all(axis=1)
    swapped = same[:, 0] & (first[:, 1:] == second[:, :0:-1]).all(axis=1)
    one_slip = _one_slip(digits[one], digits[other])
    two_parts = same.sum(axis=1) == 2
    ranked = (open_ended, swapped, one_slip, two_parts & same[:, 0], two_parts, same[:, 0])
    return np.select(ranked, (6, 5, 4, 3, 2, 1), DIFFERENT).astype(np.int8)


_PARTS = (slice(0, 4), slice(4, 6), slice(6, 8))


def _part(digits: NDArray[np.uint8]) -> Rows:
    """Return the number that a part of each date is, -1 where a digit of it is unknown."""
    value = np.zeros(len(digits), np.int64)
    for column in digits.T:
        value = value * 10 + (column.astype(np.int64) - ord("0"))
    value[(digits == ord("_")).any(axis=1)] = -1
    return value


def _one_slip(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Whether one digit differs or two neighbours are swapped: a Damerau-Levenshtein distance of 1.

    The dates are of one length, so nothing is inserted or left out.
    """
    differs = one != other
    count = differs.sum(axis=1)
    place = np.minimum(differs.argmax(axis=1), one.shape[1] - 2)
    rows = np.arange(len(one))
    crossed = (one[rows, place] == other[rows, place + 1]) & (
        one[rows, place + 1] == other[rows, place]
    )
    return np.asarray((count == 1) | (count == 2) & crossed, np.bool_)


def compare_postcodes(one: str, other: str) -> int:
    """Compare two unequal postcodes."""
    if jellyfish.damerau_levenshtein_distance(one, other) == 1:
        return 2
    return 1 if outward(one) == outward(other) != "" else DIFFERENT


def compare_codes(one: str, other: str) -> int:
    """Compare two unequal identifiers."""
    return int(jellyfish.damerau_levenshtein_distance(one, other) == 1)


def _differ(_values: Sequence[str], one: Rows, _other: Rows) -> Levels:
    return np.full(len(one), DIFFERENT, np.int8)


def _each(rule: Callable[[str, str], int]) -> _Rule:
    """Return a rule for many pairs of values from one for a single pair."""

    def compare_each(values: Sequence[str], one: Rows, other: Rows) -> Levels:
        pairs = zip(one.tolist(), other.tolist(), strict=True)
        return np.fromiter((rule(values[a], values[b]) for a, b in pairs), np.int8, len(one))

    return compare_each


_RULES: Mapping[FieldType, _Rule] = {
    "name": _each(compare_names),
    "text": _each(compare_texts),
    "date": compare_dates,
    "postcode": _each(compare_postcodes),
    "sex": _differ,
    "code": _each(compare_codes),
    "raw": _differ,
}
