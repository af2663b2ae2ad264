"""Words that a person gives and others read: one line of visible characters that names nobody."""

from __future__ import annotations

import re

# Numbers of records, of cases and of telephones, dates of birth, e-mail addresses, postcodes.
IDENTIFYING = re.compile(
    r"[0-9](?:[ ./-]?[0-9]){5}|@|\b[A-Za-z]{1,2}[0-9][A-Za-z0-9]? ?[0-9][A-Za-z]{2}\b", re.ASCII
)
# Control characters, line separators, and what turns or hides the text around it.
_INVISIBLE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]"
)


def visible(text: str) -> str:
    """Return a text that is one line of visible characters; raises `ValueError` for others."""
    if _INVISIBLE.search(text):
        raise ValueError("must be one line of visible characters")
    return text


def names_nobody(text: str) -> str:
    """Return a text that holds nothing like an identifier; raises `ValueError` for others."""
    if IDENTIFYING.search(text):
        raise ValueError("must not hold a date, a number of six digits or more, a postcode or an @")
    return text
