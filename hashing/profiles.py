"""The standardisation profiles: which rule each type of field has.

``uk-person/1`` is for people who live in the United Kingdom, ``generic/1`` for others: it knows no
titles, no British numbers, and takes no date whose day and month could change places.

A profile never changes once it is released, since agencies that run different releases must set
the same bits: a new rule is a new profile. The vectors in `tests/vectors/standardise_*.json` hold
each of them to its outcomes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from hashing.cell import UNKNOWN, Cell
from hashing.codes import standardise_code, standardise_raw, standardise_sex
from hashing.dates import is_day_first, known_parts, standardise_date
from hashing.folding import alphanumerics, words
from hashing.identifiers import standardise_nhs_number, standardise_upn
from hashing.names import standardise_name, standardise_text
from hashing.phones import standardise_international_phone, standardise_uk_phone
from hashing.postcodes import standardise_postcode
from linkage.protocol.scheme import FieldType, Profile

Rule = Callable[[str], Cell]

# Entries that are nobody's name in any language we know of; 'None' and 'Test' are names somewhere.
_NO_NAME = frozenset(
    {"n a", "no name", "not given", "not known", "not recorded", "not stated", "unknown", "unnamed"}
)


def standardise_plain_name(value: str) -> Cell:
    """Return a name's words in their order; titles and suffixes stay."""
    name = " ".join(words(value))
    return Cell("" if name in _NO_NAME else name)


def standardise_unambiguous_date(value: str) -> Cell:
    """Return the date as YYYYMMDD; day-first forms only where they can't be month-first.

    Of a date that could be either, the year is what can still agree.
    """
    cell = standardise_date(value)
    if cell.damage or not is_day_first(value):
        return cell
    year, month, day = known_parts(cell.value)
    if month == day or int(day or 0) > 12:
        return cell
    kept = f"{cell.value[:4]}____" if year else ""
    return Cell(
        kept,
        "a date that could have its day or its month first, as 03/04 is either 3 April or 4 March",
    )


def standardise_postal_code(value: str) -> Cell:
    """Return a postal code's folded letters and digits."""
    compact = alphanumerics(value)
    if " ".join(words(value)) in UNKNOWN:
        return Cell("")
    if not compact and value.strip():
        return Cell("", "a postal code without letters and digits")
    return Cell(compact)


UK_PERSON_1: Mapping[FieldType, Rule] = {
    "name": standardise_name,
    "text": standardise_text,
    "date": standardise_date,
    "postcode": standardise_postcode,
    "sex": standardise_sex,
    "nhs_number": standardise_nhs_number,
    "upn": standardise_upn,
    "phone": standardise_uk_phone,
    "code": standardise_code,
    "raw": standardise_raw,
}
GENERIC_1: Mapping[FieldType, Rule] = {
    "name": standardise_plain_name,
    "text": standardise_text,
    "date": standardise_unambiguous_date,
    "postcode": standardise_postal_code,
    "sex": standardise_sex,
    "phone": standardise_international_phone,
    "code": standardise_code,
    "raw": standardise_raw,
}
RULES: Mapping[Profile, Mapping[FieldType, Rule]] = {
    "uk-person/1": UK_PERSON_1,
    "generic/1": GENERIC_1,
}
