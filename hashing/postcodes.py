"""Postcodes, standardised (profile uk-person/1): the rule for the United Kingdom, and others."""

from __future__ import annotations

import re

from hashing.cell import UNKNOWN, Cell
from hashing.folding import alphanumerics, words

_OUTWARD = r"(?:[a-z]{1,2}[0-9][a-z0-9]?)"
_INWARD = r"(?:[0-9][a-z]{2})"
_UK_FULL = re.compile(rf"(?:{_OUTWARD}|gir){_INWARD}")
_UK_OUTWARD = re.compile(_OUTWARD)
# The NHS writes ZZ99 and an inward code for 'no fixed abode', 'not known' and countries.
_NHS_PSEUDO = "zz99"


def standardise_postcode(value: str) -> Cell:
    """Return a postcode's folded letters and digits; a UK one needs no space and no capitals.

    Those of other countries are taken as they come.
    """
    compact = alphanumerics(value)
    if compact.startswith(_NHS_PSEUDO) or " ".join(words(value)) in UNKNOWN:
        return Cell("")
    if not compact and value.strip():
        return Cell("", "a postcode without letters and digits")
    return Cell(compact)


def outward(postcode: str) -> str:
    """Return the area of a standardised postcode: all but its last three characters.

    A bare UK outward code (``sw1a``), which has no inward code to lose, stays as it is.
    """
    if _UK_OUTWARD.fullmatch(postcode) and not _UK_FULL.fullmatch(postcode):
        return postcode
    return postcode[:-3]
