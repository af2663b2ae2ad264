"""Dates, standardised to eight characters YYYYMMDD with ``_`` for what is unknown.

Accepted are year-first and day-first forms with ``-``, ``/``, ``.`` or a space, ``YYYYMMDD``,
``14-Mar-2011``, ``YYYY-MM`` and ``YYYY``, each with or without a time of day. A month never comes
first and a year has four digits: ``03/04/05`` could be three dates.
"""

from __future__ import annotations

import calendar
import re
import unicodedata

from hashing.cell import UNKNOWN, Cell
from hashing.folding import words

FIRST_YEAR, LAST_YEAR = 1900, 2100
# Systems fill an empty date with their first day. 1 January of any other year stays: people are
# born on it.
PLACEHOLDER = "19000101"

_MONTHS = {name.lower(): f"{i:02}" for i, name in enumerate(calendar.month_name) if name}
_MONTHS |= {name[:3]: number for name, number in _MONTHS.items()} | {"sept": "09"}

_TIME = re.compile(
    r"[t ]\s*\d{1,2}:\d{2}(:\d{2}([.,]\d+)?)?\s*([ap]m)?\s*(z|utc|[+-]\d{2}:?\d{2})?$", re.ASCII
)
_DASHES = str.maketrans(dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2212", "-"))
_UNKNOWN_MARKS = str.maketrans("?x", "__")
_SEPARATOR = r"[-/. ]"
_YEAR_FIRST = re.compile(
    rf"(?P<y>[a-z0-9_]{{4}})(?P<s>{_SEPARATOR})(?P<m>[a-z0-9_]{{1,2}})"
    rf"(?:(?P=s)(?P<d>[a-z0-9_]{{1,2}}))?"
)
_DAY_FIRST = re.compile(
    rf"(?P<d>[a-z0-9_]{{1,2}})(?P<s>{_SEPARATOR})(?P<m>[a-z0-9_]{{1,2}})(?P=s)(?P<y>[a-z0-9_]{{4}})"
)
_COMPACT = re.compile(r"(?P<y>[a-z0-9_]{4})(?:(?P<m>[a-z0-9_]{2})(?P<d>[a-z0-9_]{2}))?")
_NAMED_MONTH = re.compile(
    r"(?P<d>[0-9_]{1,2})(?:st|nd|rd|th)?[-/. ]*(?P<m>[a-z]{3,9})[-/., ]*(?P<y>[0-9_]{4})"
)
_SHORT_YEAR = re.compile(rf"[0-9_]{{1,2}}({_SEPARATOR})([0-9_]{{1,2}}|[a-z]{{3,9}})\1[0-9_]{{2}}")
_KNOWN = re.compile(r"[0-9]*")
_POSITIONS = re.compile(r"[0-9_]{8}")
_LEAP_YEAR = 2000


def standardise_date(value: str) -> Cell:
    """Return the date as YYYYMMDD, '' where nothing of it is known.

    A damaged date keeps the digits of its eight positions where it has eight, in the order year,
    month, day: ``2005-02-77`` is kept as ``20050277``.
    """
    plain = _plain(value)
    if not plain or " ".join(words(plain)) in UNKNOWN:
        return Cell("")
    written = _pieces(plain)
    if written is None:
        return Cell(_kept(re.sub(_SEPARATOR, "", plain)), _why_no_form(plain))
    if not _POSITIONS.fullmatch(written):
        return Cell(_kept(written), "a date with letters among its digits")
    date = _canonical(written)
    damage = _damage(date)
    return Cell(date, damage)


def is_day_first(value: str) -> bool:
    """Whether a date is written in figures with the day (or the month) first and the year last."""
    return _DAY_FIRST.fullmatch(_plain(value).translate(_UNKNOWN_MARKS)) is not None


def known_parts(date: str) -> tuple[str, str, str]:
    """Return year, month and day of a standardised date, '' for each not wholly known."""
    parts = date[:4], date[4:6], date[6:8]
    year, month, day = ("" if "_" in part else part for part in parts)
    return year, month, day


def year(date: str) -> str:
    """Return the four characters of the year of a standardised date, '' if none is known."""
    return "" if date[:4] == "____" else date[:4]


def _plain(value: str) -> str:
    plain = value if value.isascii() else unicodedata.normalize("NFKC", value).translate(_DASHES)
    return _TIME.sub("", plain.strip().lower()).strip()


def _pieces(plain: str) -> str | None:
    """Return eight characters in the order year, month, day; None for no accepted form."""
    named = _NAMED_MONTH.fullmatch(plain.replace("?", "_"))
    if named and named["m"] in _MONTHS:
        return f"{named['y']}{_MONTHS[named['m']]}{_two(named['d'])}"
    marked = plain.translate(_UNKNOWN_MARKS)
    for form in (_COMPACT, _YEAR_FIRST, _DAY_FIRST):
        if found := form.fullmatch(marked):
            return f"{found['y']}{_two(found['m'])}{_two(found['d'])}"
    return None


def _why_no_form(plain: str) -> str:
    if _SHORT_YEAR.fullmatch(plain):
        return "a date whose year has two digits"
    return "not a date in an accepted form"


def _two(piece: str | None) -> str:
    if piece is None or piece == "_":
        return "__"
    return piece.rjust(2, "0")


def _kept(characters: str) -> str:
    if len(characters) != 8:
        return ""
    return _canonical("".join(c if c in "0123456789" else "_" for c in characters))


def _canonical(written: str) -> str:
    """Write zeros that stand for nothing as unknown, and placeholders as missing."""
    year = "____" if written[:4] == "0000" else written[:4]
    month, day = ("__" if piece == "00" else piece for piece in (written[4:6], written[6:8]))
    date = year + month + day
    return "" if date in {PLACEHOLDER, "________"} else date


def _damage(date: str) -> str:
    """Say why no day of the calendar has these digits, '' if one has."""
    if not date:
        return ""
    year, month, day = date[:4], date[4:6], date[6:8]
    if not _fits(year, FIRST_YEAR, LAST_YEAR):
        return f"a year outside {FIRST_YEAR} to {LAST_YEAR}"
    if not _fits(month, 1, 12) or not _fits(day, 1, _longest(year, month)):
        return "a date that is in no calendar"
    return ""


def _longest(year: str, month: str) -> int:
    if "_" in month:
        return 31
    return calendar.monthrange(_LEAP_YEAR if "_" in year else int(year), int(month))[1]


def _fits(piece: str, least: int, most: int) -> bool:
    """Whether some number from ``least`` to ``most`` has these digits, ``_`` being any."""
    if _KNOWN.fullmatch(piece):
        return least <= int(piece) <= most
    pattern = re.compile(piece.replace("_", "[0-9]"))
    width = len(piece)
    return any(pattern.fullmatch(f"{number:0{width}}") for number in range(least, most + 1))
