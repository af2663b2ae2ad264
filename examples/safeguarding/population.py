"""What has happened to the children: moves, care, new names, aliases, and who came to notice."""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from examples.safeguarding.families import (
    PROPHETS_NAMES,
    Child,
    age_on_reference_date,
    draw_culture,
    draw_family,
)
from examples.safeguarding.names import Culture, load_cultures
from examples.safeguarding.places import Address, Places, build_places

_MOVES = {0: 0.58, 1: 0.27, 2: 0.11, 3: 0.04}
_LIVES_WITH_OTHER_PARENT_RATE = 0.04
_CARE_RATE_OF_FAMILIES = 0.06
_CARE_RATE_IN_SUCH_FAMILIES = 0.8
_CHILDREN_HOME_SHARE = 0.35
_PLACED_TOGETHER_RATE = 0.4
_HOSTEL_RATE_FROM_SIXTEEN = 0.05
_CHILDREN_PER_HOME = 6
_FORMER_SURNAME_RATE = 0.07
_ALIAS_RATE = 0.05
_ALIAS_AGENCIES = {"police": 0.6, "youth_offending": 0.25, "social_care": 0.1, "health": 0.05}
_ONLY_ONE_AGENCY_RATE = 0.06
_CALLED_BY_MIDDLE_NAME_RATE = 0.03
_CALLED_BY_SECOND_NAME_RATE = 0.4  # of boys whose first name is the Prophet's


@dataclass(frozen=True)
class Alias:
    """Another name that one agency holds instead of the child's own."""

    agency: str
    given: str
    surname: str


@dataclass(frozen=True)
class Person:
    """A child and its life so far.

    ``homes`` runs from the oldest address to the newest. ``former_surname`` is empty where the
    surname has never changed. ``vulnerability`` lies between 0 and 1; ``only_known_to`` names the
    single agency that the child has come to, if there is just one.
    """

    entity_id: int
    child: Child
    homes: tuple[Address, ...]
    former_surname: str
    alias: Alias | None
    called_by_middle_name: bool
    in_care: bool
    vulnerability: float
    only_known_to: str | None


@dataclass(frozen=True)
class _Household:
    """What the children of one household share; ``placement`` is set if some are in care."""

    homes: tuple[Address, ...]
    placement: Address | None
    vulnerability: float


def build_population(rng: Random, *, size: int, agencies: Sequence[str]) -> tuple[Person, ...]:
    """Draw at least ``size`` children, in whole families."""
    cultures = load_cultures()
    families: list[list[Child]] = []
    children = 0
    while children < size:
        families.append(draw_family(rng, cultures, household=len(families)))
        children += len(families[-1])
    places = build_places(rng, households=len(families))
    lives = _Lives(rng, places, _children_homes(rng, places, children), cultures, agencies)
    return tuple(person for family in families for person in lives.of_family(family))


def _children_homes(rng: Random, places: Places, children: int) -> list[Address]:
    """Open enough homes and hostels for the children who will live in one."""
    share = _CARE_RATE_OF_FAMILIES * _CARE_RATE_IN_SUCH_FAMILIES * _CHILDREN_HOME_SHARE
    residents = children * (share + _HOSTEL_RATE_FROM_SIXTEEN * 2 / 12)
    return [places.children_home(rng) for _ in range(1 + round(residents / _CHILDREN_PER_HOME))]


@dataclass
class _Lives:
    """Draws what befalls each child; entity ids are numbers in order of drawing."""

    rng: Random
    places: Places
    homes: Sequence[Address]
    cultures: Sequence[Culture]
    agencies: Sequence[str]
    drawn: int = 0

    def of_family(self, family: Sequence[Child]) -> list[Person]:
        household = self._household()
        surname, former = family[0].surname, family[0].culture.surnames.draw(self.rng)
        renamed = {surname} if self._chance(_FORMER_SURNAME_RATE) else set()
        return [
            self._person(child, household, former if child.surname in renamed else "")
            for child in family
        ]

    def _household(self) -> _Household:
        moves = self.rng.choices(list(_MOVES), list(_MOVES.values()))[0]
        homes = tuple(self.places.dwelling(self.rng) for _ in range(moves + 1))
        in_care = self._chance(_CARE_RATE_OF_FAMILIES)
        placement = self.places.dwelling(self.rng) if in_care else None
        return _Household(homes, placement, self.rng.betavariate(1.6, 3.2))

    def _person(self, child: Child, household: _Household, former_surname: str) -> Person:
        self.drawn += 1
        in_care = household.placement is not None and self._chance(_CARE_RATE_IN_SUCH_FAMILIES)
        alone = self._chance(_ONLY_ONE_AGENCY_RATE)
        own = self.rng.betavariate(1.6, 3.2)
        return Person(
            entity_id=self.drawn,
            child=child,
            homes=self._homes_of(child, household, in_care=in_care),
            former_surname=former_surname,
            alias=self._alias(child),
            called_by_middle_name=self._called_by_middle_name(child),
            in_care=in_care,
            vulnerability=min(1.0, (household.vulnerability + own) / 2 + 0.4 * in_care),
            only_known_to=self.rng.choice(self.agencies) if alone else None,
        )

    def _homes_of(
        self, child: Child, household: _Household, *, in_care: bool
    ) -> tuple[Address, ...]:
        """Add to the household's addresses where this child alone was placed or went to live."""
        if in_care:
            return (*household.homes, self._placement(household))
        if age_on_reference_date(child) >= 16 and self._chance(_HOSTEL_RATE_FROM_SIXTEEN):
            return (*household.homes, self.rng.choice(self.homes))
        if self._chance(_LIVES_WITH_OTHER_PARENT_RATE):
            return (*household.homes, self.places.dwelling(self.rng))
        return household.homes

    def _placement(self, household: _Household) -> Address:
        if self._chance(_CHILDREN_HOME_SHARE):
            return self.rng.choice(self.homes)
        if household.placement is not None and self._chance(_PLACED_TOGETHER_RATE):
            return household.placement
        return self.places.dwelling(self.rng)

    def _alias(self, child: Child) -> Alias | None:
        """Give some children a false given name, surname or both at one agency."""
        if not self._chance(_ALIAS_RATE):
            return None
        agency = self.rng.choices(list(_ALIAS_AGENCIES), list(_ALIAS_AGENCIES.values()))[0]
        kind = self.rng.choices(("given", "surname", "both"), (50, 38, 12))[0]
        given = child.culture.given[child.sex].draw(self.rng) if kind != "surname" else child.given
        other = draw_culture(self.rng, self.cultures) if self._chance(0.2) else child.culture
        surname = other.surnames.draw(self.rng) if kind != "given" else child.surname
        return Alias(agency, given, surname)

    def _called_by_middle_name(self, child: Child) -> bool:
        of_prophet = child.given in PROPHETS_NAMES
        rate = _CALLED_BY_SECOND_NAME_RATE if of_prophet else _CALLED_BY_MIDDLE_NAME_RATE
        return bool(child.middle) and self._chance(rate)

    def _chance(self, rate: float) -> bool:
        return self.rng.random() < rate
