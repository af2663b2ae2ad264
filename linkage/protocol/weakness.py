"""Groups that protect too little, found from the scheme alone.

A group hides people only by joining two fields that both have many values. How many values a
field can take is bounded by the table below: generous round numbers for what occurs in a large
population, not measurements. What a ``text``, ``code`` or ``raw`` field holds can't be seen from
the scheme, so these count as large, and a group that codes sex as ``raw`` passes. Nor does the
table know how unevenly values fall. The rule is a floor; attacking the encodings is the test.
"""

from __future__ import annotations

import math

from linkage.errors import PolicyError
from linkage.protocol.scheme import Feature, Group, Scheme, SchemeField

VALUES_BY_TYPE = {
    "sex": 3,
    "name": 50_000,
    "date": 40_000,  # the days of 110 years
    "postcode": 1_000_000,
    "text": 1_000_000,
    "code": 1_000_000,
    "raw": 1_000_000,
    "nhs_number": 1_000_000,
    "upn": 1_000_000,
    "phone": 1_000_000,
}
# What is taken from a field has at most as many values as this, whatever the field.
VALUES_BY_TAKE = {
    "initial": 36,
    "year": 110,
    "outward": 3_000,
    "soundex": 6_000,
    "metaphone": 20_000,
}
# A group is enumerable below so many combinations of its fields' values, and no better than a
# single field where the fields beside its largest have together fewer values than the second.
LEAST_COMBINATIONS = 1_000_000
LEAST_BESIDE = 100


def weak_groups(scheme: Scheme) -> dict[str, str]:
    """Return why a group is weak, by its name; groups that aren't weak are left out."""
    found = {group.name: _weakness(scheme, group) for group in scheme.group}
    return {name: why for name, why in found.items() if why}


def undiffused_groups(scheme: Scheme) -> list[str]:
    """Return the names of the groups whose bits are those of plain Bloom filters."""
    return [group.name for group in scheme.group if group.similarity == "dice"]


def refuse_weak_groups(scheme: Scheme) -> None:
    """Raise `PolicyError` where a group is weak, unless the scheme says that it may be."""
    weak = weak_groups(scheme)
    if weak and not scheme.allow_weak_groups:
        reasons = "; ".join(f"{name}: {why}" for name, why in weak.items())
        raise PolicyError(
            f"The scheme {scheme.version!r} has groups that frequency analysis opens ({reasons}); "
            "join each with another field of many values, or set allow_weak_groups = true in "
            "[scheme] for data that nobody needs to protect."
        )


def scheme_warnings(scheme: Scheme) -> list[str]:
    """Return sentences about what is weak in a scheme that is allowed all the same."""
    warnings = []
    if plain := undiffused_groups(scheme):
        warnings.append(
            f"The scheme leaves the group {', '.join(plain)} undiffused; whoever holds a list of "
            "the population re-identifies such encodings, so give them to nobody you wouldn't "
            "give the names."
        )
    if weak := weak_groups(scheme):
        reasons = "; ".join(f"{name}: {why}" for name, why in weak.items())
        warnings.append(
            f"The scheme has weak groups ({reasons}), which frequency analysis opens without any "
            "key; the agreement allows them."
        )
    double = [name for name, own in scheme.features.items() if own.hashing == "double"]
    if double:
        warnings.append(
            f"The scheme hashes {', '.join(double)} by double hashing, whose patterns let single "
            "tokens be read off the encodings; use it only with encodings made elsewhere."
        )
    return warnings


def _weakness(scheme: Scheme, group: Group) -> str:
    spaces = value_spaces(scheme, group)
    if len(spaces) < 2:
        return f"only {next(iter(spaces))}"
    *beside, largest = sorted(spaces.values())
    rest = math.prod(beside)
    if rest < LEAST_BESIDE:
        least = [field for field, size in spaces.items() if size != largest] or list(spaces)[:1]
        return f"{' and '.join(least)} with at most {rest} values beside a single other field"
    if rest * largest < LEAST_COMBINATIONS:
        return f"{' × '.join(spaces)} with at most {rest * largest:,} combinations"
    return ""


def value_spaces(scheme: Scheme, group: Group) -> dict[str, int]:
    """Return, per field of a group's main features, at most how many values the group sees."""
    spaces: dict[str, int] = {}
    for part in group.parts:
        for name in part.features:
            feature = scheme.features[name]
            size = _values(scheme.fields[feature.field], feature)
            spaces[feature.field] = max(size, spaces.get(feature.field, 0))
    return spaces


def _values(field: SchemeField, feature: Feature) -> int:
    size = VALUES_BY_TYPE[field.type]
    if field.clkhash and field.clkhash.type == "enum":
        size = len(field.clkhash.values or ())
    elif field.clkhash and field.clkhash.type == "date":
        size = VALUES_BY_TYPE["date"]
    return min(size, VALUES_BY_TAKE.get(feature.take, size))
