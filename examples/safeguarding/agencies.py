"""The agencies: whom they know, how carefully they record, and in what style.

Whom they know and how carefully they record stands in ``rates.csv``, side by side. Every rate is a
probability for one record, unless its name says otherwise.
"""

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from examples.safeguarding.names import Sex


@dataclass(frozen=True)
class Reach:
    """How likely a child is to be known.

    The weight of a child grows with the ``power`` of its vulnerability and, in care, by ``care``.
    It is small outside the usual ages, from ``youngest`` to 18 years.
    """

    power: float
    care: float
    youngest: float


@dataclass(frozen=True)
class Missing:
    """How often a field is empty."""

    middle: float
    date: float
    sex: float
    address: float
    postcode: float


@dataclass(frozen=True)
class NameErrors:
    """How often a name differs from the birth certificate's."""

    familiar: float
    spelling: float
    slip: float
    swapped: float
    initial: float
    half_dropped: float
    former: float
    middle_first: float
    middle_initial: float


@dataclass(frozen=True)
class DateErrors:
    """How often a date of birth is damaged."""

    swapped: float
    digit: float
    placeholder: float
    partial: float


@dataclass(frozen=True)
class PlaceErrors:
    """How often an address is wrong; ``unaware_of_move`` counts for each move."""

    unaware_of_move: float
    street_slip: float
    town_slip: float
    postcode_slip: float
    abbreviated: float


@dataclass(frozen=True)
class Style:
    """How the agency writes; ``record_id`` is a format of one number of seven digits."""

    record_id: str
    dates: Literal["day first", "ISO", "month name"]
    sexes: Mapping[Sex, str]
    upper_case: bool = False
    plain_letters: bool = False
    postcode: Literal["spaced", "joined", "lower case"] = "spaced"
    flat_last: bool = False
    byte_order_mark: bool = False


@dataclass(frozen=True)
class Agency:
    """One agency; ``name`` is also the stem of its files."""

    name: str
    reach: Reach
    missing: Missing
    names: NameErrors
    dates: DateErrors
    places: PlaceErrors
    style: Style


_RATES = Path(__file__).with_name("rates.csv")

_STYLES = {
    "police": Style(
        record_id="24MP{:07d}",
        dates="day first",
        sexes={"F": "F", "M": "M"},
        upper_case=True,
        plain_letters=True,
    ),
    "social_care": Style(record_id="{:07d}", dates="ISO", sexes={"F": "Female", "M": "Male"}),
    "youth_offending": Style(
        record_id="YJ-{:07d}",
        dates="month name",
        sexes={"F": "F", "M": "M"},
        plain_letters=True,
        postcode="joined",
        flat_last=True,
    ),
    "health": Style(
        record_id="H{:07d}", dates="ISO", sexes={"F": "2", "M": "1"}, postcode="lower case"
    ),
    "education": Style(
        record_id="P{:07d}", dates="ISO", sexes={"F": "F", "M": "M"}, byte_order_mark=True
    ),
    "charity": Style(record_id="YP{:07d}", dates="day first", sexes={"F": "Girl", "M": "Boy"}),
}


def _load() -> tuple[Agency, ...]:
    """Return every agency, in the order of the columns of ``rates.csv``."""
    with _RATES.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return tuple(_agency(name, rows) for name in rows[0] if name != "rate")


def _agency(name: str, rows: list[dict[str, str]]) -> Agency:
    rates: dict[str, dict[str, float]] = {}
    for row in rows:
        kind, rate = row["rate"].split(".")
        rates.setdefault(kind, {})[rate] = float(row[name])
    return Agency(
        name=name,
        reach=Reach(**rates["reach"]),
        missing=Missing(**rates["missing"]),
        names=NameErrors(**rates["names"]),
        dates=DateErrors(**rates["dates"]),
        places=PlaceErrors(**rates["places"]),
        style=_STYLES[name],
    )


# The last, a charity that walks the streets, knows children who are in no police report. The
# scenario of two quarters has it; that of one has the five others.
SIX_AGENCIES = _load()
AGENCIES = SIX_AGENCIES[:5]
