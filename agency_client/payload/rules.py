"""What a cell of payload may be, and the coarse form in which it travels.

Each rule takes a cell as people wrote it and returns a `Cell`: the value that travels, '' for a
missing one, and why the cell can't travel. A reason never repeats the cell: a column that was taken
for another may hold names.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import date

from hashing.cell import UNKNOWN, Cell
from hashing.dates import known_parts
from hashing.folding import words
from hashing.postcodes import outward
from hashing.profiles import RULES, Rule
from linkage.protocol.scheme import Profile
from linkage.protocol.sections.payload import Attribute, DateCoarsening, Payload, Vocabulary

_UK_OUTWARD = re.compile(r"[a-z]{1,2}[0-9][a-z0-9]?|gir")
_UK_INWARD = re.compile(r"[0-9][a-z]{2}")
_NUMBER = re.compile(r"[+-]?(?:\d{1,15}|\d{1,3}(?:,\d{3}){1,4})(?:\.\d{1,15})?", re.ASCII)
_MONTHS_OF_QUARTER = 3
# The first of the parts year, month and day that a period does without.
_PARTS: Mapping[DateCoarsening, int] = {"year": 1, "quarter": 2, "month": 2, "day": 3}
_PART_NAMES = ("year", "month", "day")


def first_day_rule(profile: Profile, coarsening: DateCoarsening, today: date) -> Rule:
    """Return the rule of dates that travel as the first day of their period, YYYY-MM-DD."""
    read = RULES[profile]["date"]

    def rule(text: str) -> Cell:
        return _first_day(read(text), coarsening, today)

    return rule


def attribute_rule(own: Attribute, payload: Payload, profile: Profile, today: date) -> Rule:
    """Return the rule of an attribute; what travels is its canonical text."""
    match own.coarsen:
        case "day" | "month" | "quarter" | "year":
            return _period_rule(profile, own.coarsen, today)
        case "outward_postcode":
            return outward_rule
        case "tens":
            return tens_rule
        case None:
            assert own.vocabulary is not None
            return term_rule(payload.vocabularies[own.vocabulary])


def outward_rule(text: str) -> Cell:
    """Return the outward code of a British postcode in capitals.

    Anything else is refused: what stands in a wrong column would otherwise travel, less its end.
    """
    cell = RULES["uk-person/1"]["postcode"](text)
    area = outward(cell.value)
    inward = cell.value[len(area) :]
    if not cell.value and not cell.damage:
        return Cell("")
    if not _UK_OUTWARD.fullmatch(area) or (inward and not _UK_INWARD.fullmatch(inward)):
        return Cell("", "no postcode of the United Kingdom")
    return Cell(area.upper())


def postcode_rule(profile: Profile) -> Rule:
    """Return the rule of whole postcodes, which become part of a place's token."""
    return RULES[profile]["postcode"]


def tens_rule(text: str) -> Cell:
    """Return the lowest of the ten whole numbers that a number is among: 47 is 40, -3 is -10."""
    trimmed = text.strip()
    if not trimmed or " ".join(words(trimmed)) in UNKNOWN:
        return Cell("")
    if not _NUMBER.fullmatch(trimmed):
        return Cell("", "no number")
    return Cell(str(math.floor(float(trimmed.replace(",", "")) / 10) * 10))


def term_rule(vocabulary: Vocabulary) -> Rule:
    """Return the rule of terms: the code itself or its meaning, however it is capitalised."""
    meanings = {_alike(meaning): term for term, meaning in vocabulary.terms.items()}
    return _name_rule(vocabulary.terms, "none of the terms", meanings)


def name_rule(names: Iterable[str], what: str) -> Rule:
    """Return the rule of names in the agreement; ``what`` is what they name, in the plural."""
    return _name_rule(names, f"none of the agreement's {what}", {})


def _name_rule(names: Iterable[str], none: str, meanings: Mapping[str, str]) -> Rule:
    listed = list(names)
    known = {**meanings, **{_alike(name): name for name in listed}}
    complaint = f"{none} {', '.join(listed)}" if listed else f"{none}, which has none"

    def rule(text: str) -> Cell:
        if not text.strip():
            return Cell("")
        found = known.get(_alike(text))
        return Cell("", complaint) if found is None else Cell(found)

    return rule


def _alike(text: str) -> str:
    return " ".join(words(text))


def _period_rule(profile: Profile, coarsening: DateCoarsening, today: date) -> Rule:
    first_day = first_day_rule(profile, coarsening, today)
    write: Callable[[str], str] = {
        "day": lambda day: day,
        "month": lambda day: day[:7],
        "quarter": quarter_of,
        "year": lambda day: day[:4],
    }[coarsening]

    def rule(text: str) -> Cell:
        cell = first_day(text)
        return Cell(write(cell.value)) if cell.value else cell

    return rule


def quarter_of(day: str) -> str:
    """Return the quarter of a day, 2026Q3 of 2026-09-14."""
    return f"{day[:4]}Q{(int(day[5:7]) + 2) // _MONTHS_OF_QUARTER}"


def _first_day(cell: Cell, coarsening: DateCoarsening, today: date) -> Cell:
    if cell.damage:
        return Cell("", cell.damage)
    if not cell.value:
        return Cell("")
    parts = known_parts(cell.value)
    needed = parts[: _PARTS[coarsening]]
    if "" in needed:
        lacking = _PART_NAMES[needed.index("")]
        return Cell("", f"a date whose {lacking} isn't known; leave the cell empty")
    year, month, day = (int(part or 1) for part in parts)
    # A date without its day is in the future only if its whole month is.
    if (year, month, day) > (today.year, today.month, today.day):
        return Cell("", "a date in the future")
    return Cell(_start(year, month, day, coarsening).isoformat())


def _start(year: int, month: int, day: int, coarsening: DateCoarsening) -> date:
    match coarsening:
        case "year":
            return date(year, 1, 1)
        case "quarter":
            return date(year, month - (month - 1) % _MONTHS_OF_QUARTER, 1)
        case "month":
            return date(year, month, 1)
        case "day":
            return date(year, month, day)
