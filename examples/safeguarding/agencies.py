"""The five agencies: whom they know, how carefully they record, and in what style.

Every rate is a probability for one record, unless its name says otherwise.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from examples.safeguarding.names import Sex


@dataclass(frozen=True)
class Reach:
    """How likely a child is to be known.

    The weight of a child grows with the ``power`` of its vulnerability and, in care, by ``care``.
    It is small outside the usual ages ``youngest`` to 18.
    """

    power: float
    care: float
    youngest: int


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


POLICE = Agency(
    name="police",
    reach=Reach(power=1.1, care=2.0, youngest=10),
    missing=Missing(middle=0.55, date=0.07, sex=0.02, address=0.10, postcode=0.17),
    names=NameErrors(
        familiar=0.12,
        spelling=0.16,
        slip=0.06,
        swapped=0.012,
        initial=0.006,
        half_dropped=0.35,
        former=0.35,
        middle_first=0.5,
        middle_initial=0.3,
    ),
    dates=DateErrors(swapped=0.012, digit=0.030, placeholder=0.012, partial=0.012),
    places=PlaceErrors(
        unaware_of_move=0.35, street_slip=0.10, town_slip=0.05, postcode_slip=0.04, abbreviated=0.5
    ),
    style=Style(
        record_id="24MP{:07d}",
        dates="day first",
        sexes={"F": "F", "M": "M"},
        upper_case=True,
        plain_letters=True,
    ),
)

SOCIAL_CARE = Agency(
    name="social_care",
    reach=Reach(power=1.3, care=4.0, youngest=6),
    missing=Missing(middle=0.60, date=0.05, sex=0.03, address=0.06, postcode=0.10),
    names=NameErrors(
        familiar=0.08,
        spelling=0.12,
        slip=0.05,
        swapped=0.010,
        initial=0.004,
        half_dropped=0.3,
        former=0.25,
        middle_first=0.6,
        middle_initial=0.2,
    ),
    dates=DateErrors(swapped=0.010, digit=0.022, placeholder=0.010, partial=0.006),
    places=PlaceErrors(
        unaware_of_move=0.18, street_slip=0.08, town_slip=0.03, postcode_slip=0.03, abbreviated=0.2
    ),
    style=Style(record_id="{:07d}", dates="ISO", sexes={"F": "Female", "M": "Male"}),
)

YOUTH_OFFENDING = Agency(
    name="youth_offending",
    reach=Reach(power=1.2, care=1.6, youngest=10),
    missing=Missing(middle=1.0, date=0.08, sex=0.01, address=0.13, postcode=0.20),
    names=NameErrors(
        familiar=0.14,
        spelling=0.12,
        slip=0.07,
        swapped=0.012,
        initial=0.008,
        half_dropped=0.4,
        former=0.4,
        middle_first=0.5,
        middle_initial=0.0,
    ),
    dates=DateErrors(swapped=0.010, digit=0.025, placeholder=0.008, partial=0.0),
    places=PlaceErrors(
        unaware_of_move=0.40, street_slip=0.12, town_slip=0.05, postcode_slip=0.05, abbreviated=0.6
    ),
    style=Style(
        record_id="YJ-{:07d}",
        dates="month name",
        sexes={"F": "F", "M": "M"},
        plain_letters=True,
        postcode="joined",
        flat_last=True,
    ),
)

HEALTH = Agency(
    name="health",
    reach=Reach(power=0.6, care=1.2, youngest=6),
    missing=Missing(middle=0.50, date=0.03, sex=0.02, address=0.05, postcode=0.07),
    names=NameErrors(
        familiar=0.04,
        spelling=0.10,
        slip=0.04,
        swapped=0.012,
        initial=0.004,
        half_dropped=0.2,
        former=0.45,
        middle_first=0.3,
        middle_initial=0.2,
    ),
    dates=DateErrors(swapped=0.008, digit=0.015, placeholder=0.006, partial=0.0),
    places=PlaceErrors(
        unaware_of_move=0.35, street_slip=0.07, town_slip=0.03, postcode_slip=0.03, abbreviated=0.3
    ),
    style=Style(
        record_id="H{:07d}",
        dates="ISO",
        sexes={"F": "2", "M": "1"},
        postcode="lower case",
    ),
)

EDUCATION = Agency(
    name="education",
    reach=Reach(power=0.5, care=1.0, youngest=6),
    missing=Missing(middle=0.35, date=0.015, sex=0.01, address=0.03, postcode=0.05),
    names=NameErrors(
        familiar=0.03,
        spelling=0.06,
        slip=0.03,
        swapped=0.006,
        initial=0.002,
        half_dropped=0.15,
        former=0.25,
        middle_first=0.35,
        middle_initial=0.1,
    ),
    dates=DateErrors(swapped=0.004, digit=0.010, placeholder=0.003, partial=0.0),
    places=PlaceErrors(
        unaware_of_move=0.20, street_slip=0.05, town_slip=0.02, postcode_slip=0.02, abbreviated=0.15
    ),
    style=Style(
        record_id="P{:07d}",
        dates="ISO",
        sexes={"F": "F", "M": "M"},
        byte_order_mark=True,
    ),
)

AGENCIES = (POLICE, SOCIAL_CARE, YOUTH_OFFENDING, HEALTH, EDUCATION)

# A charity that walks the streets and knows children who are in no police report. The scenario of
# two quarters has it; that of one has the five above.
CHARITY = Agency(
    name="charity",
    reach=Reach(power=1.5, care=1.5, youngest=10),
    missing=Missing(middle=0.90, date=0.12, sex=0.03, address=0.20, postcode=0.25),
    names=NameErrors(
        familiar=0.20,
        spelling=0.16,
        slip=0.05,
        swapped=0.008,
        initial=0.012,
        half_dropped=0.40,
        former=0.15,
        middle_first=0.70,
        middle_initial=0.1,
    ),
    dates=DateErrors(swapped=0.012, digit=0.020, placeholder=0.010, partial=0.020),
    places=PlaceErrors(
        unaware_of_move=0.25, street_slip=0.10, town_slip=0.04, postcode_slip=0.04, abbreviated=0.4
    ),
    style=Style(record_id="YP{:07d}", dates="day first", sexes={"F": "Girl", "M": "Boy"}),
)

SIX_AGENCIES = (*AGENCIES, CHARITY)
