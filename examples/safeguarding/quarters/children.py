"""The children of the two quarters, where they live in each, and who has been moved.

Children in care are placed in homes and elsewhere, a good part of them across a borough's border;
in the second quarter more are, and others move house.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from random import Random

from examples.safeguarding.agencies import SIX_AGENCIES
from examples.safeguarding.places import Address
from examples.safeguarding.population import Person, build_population
from examples.safeguarding.quarters.hotspots import Hotspot, borough_of, hotspots
from examples.safeguarding.quarters.periods import FIRST, SECOND, Quarter
from examples.safeguarding.scenario import CHILDREN_PER_RECORD

_PLACED_IN_HOME = 0.5
_PLACED_ACROSS = 0.45  # of those in a named home
_MOVES_IN_A_QUARTER = 0.05
_MOVES_IN_CARE = 0.25


@dataclass(frozen=True)
class Child:
    """One child as it truly is in one quarter; ``moved_from`` is where it lived a quarter ago."""

    person: Person
    moved_from: Address | None = None

    @property
    def home(self) -> Address:
        """Where the child lives."""
        return self.person.homes[-1]

    @property
    def borough(self) -> str:
        """The borough where it lives."""
        return borough_of(self.home.postcode)

    @property
    def family_borough(self) -> str:
        """The borough of its first home, which is answerable for it."""
        return borough_of(self.person.homes[0].postcode)

    @property
    def crossed_in_quarter(self) -> bool:
        """Whether it has moved into another borough since a quarter ago."""
        return self.moved_from is not None and borough_of(self.moved_from.postcode) != self.borough

    def age(self, day: date) -> int:
        """Count the whole years lived."""
        born = self.person.child.born
        return day.year - born.year - ((day.month, day.day) < (born.month, born.day))


@dataclass(frozen=True)
class Town:
    """All children by entity id, in both quarters."""

    in_quarter: Mapping[Quarter, Mapping[int, Child]]

    def at(self, quarter: Quarter) -> Mapping[int, Child]:
        """Return the children in a quarter; before the first all was as in it."""
        return self.in_quarter[quarter if quarter is SECOND else FIRST]


def build_town(*, seed: int, records_per_agency: int) -> Town:
    """Draw the children of whom the agencies know some."""
    people = build_population(
        Random(f"{seed}/population"),
        size=math.ceil(CHILDREN_PER_RECORD * records_per_agency),
        agencies=[agency.name for agency in SIX_AGENCIES],
    )
    rng = Random(f"{seed}/placements")
    first = {person.entity_id: Child(_placed(rng, person)) for person in people}
    dwellings = sorted({person.homes[0] for person in people}, key=repr)
    rng = Random(f"{seed}/moves")
    second = {entity: _a_quarter_on(rng, child, dwellings) for entity, child in first.items()}
    return Town({FIRST: first, SECOND: second})


def _placed(rng: Random, person: Person) -> Person:
    """Place half the children in care in a named home, many of them across the border."""
    if not person.in_care or rng.random() >= _PLACED_IN_HOME:
        return person
    return _moved(person, _children_home(rng, borough_of(person.homes[0].postcode)))


def _children_home(rng: Random, borough: str) -> Address:
    across = rng.random() < _PLACED_ACROSS
    homes = [own for own in hotspots()["home"] if (own.borough != borough) == across]
    return rng.choice(homes).address


def _a_quarter_on(rng: Random, child: Child, dwellings: Sequence[Address]) -> Child:
    """Let some children move, and most of those in care into a home."""
    person = child.person
    if rng.random() >= (_MOVES_IN_CARE if person.in_care else _MOVES_IN_A_QUARTER):
        return child
    to = _children_home(rng, child.family_borough) if person.in_care else rng.choice(dwellings)
    return child if to == child.home else Child(_moved(person, to), moved_from=child.home)


def _moved(person: Person, to: Address) -> Person:
    return replace(person, homes=(*person.homes, to))


def shared_home(child: Child) -> Hotspot | None:
    """Return the home in which unrelated children live with this one, if they do."""
    return next((own for own in hotspots()["home"] if own.address == child.home), None)
