"""Whom each agency knows in each quarter, and how it has written them down.

From one quarter to the next a record keeps its id and its slips. Some children are gone, others are
new, and an address changes where the agency has heard of the move.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from random import Random

from examples.safeguarding.agencies import SIX_AGENCIES, Agency
from examples.safeguarding.names import Variants, load_variants
from examples.safeguarding.places import Address
from examples.safeguarding.quarters.children import Child, Town
from examples.safeguarding.quarters.periods import FIRST, SECOND, Quarter
from examples.safeguarding.recording import record
from examples.safeguarding.scenario import record_ids, sample

_GONE = 0.05
_GONE_AT_EIGHTEEN = 0.7
_ADDRESS = ("address", "town", "postcode")


@dataclass(frozen=True)
class Case:
    """A child as one agency has it: its record, and the address where it believes the child is."""

    record_id: str
    row: Mapping[str, str]
    home: Address


Caseload = Mapping[int, Case]
"""An agency's cases by entity id, in the order of its file."""


@dataclass(frozen=True)
class Caseloads:
    """Every agency's caseload in both quarters."""

    in_quarter: Mapping[Quarter, Mapping[str, Caseload]]

    def known_to(self, quarter: Quarter, entity: int) -> list[str]:
        """Return the agencies that know a child, in alphabetical order."""
        return sorted(name for name, own in self.in_quarter[quarter].items() if entity in own)


def build_caseloads(town: Town, *, seed: int, records_per_agency: int) -> Caseloads:
    """Draw whom each agency knows."""
    first, second = {}, {}
    for agency in SIX_AGENCIES:
        office = _Office(agency, town, load_variants(), seed, records_per_agency)
        first[agency.name] = office.first()
        second[agency.name] = office.second(first[agency.name])
    return Caseloads({FIRST: first, SECOND: second})


@dataclass(frozen=True)
class _Office:
    """One agency at its files."""

    agency: Agency
    town: Town
    variants: Variants
    seed: int
    size: int

    def first(self) -> Caseload:
        rng = Random(f"{self.seed}/{self.agency.name}/{FIRST.name}")
        return self._opened(rng, list(self.town.at(FIRST).values()), self.size, frozenset())

    def second(self, before: Caseload) -> Caseload:
        """Close some cases, open as many, and write down the moves that have become known."""
        rng = Random(f"{self.seed}/{self.agency.name}/{SECOND.name}")
        children = self.town.at(SECOND)
        kept = {
            entity: self._kept(rng, children[entity], case)
            for entity, case in before.items()
            if not self._is_gone(rng, children[entity])
        }
        unknown = [child for entity, child in children.items() if entity not in before]
        taken = frozenset(case.record_id for case in before.values())
        opened = self._opened(rng, unknown, self.size - len(kept), taken)
        merged = list({**kept, **opened}.items())
        rng.shuffle(merged)
        return dict(merged)

    def _opened(
        self, rng: Random, children: list[Child], count: int, taken: frozenset[str]
    ) -> Caseload:
        known = sample(rng, self.agency, [child.person for child in children], count)
        ids = record_ids(rng, self.agency, count + len(taken))
        free = [record_id for record_id in ids if record_id not in taken]
        cases = {}
        for record_id, person in zip(free, known, strict=False):
            home = self._heard_of(rng, person.homes)
            row = record(rng, self.agency, replace(person, homes=(home,)), self.variants)
            cases[person.entity_id] = Case(record_id, row, home)
        return cases

    def _heard_of(self, rng: Random, homes: tuple[Address, ...]) -> Address:
        """Go back from the newest address over every move that the agency hasn't heard of."""
        latest = len(homes) - 1
        while latest > 0 and rng.random() < self.agency.places.unaware_of_move:
            latest -= 1
        return homes[latest]

    def _kept(self, rng: Random, child: Child, case: Case) -> Case:
        unaware = rng.random() < self.agency.places.unaware_of_move
        if child.moved_from is None or unaware:
            return case
        there = replace(child.person, homes=(child.home,))
        row = record(rng, self.agency, there, self.variants)
        return Case(
            case.record_id, {**case.row, **{name: row[name] for name in _ADDRESS}}, child.home
        )

    def _is_gone(self, rng: Random, child: Child) -> bool:
        grown = child.age(SECOND.last) >= 18
        return rng.random() < (_GONE_AT_EIGHTEEN if grown else _GONE)
