"""The ways in which a column's values are written, told by examples that are nobody's.

Dates are shown as 14 March 2011 would be written, so that no value of the extract is repeated.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from linkage.protocol.scheme import FieldType

EXCEL_DAY = "40616 (a spreadsheet's day number)"
MONTH_NAME_FIRST = "March 14, 2011"
TWO_DIGIT_YEAR = "14/03/11 (year of two digits)"
OTHER = "other"

_TIME = re.compile(r"[tT ]\s*\d{1,2}:\d{2}.*$", re.ASCII)
_DATE_SHAPES = (
    (re.compile(r"\d{4}-\d{1,2}-\d{1,2}"), "2011-03-14"),
    (re.compile(r"\d{4}[/. ]\d{1,2}[/. ]\d{1,2}"), "2011/03/14"),
    (re.compile(r"\d{1,2}/\d{1,2}/\d{4}"), "14/03/2011"),
    (re.compile(r"\d{1,2}-\d{1,2}-\d{4}"), "14-03-2011"),
    (re.compile(r"\d{1,2}\.\d{1,2}\.\d{4}"), "14.03.2011"),
    (re.compile(r"\d{1,2} \d{1,2} \d{4}"), "14 03 2011"),
    (re.compile(r"(?:19|20)\d{6}"), "20110314"),
    (re.compile(r"(?i)\d{1,2}(?:st|nd|rd|th)?[-/. ]*[a-z]{3,9}[-/., ]*\d{4}"), "14-Mar-2011"),
    (re.compile(r"(?i)[a-z]{3,9}[-/. ]+\d{1,2}(?:st|nd|rd|th)?[-/., ]+\d{4}"), MONTH_NAME_FIRST),
    (re.compile(r"(?i)\d{1,2}([-/. ])(?:\d{1,2}|[a-z]{3})\1\d{2}"), TWO_DIGIT_YEAR),
)
_DATE_PIECES = (
    (re.compile(r"[1-5]\d{4}(?:\.0)?"), EXCEL_DAY),
    (re.compile(r"\d{4}[-/]\d{1,2}"), "2011-03 (no day)"),
    (re.compile(r"\d{4}"), "2011 (year alone)"),
    (re.compile(r"(?=.*[?xX_])[0-9?xX_/. -]+"), "14/??/2011 (part unknown)"),
)
_FIGURES = re.compile(r"(\d{1,2})[-/. ](\d{1,2})[-/. ]\d{4}")

# Without pieces of dates, which numbers of other kinds look like.
DATE_LIKE = frozenset(label + time for _, label in _DATE_SHAPES for time in ("", " with a time"))


@dataclass(frozen=True)
class FormatShare:
    """A way of writing, and how many of a column's cells are written so."""

    label: str
    count: int


@dataclass(frozen=True)
class DayMonthOrder:
    """Cells with the year last in figures, by what their first two numbers can be.

    ``either`` can be read both ways; a date such as 04/04/2011 is the same in both, and in none
    of the counts.
    """

    day_first: int
    month_first: int
    either: int


def date_format(value: str) -> str:
    """Return the label of the way in which a date is written."""
    plain = value.strip()
    bare = _TIME.sub("", plain)
    time = " with a time" if bare != plain else ""
    for shape, label in _DATE_SHAPES:
        if shape.fullmatch(bare):
            return label + time
    return next((label for shape, label in _DATE_PIECES if shape.fullmatch(bare)), OTHER)


def formats(kind: FieldType, counts: Mapping[str, int]) -> tuple[FormatShare, ...]:
    """Return how a field's cells are written, the most frequent first.

    ``counts`` has how often each value occurs; blank ones are left out.
    """
    label = _LABELS.get(kind)
    if label is None:
        return ()
    found: Counter[str] = Counter()
    for value, count in counts.items():
        if value.strip():
            found[label(value.strip())] += count
    return tuple(FormatShare(name, count) for name, count in found.most_common())


def day_month_order(counts: Mapping[str, int]) -> DayMonthOrder:
    """Count which of the dates in figures can be day first, month first, or either."""
    tally: Counter[str] = Counter()
    for value, count in counts.items():
        if found := _FIGURES.match(value.strip()):
            tally[_order(int(found[1]), int(found[2]))] += count
    return DayMonthOrder(tally["day"], tally["month"], tally["either"])


def _order(first: int, second: int) -> str:
    if first == second:
        return "same"
    if 12 < first <= 31 and 1 <= second <= 12:
        return "day"
    if 12 < second <= 31 and 1 <= first <= 12:
        return "month"
    return "either" if 1 <= first <= 12 and 1 <= second <= 12 else "neither"


def _letters(value: str) -> str:
    letters = [c for c in value if c.isalpha()]
    if not letters:
        return "no letters"
    digits = " with digits" if any(c.isdigit() for c in value) else ""
    if all(c.isupper() for c in letters):
        return "CAPITALS" + digits
    return ("small letters" if all(c.islower() for c in letters) else "Mixed Case") + digits


def _postcode(value: str) -> str:
    upper = value.upper()
    case = "" if value == upper else ", small letters"
    for shape, label in (
        (r"[A-Z]{1,2}[0-9][A-Z0-9]? [0-9][A-Z]{2}", "LS1 1AA"),
        (r"[A-Z]{1,2}[0-9][A-Z0-9]?[0-9][A-Z]{2}", "LS11AA (no space)"),
        (r"[A-Z]{1,2}[0-9][A-Z0-9]?", "LS1 (no inward code)"),
    ):
        if re.fullmatch(shape, upper):
            return label + case
    return "not the form of a UK postcode"


def _sex(value: str) -> str:
    if value.isdecimal():
        return "a digit"
    return "a letter" if len(value) == 1 else "a word"


def _phone(value: str) -> str:
    compact = re.sub(r"[\s().-]", "", value)
    if compact.startswith(("+", "00")):
        return "with a country code"
    return "national, from 0" if compact.startswith("0") else OTHER


def _digits(value: str) -> str:
    return re.sub("[A-Za-z]", "A", re.sub(r"\d", "9", value)) if len(value) <= 20 else OTHER


def _code_shape(value: str) -> str:
    shape = _digits(value)
    return shape if re.fullmatch(r"[9A /.-]*", shape) else OTHER


_LABELS: Mapping[str, Callable[[str], str]] = {
    "date": date_format,
    "postcode": _postcode,
    "sex": _sex,
    "phone": _phone,
    "nhs_number": _code_shape,
    "upn": _code_shape,
    "name": _letters,
    "text": _letters,
}


def share_of(shares: Iterable[FormatShare], label: str) -> int:
    """Return how many cells have a label, however its time of day."""
    return sum(share.count for share in shares if share.label.startswith(label))
