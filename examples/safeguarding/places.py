"""Fictional towns, streets and postcodes, with dwellings clustered in postcode units.

The postcodes have the United Kingdom's form, in areas that do not exist.
"""

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

HOUSEHOLDS_PER_UNIT = 12
_LEAST_UNITS = 40
_INWARD_LETTERS = "ABDEFGHJLNPQRSTUWXYZ"  # Royal Mail uses no C I K M O V in the inward part
_BLOCK_OF_FLATS_RATE = 0.3
_DIVIDED_HOUSE_RATE = 0.08


@dataclass(frozen=True)
class Address:
    """One dwelling; the parts that it lacks are None."""

    flat: int | None
    building: str | None
    number: int
    street: str
    town: str
    postcode: str


@dataclass(frozen=True)
class Unit:
    """A postcode unit: one stretch of a street, or one block of flats (``building``)."""

    postcode: str
    street: str
    town: str
    first_number: int
    building: str | None


@dataclass(frozen=True)
class Places:
    """Everywhere that anybody lives."""

    units: tuple[Unit, ...]
    home_names: tuple[str, ...]

    def dwelling(self, rng: Random) -> Address:
        """Choose a house or flat for a household."""
        unit = rng.choice(self.units)
        if unit.building is not None:
            return _address(unit, flat=rng.randint(1, 48), number=unit.first_number)
        flat = rng.randint(1, 4) if rng.random() < _DIVIDED_HOUSE_RATE else None
        return _address(unit, flat=flat, number=unit.first_number + 2 * rng.randint(0, 20))

    def children_home(self, rng: Random) -> Address:
        """Choose a house for a home or hostel, where unrelated children share the address."""
        unit = rng.choice([unit for unit in self.units if unit.building is None])
        kind = rng.choice(("House", "Lodge", "Hostel"))
        return Address(
            flat=None,
            building=f"{rng.choice(self.home_names)} {kind}",
            number=unit.first_number + 2 * rng.randint(0, 20),
            street=unit.street,
            town=unit.town,
            postcode=unit.postcode,
        )


def build_places(rng: Random, *, households: int) -> Places:
    """Lay out enough postcode units for so many households."""
    plan = tomllib.loads(Path(__file__).with_name("places.toml").read_text(encoding="utf-8"))
    count = max(_LEAST_UNITS, households // HOUSEHOLDS_PER_UNIT)
    units: list[Unit] = []
    used: set[str] = set()
    for town in plan["towns"]:
        wanted = len(units) + max(2, round(count * town["share"]))
        while len(units) < wanted:
            units.extend(_street(rng, plan, town, used))
    return Places(tuple(units), tuple(plan["home_names"]))


def _street(rng: Random, plan: dict[str, Any], town: dict[str, Any], used: set[str]) -> list[Unit]:
    """Make a street of one to three units in one town; a unit may be a block of flats."""
    street = f"{rng.choice(plan['street_names'])} {rng.choice(plan['street_kinds'])}"
    outward = rng.choice(town["outward"])
    return [
        Unit(
            postcode=_fresh_postcode(rng, outward, used),
            street=street,
            town=town["name"],
            first_number=1 + 44 * position + rng.randint(0, 1),
            building=_block(rng, plan["block_names"]),
        )
        for position in range(rng.randint(1, 3))
    ]


def _block(rng: Random, names: Sequence[str]) -> str | None:
    if rng.random() >= _BLOCK_OF_FLATS_RATE:
        return None
    return f"{rng.choice(names)} {rng.choice(('House', 'House', 'Court', 'Point'))}"


def _fresh_postcode(rng: Random, outward: str, used: set[str]) -> str:
    while True:
        letters = rng.choice(_INWARD_LETTERS) + rng.choice(_INWARD_LETTERS)
        postcode = f"{outward} {rng.randint(0, 9)}{letters}"
        if postcode not in used:
            used.add(postcode)
            return postcode


def _address(unit: Unit, *, flat: int | None, number: int) -> Address:
    return Address(flat, unit.building, number, unit.street, unit.town, unit.postcode)
