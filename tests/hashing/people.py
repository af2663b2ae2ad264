"""Invented people for attacks: sparse ones, who share little, and dense ones, who share much."""

from dataclasses import replace

import numpy as np

from hashing.risk.samples import COMMON_GIVEN_NAMES, COMMON_SURNAMES
from linkage.protocol.scheme import Feature, Group, Part
from tests.hashing.schemes import x6

STREETS = ("street", "road", "lane", "close")
TOWNS = ("leeds", "bradford", "wakefield")
STARTS = [
    "ba",
    "be",
    "bo",
    "ca",
    "da",
    "do",
    "fa",
    "fe",
    "ga",
    "ha",
    "jo",
    "ka",
    "la",
    "le",
    "ma",
    "mo",
    "na",
    "pa",
    "ra",
    "ro",
    "sa",
    "ta",
    "va",
    "wa",
]
MIDDLES = [
    "ber",
    "dan",
    "fin",
    "gar",
    "ker",
    "len",
    "mar",
    "nel",
    "ran",
    "rin",
    "ser",
    "tan",
    "ver",
    "wil",
]
ENDS = [
    "a",
    "by",
    "den",
    "er",
    "ey",
    "ford",
    "ham",
    "in",
    "ley",
    "man",
    "on",
    "sen",
    "son",
    "ton",
    "worth",
    "y",
]


def dense_people(count, seed=0):
    """Columns over 30 given names × 60 surnames × 730 dates × 400 places, nothing missing."""
    rng = np.random.default_rng(seed)
    places = [_place(rng, COMMON_SURNAMES) for _ in range(400)]
    return _people(rng, count, COMMON_GIVEN_NAMES, COMMON_SURNAMES, 730, places)


def sparse_people(count, seed=0):
    """Columns of people who hardly share a name, a birthday or a place."""
    rng = np.random.default_rng(seed)
    surnames = _names(rng, 4 * count)
    places = [_place(rng, surnames) for _ in range(4 * count)]
    return _people(rng, count, _names(rng, count), surnames, 6000, places)


def _people(rng, count, given, surnames, days, places):
    first = np.datetime64("2006-01-01")
    homes = [places[k] for k in rng.integers(len(places), size=count)]
    return {
        "given_name": _draw(rng, given, count),
        "middle_name": _draw(rng, [*given, *[""] * len(given)], count),
        "surname": _draw(rng, surnames, count),
        "date_of_birth": [str(first + int(day)) for day in rng.integers(days, size=count)],
        "sex": _draw(rng, "fm", count),
        "address": [address for address, _, _ in homes],
        "city": [city for _, city, _ in homes],
        "postcode": [postcode for _, _, postcode in homes],
    }


def _draw(rng, values, count):
    return [values[k] for k in rng.integers(len(values), size=count)]


def _names(rng, count):
    return [
        STARTS[rng.integers(len(STARTS))]
        + "".join(_draw(rng, MIDDLES, rng.integers(0, 3)))
        + ENDS[rng.integers(len(ENDS))]
        for _ in range(count)
    ]


def _place(rng, names):
    street = f"{names[rng.integers(len(names))]} {STREETS[rng.integers(len(STREETS))]}"
    unit = "".join(_draw(rng, "ABDEFGHJ", 2))
    postcode = f"LS{rng.integers(1, 20)} {rng.integers(1, 10)}{unit}"
    return f"{rng.integers(1, 200)} {street}", TOWNS[rng.integers(len(TOWNS))], postcode


def plain():
    """A record-level CLK, undiffused."""
    scheme = x6()
    halved = {
        name: replace(feature, bits_per_token=max(1, feature.bits_per_token // 2))
        for name, feature in scheme.features.items()
    }
    features = ("given", "surname", "date", "address", "postcode", "town")
    part = Part(label="all", features=features)
    return replace(
        scheme,
        version="plain",
        features=halved,
        group=(Group(name="CLK", length=1024, parts=(part,)),),
    )


def single_field():
    """One diffused group over the surname alone, which only allow_weak_groups lets through."""
    part = Part(label="surname", features=("surname",), diffusion=6)
    group = Group(name="S", length=512, parts=(part,))
    return replace(x6(), version="single field", group=(group,), allow_weak_groups=True)


def union(t=6):
    """Both fields' tokens in one filter before diffusion, with positional date digits."""
    scheme = x6()
    budgets = {"given": 17, "surname": 16, "address": 3, "postcode": 7, "town": 2}
    features = dict(scheme.features)
    for name, bits in budgets.items():
        features[name] = replace(features[name], bits_per_token=bits)
    features["digits"] = Feature(
        field="date_of_birth", comparison="qgram", q=1, positional=True, bits_per_token=15
    )
    kinds = {
        "G": ("given",),
        "S": ("surname",),
        "D": ("digits",),
        "P": ("address", "postcode", "town"),
    }
    groups = tuple(
        Group(name=name, length=512, parts=(_union_part(kinds[name[0]] + kinds[name[1]], t),))
        for name in ("GS", "GD", "SD", "GP", "SP", "DP")
    )
    return replace(scheme, version=f"union, t = {t}", features=features, group=groups)


def _union_part(features, t):
    return Part(label="all", features=features, null_if="any_missing", diffusion=t)


def product(half):
    """The default scheme with another number of secret bits from each main part."""
    scheme = x6()
    groups = tuple(
        replace(
            group,
            parts=tuple(
                replace(part, diffusion=half if part.diffusion > 1 else part.diffusion)
                for part in group.parts
            ),
        )
        for group in scheme.group
    )
    return replace(scheme, version=f"x6, t = {2 * half}", group=groups)
