"""Named places, and the boroughs in which they lie.

A borough is a postcode area. Agencies write a place each in their own way; what the standard form
of a place forgives (capitals, punctuation) differs nearly always, what it doesn't (a word left out,
no postcode) now and then.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from random import Random

from examples.safeguarding.agencies import Agency
from examples.safeguarding.places import Address
from examples.safeguarding.recording import postcode_in_style

_FILE = Path(__file__).with_name("hotspots.toml")
_SHORTENED = 0.05
_WITHOUT_POSTCODE = 0.05


@dataclass(frozen=True)
class Hotspot:
    """A place with a name; ``kind`` is hotel, home, station, school or shop."""

    kind: str
    name: str
    address: Address

    @property
    def borough(self) -> str:
        """The borough in which it lies."""
        return borough_of(self.address.postcode)


@cache
def hotspots() -> Mapping[str, tuple[Hotspot, ...]]:
    """Return all named places by kind."""
    found: dict[str, list[Hotspot]] = {}
    for own in tomllib.loads(_FILE.read_text(encoding="utf-8"))["place"]:
        address = Address(
            None, own["name"], own["number"], own["street"], own["town"], own["postcode"]
        )
        found.setdefault(own["kind"], []).append(Hotspot(own["kind"], own["name"], address))
    return {kind: tuple(places) for kind, places in found.items()}


def hotspot(name: str) -> Hotspot:
    """Return the place of a name."""
    return next(own for places in hotspots().values() for own in places if own.name == name)


@cache
def boroughs() -> Mapping[str, str]:
    """Return the name of each postcode area's borough."""
    found: dict[str, str] = tomllib.loads(_FILE.read_text(encoding="utf-8"))["boroughs"]
    return found


def borough_of(postcode: str) -> str:
    """Return the borough of a postcode or of its first half."""
    return boroughs()[postcode[:2]]


def written_place(rng: Random, agency: Agency, place: Hotspot) -> tuple[str, str]:
    """Write a place down as an agency does: its name, and its postcode or nothing."""
    name = place.name
    if rng.random() < _SHORTENED:
        name = name.rsplit(" ", 1)[0]
    if agency.style.upper_case:
        name = name.upper()
    elif rng.random() < 0.5:
        name = name.replace("'", "\u2019").replace(" ", "  ", 1)
    postcode = "" if rng.random() < _WITHOUT_POSTCODE else place.address.postcode
    return name, postcode_in_style(agency, postcode)
