"""The samples that are attacked: the agency's own rows, and a dense resampling of their values.

An extract of a thousand children is sparse: hardly two share a name or a birthday, and faint
likenesses have nothing to add up to. In a million children everybody has neighbours. The dense
sample has as many neighbours per record as those: 30 given names, 60 surnames, 730 days of birth,
400 places, each drawn independently from the agency's own most frequent values. Where the agency
has fewer, invented values make up the number.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from hashing.standardise import Column, StandardRows, distinct
from linkage.protocol.scheme import Scheme

GIVEN_NAMES, SURNAMES, DAYS, PLACES = 30, 60, 730, 400
_PLACE_TYPES = ("text", "postcode")
_RECURRING = 0.2  # a text with fewer distinct values a row than this is a town, not an address

COMMON_GIVEN_NAMES = [
    "mary",
    "james",
    "olivia",
    "jack",
    "amelia",
    "noah",
    "isla",
    "george",
    "ava",
    "oliver",
    "muhammad",
    "leo",
    "grace",
    "arthur",
    "freya",
    "harry",
    "lily",
    "oscar",
    "sophia",
    "archie",
    "emily",
    "henry",
    "poppy",
    "theo",
    "ella",
    "freddie",
    "evie",
    "jacob",
    "charlotte",
    "thomas",
]
COMMON_SURNAMES = [
    "smith",
    "jones",
    "taylor",
    "brown",
    "williams",
    "wilson",
    "johnson",
    "davies",
    "patel",
    "robinson",
    "wright",
    "thompson",
    "evans",
    "walker",
    "white",
    "roberts",
    "green",
    "hall",
    "wood",
    "clarke",
    "jackson",
    "harris",
    "edwards",
    "turner",
    "martin",
    "cooper",
    "hill",
    "ward",
    "hughes",
    "moore",
    "clark",
    "king",
    "harrison",
    "lewis",
    "baker",
    "lee",
    "allen",
    "morris",
    "khan",
    "scott",
    "watson",
    "davis",
    "parker",
    "bennett",
    "young",
    "phillips",
    "richardson",
    "mitchell",
    "bailey",
    "carter",
    "cook",
    "singh",
    "shaw",
    "bell",
    "collins",
    "morgan",
    "kelly",
    "begum",
    "ali",
    "murphy",
]
_STREETS = ("street", "road", "lane", "close", "avenue")
_LETTERS = "abdefghjlnpqrstuwxyz"


@dataclass(frozen=True)
class _Pool:
    """Values to draw from and their probabilities, float64, with the share that is missing."""

    values: Sequence[str]
    weights: NDArray[np.float64]
    missing: float


def own_rows(rows: StandardRows, most: int, rng: np.random.Generator) -> StandardRows:
    """Return at most ``most`` of the records, drawn at random."""
    keep = np.zeros(rows.count, np.bool_)
    keep[rng.permutation(rows.count)[:most]] = True
    return rows.keep(keep)


def dense_rows(
    scheme: Scheme, rows: StandardRows, count: int, rng: np.random.Generator
) -> StandardRows:
    """Return ``count`` records drawn from the most frequent values of ``rows``.

    Fields are as complete as the agency's own; postcode and texts make up one place and are
    drawn together.
    """
    cells = _names(scheme, rows, count, rng) | _places(scheme, rows, count, rng)
    for name, field in scheme.fields.items():
        if name not in cells:
            values = _values(rows.columns[name])
            pool = _days(values) if field.type == "date" else _most_frequent(values, len(values))
            cells[name] = _draw(pool, count, rng)
    return StandardRows(count, {name: _column(cells[name]) for name in scheme.fields})


def _names(
    scheme: Scheme, rows: StandardRows, count: int, rng: np.random.Generator
) -> dict[str, list[str]]:
    """Draw the name fields; the one with most distinct values is taken for the surname."""
    own = {n: _values(rows.columns[n]) for n, f in scheme.fields.items() if f.type == "name"}
    surname = max(own, key=lambda name: (len(set(own[name])), "surname" in name), default="")
    cells = {}
    for name, values in own.items():
        size, spare = (
            (SURNAMES, COMMON_SURNAMES) if name == surname else (GIVEN_NAMES, COMMON_GIVEN_NAMES)
        )
        cells[name] = _draw(_most_frequent(values, size, spare), count, rng)
    return cells


def _places(
    scheme: Scheme, rows: StandardRows, count: int, rng: np.random.Generator
) -> dict[str, list[str]]:
    """Draw whole places from the most frequent ones, so that town and postcode fit together."""
    fields = [name for name, field in scheme.fields.items() if field.type in _PLACE_TYPES]
    own = {name: _values(rows.columns[name]) for name in fields}
    used = [name for name in fields if any(own[name])]
    cells = {name: [""] * count for name in fields}
    if not used:
        return cells
    whole = Counter(
        place for place in zip(*(own[name] for name in used), strict=True) if all(place)
    )
    places = [place for place, _ in whole.most_common(PLACES)]
    while len(places) < PLACES:
        kinds = [(scheme.fields[name].type, own[name]) for name in used]
        places.append(tuple(_invented(kind, values, rng) for kind, values in kinds))
    drawn = rng.integers(len(places), size=count)
    for index, name in enumerate(used):
        there = rng.random(count) >= _missing(own[name])
        cells[name] = [
            places[place][index] if has else "" for place, has in zip(drawn, there, strict=True)
        ]
    return cells


def _invented(kind: str, own: Sequence[str], rng: np.random.Generator) -> str:
    if kind == "postcode":
        number, unit = rng.integers(1, 30), rng.integers(1, 10)
        first, second = (_LETTERS[k] for k in rng.integers(len(_LETTERS), size=2))
        return f"ls{number}{unit}{first}{second}"
    known = [value for value in own if value]
    if len(set(known)) < _RECURRING * len(known):
        return known[rng.integers(len(known))]
    street = f"{COMMON_SURNAMES[rng.integers(SURNAMES)]} {_STREETS[rng.integers(len(_STREETS))]}"
    return f"{rng.integers(1, 200)} {street}"


def _days(values: Sequence[str]) -> _Pool:
    """Return every day of the two years in a row that most of the agency's dates fall into."""
    years = Counter(int(value[:4]) for value in values if value[:4].isdecimal())
    first = max(years, key=lambda year: years[year] + years[year + 1], default=2010)
    start = date(min(max(first, 1), 9990), 1, 1)
    days = [f"{start + timedelta(days=k):%Y%m%d}".zfill(8) for k in range(DAYS)]
    return _Pool(days, np.full(DAYS, 1 / DAYS), _missing(values))


def _most_frequent(values: Sequence[str], size: int, spare: Sequence[str] = ()) -> _Pool:
    """Return the ``size`` most frequent values by their counts, made up to it from ``spare``."""
    counts: Mapping[str, int] = dict(Counter(value for value in values if value).most_common(size))
    found = dict(counts)
    found.update(islice(((value, 1) for value in spare if value not in found), size - len(found)))
    if not found:
        return _Pool([""], np.ones(1), 1.0)
    weights = np.array(list(found.values()), np.float64)
    return _Pool(list(found), weights / weights.sum(), _missing(values))


def _draw(pool: _Pool, count: int, rng: np.random.Generator) -> list[str]:
    drawn = rng.choice(len(pool.values), size=count, p=pool.weights)
    there = rng.random(count) >= pool.missing
    return [pool.values[k] if has else "" for k, has in zip(drawn, there, strict=True)]


def _missing(values: Sequence[str]) -> float:
    return sum(not value for value in values) / len(values)


def _values(column: Column) -> list[str]:
    return [column.values[code] for code in column.codes.tolist()]


def _column(cells: Sequence[str]) -> Column:
    codes, values = distinct(cells)
    return Column(codes, tuple(values), {})
