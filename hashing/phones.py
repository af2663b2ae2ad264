"""Telephone numbers, standardised to E.164 (``+441134960123``).

A number is sound if its length is possible in its country. Whether its range has been given out
is not asked: those tables change every month, and with them the encodings would.
"""

from __future__ import annotations

import unicodedata

import phonenumbers

from hashing.cell import Cell
from hashing.folding import alphanumerics
from hashing.identifiers import is_blank_entry

_NOT_POSSIBLE = "not a possible telephone number"


def standardise_uk_phone(value: str) -> Cell:
    """Return the number in E.164; without a country code it is a British one."""
    return _standardise(value, "GB")


def standardise_international_phone(value: str) -> Cell:
    """Return the number in E.164; damaged without a country code after ``+`` or ``00``."""
    return _standardise(value, None)


def _standardise(value: str, region: str | None) -> Cell:
    if is_blank_entry(value, alphanumerics(value)):
        return Cell("")
    plain = unicodedata.normalize("NFKC", value).strip()
    if plain.startswith("00"):
        plain = "+" + plain[2:]
    if region is None and not plain.lstrip("( ").startswith("+"):
        return Cell("", "a telephone number without a country code")
    try:
        number = phonenumbers.parse(plain, region)
    except phonenumbers.NumberParseException:
        return Cell("", _NOT_POSSIBLE)
    # Zeros alone are a placeholder, of which the library would write one too few.
    if not number.national_number or not phonenumbers.is_possible_number(number):
        return Cell("", _NOT_POSSIBLE)
    return Cell(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))
