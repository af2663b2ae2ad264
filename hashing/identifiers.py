"""NHS numbers and unique pupil numbers, standardised by their check digits (uk-person/1).

Modulus 11 for the NHS number is that of the NHS data dictionary; modulus 23 for the unique pupil
number (UPN) that of the Department for Education's guide.
"""

from __future__ import annotations

import re

from hashing.cell import UNKNOWN, Cell
from hashing.folding import alphanumerics, words

_NHS = re.compile(r"[0-9]{10}")
_UPN = re.compile(r"[a-z][0-9]{11}[0-9a-z]")
# Letters that are taken for digits are left out of a UPN.
_UPN_LETTERS = "abcdefghjklmnpqrtuvwxyz"


def standardise_nhs_number(value: str) -> Cell:
    """Return an NHS number's ten digits; one that fails its check digit is kept as damaged.

    One digit ten times over is a placeholder, although most such numbers pass the check.
    """
    compact = alphanumerics(value)
    if is_blank_entry(value, compact):
        return Cell("")
    if not _NHS.fullmatch(compact):
        return Cell("", "not the ten digits of an NHS number")
    if not _nhs_check(compact):
        return Cell(compact, "an NHS number whose check digit is wrong")
    return Cell(compact)


def standardise_upn(value: str) -> Cell:
    """Return a UPN in small letters; one that fails its check letter is kept as damaged.

    A temporary UPN ends in a letter.
    """
    compact = alphanumerics(value)
    if is_blank_entry(value, compact):
        return Cell("")
    if not _UPN.fullmatch(compact):
        return Cell("", "not a letter and twelve digits, as a UPN is")
    if not _upn_check(compact):
        return Cell(compact, "a UPN whose check letter is wrong")
    return Cell(compact)


def is_blank_entry(value: str, compact: str) -> bool:
    """Whether the value stands for none: blank, a word for unknown, or one digit repeated."""
    repeated = compact.isdecimal() and len(set(compact)) == 1
    return not value.strip() or repeated or " ".join(words(value)) in UNKNOWN


def _nhs_check(digits: str) -> bool:
    total = sum(
        weight * int(digit) for weight, digit in zip(range(10, 1, -1), digits, strict=False)
    )
    return -total % 11 == int(digits[9])


def _upn_check(upn: str) -> bool:
    tail = [int(c) if c.isdecimal() else _UPN_LETTERS.find(c) for c in upn[1:]]
    total = sum(weight * number for weight, number in enumerate(tail, 2))
    return min(tail) >= 0 and _UPN_LETTERS[total % 23] == upn[0]
