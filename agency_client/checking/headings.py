"""What a column's heading says it holds, by the words that agencies in the UK use."""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import IntEnum

from hashing.folding import words


class Match(IntEnum):
    """How well a heading names a concept."""

    NONE = 0
    PARTLY = 2
    SYNONYM = 3
    SAME = 4


RECORD_ID = "record_id"

SYNONYMS: Mapping[str, tuple[str, ...]] = {
    "given_name": (
        "given name", "forename", "first name", "firstname", "fname", "christian name",
        "first forename", "forename 1", "forenames", "given names", "first names",
    ),
    "middle_name": (
        "middle name", "middle names", "other names", "other forenames", "second forename",
        "forename 2", "middle initial", "middlename",
    ),
    "surname": ("surname", "family name", "last name", "lastname", "lname", "second name"),
    "date_of_birth": (
        "date of birth", "dob", "birth date", "birthdate", "birth dt", "born", "date born",
        "birthday",
    ),
    "sex": ("sex", "gender", "mf", "sex code", "gender code", "stated gender", "sex at birth"),
    "address": (
        "address", "address line 1", "address 1", "address1", "addr1", "addr", "street address",
        "street", "full address", "house and street",
    ),
    "town": ("town", "city", "town city", "city town", "post town", "posttown", "town or city"),
    "postcode": (
        "postcode", "post code", "postal code", "pcode", "pc", "zip", "zip code", "zipcode",
    ),
    "nhs_number": ("nhs number", "nhs no", "nhs num", "nhs", "nhsno", "nhsnumber", "nhs id"),
    "upn": ("upn", "unique pupil number", "unique pupil no"),
    "phone": (
        "phone", "telephone", "tel", "mobile", "phone number", "phone no", "telephone number",
        "tel no", "mobile number", "mobile no", "mobile phone", "contact number",
    ),
    "email": ("email", "email address", "e mail", "mail"),
    "full_name": ("name", "full name", "fullname", "person name"),
    RECORD_ID: (
        "record id", "recordid", "id", "urn", "ref", "reference", "ref no", "uid", "unique id",
        "case ref", "unique reference number", "unique reference", "record number", "person ref",
    ),
}  # fmt: skip

# Words too short or too common to be found inside a longer heading.
_WHOLE_ONLY = frozenset(
    {"pc", "tel", "id", "ref", "mf", "born", "name", "mail", "zip", "street", "city", "town", "nhs"}
)
# Words that don't change whose value it is.
_NEUTRAL = frozenset(
    {
        "child", "childs", "pupil", "pupils", "person", "persons", "client", "clients", "patient",
        "subject", "nominal", "student", "young", "yp", "home", "current", "legal", "main",
        "primary", "permanent", "recorded", "of", "the", "s", "code", "line",
        "customer", "service", "user", "official", "usual", "residential", "stated", "own",
    }
)  # fmt: skip
# Somebody else's value, or one of another time.
_OTHERS = frozenset(
    {
        "mother", "mothers", "father", "fathers", "parent", "parents", "carer", "carers",
        "guardian", "school", "schools", "gp", "referrer", "worker", "sibling", "siblings", "kin",
        "emergency", "previous", "prev", "former", "old", "placement", "officer", "contact",
        "partner", "household", "family", "created", "updated", "modified", "referral", "event",
        "start", "end", "death", "alias", "aka", "known as", "preferred", "incident", "maiden",
    }
)  # fmt: skip
_ID_ENDS = frozenset({"id", "no", "number", "num", "ref", "reference", "identifier", "urn"})
_ID_OWNERS = frozenset(
    {
        "record", "case", "client", "child", "pupil", "patient", "person", "subject", "nominal",
        "local", "unique", "system", "customer", "student", "user", "mosaic", "crn",
    }
)  # fmt: skip


def heading_words(heading: str) -> list[str]:
    """Return a heading's folded words: ``DateOfBirth``, ``D.O.B.`` and ``Middle Name(s)`` too."""
    apart = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", heading.replace("(s)", ""))
    apart = re.sub(r"(?i)\blast[ _-]known\b", "", apart)
    joined: list[str] = []
    letters = ""
    for word in words(apart):
        if len(word) == 1 and word.isalpha():
            letters += word
            continue
        joined += [letters] * bool(letters) + [word]
        letters = ""
    return joined + [letters] * bool(letters)


def concept_of(name: str) -> str | None:
    """Return the concept that a field's name stands for, None for one of the agency's own."""
    if name in SYNONYMS:
        return name
    spoken = " ".join(heading_words(name))
    return next((concept for concept, names in SYNONYMS.items() if spoken in names), None)


def match(heading: str, field: str) -> Match:
    """Say how well a heading names a field."""
    found, wanted = heading_words(heading), heading_words(field)
    if not found:
        return Match.NONE
    if "".join(found) == "".join(wanted):
        return Match.SAME
    concept = concept_of(field)
    if concept is None:
        return Match.NONE
    if " ".join(found) in SYNONYMS[concept]:
        return Match.SYNONYM
    if concept == RECORD_ID:
        return _match_record_id(found)
    return max(_match_within(found, synonym.split()) for synonym in SYNONYMS[concept])


def names_another(heading: str) -> bool:
    """Whether a heading speaks of somebody else, or of a date that is no birth."""
    return not _OTHERS.isdisjoint(heading_words(heading))


def recognised(heading: str) -> str | None:
    """Return the concept that a heading names, None for none of them."""
    best = max(SYNONYMS, key=lambda concept: match(heading, concept))
    return best if match(heading, best) else None


def _match_within(found: list[str], synonym: list[str]) -> Match:
    if " ".join(synonym) in _WHOLE_ONLY and not set(found) - set(synonym) <= _NEUTRAL:
        return Match.NONE
    for start in range(len(found) - len(synonym) + 1):
        if found[start : start + len(synonym)] != synonym:
            continue
        rest = {*found[:start], *found[start + len(synonym) :]}
        if rest & _OTHERS:
            return Match.NONE
        return Match.SYNONYM if rest <= _NEUTRAL else Match.PARTLY
    return Match.NONE


def _match_record_id(found: list[str]) -> Match:
    if found[-1] not in _ID_ENDS or set(found) & _OTHERS:
        return Match.NONE
    if any(" ".join(found) in SYNONYMS[concept] for concept in ("nhs_number", "upn", "phone")):
        return Match.NONE
    return Match.SYNONYM if set(found[:-1]) & _ID_OWNERS else Match.PARTLY
