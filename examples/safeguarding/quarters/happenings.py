"""What truly happens to the children: episodes, referrals, measures, arrests, meetings.

Rates grow with a child's vulnerability. From the first to the second quarter children of Harrowmere
go missing less, those of Saltingham more, beside what the networks do.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from itertools import combinations
from random import Random

from examples.safeguarding.quarters.children import Child, Town, shared_home
from examples.safeguarding.quarters.hotspots import Hotspot, hotspots
from examples.safeguarding.quarters.networks import Network
from examples.safeguarding.quarters.periods import BEFORE, FIRST, SECOND, Quarter

TREND = {("Harrowmere", SECOND): 0.65, ("Saltingham", SECOND): 1.8}
MEASURES = ("abduction_notice", "risk_order", "trafficking_order", "licensing", "visit")
_MEASURE_WEIGHTS = (40, 8, 4, 13, 35)
_AGES = range(11, 18)
_CALM = 0.4  # below this vulnerability next to nothing happens
_EPISODES = 7.0
_ARRESTS = 1.0
_REFERRALS = 2.0
_MEASURED = 0.15
_AT_HOTSPOT = 0.4
_FROM_SHARED_HOME = 0.6
_TOGETHER = 0.5
_MASE, _MACE = 0.35, 0.55


@dataclass(frozen=True)
class Event:
    """Something that happened to one child; ``kind`` is '' for a type without kinds."""

    id: int
    quarter: Quarter
    entity: int
    event: str
    kind: str
    day: date
    place: Hotspot | None = None
    network: str = ""


@dataclass(frozen=True)
class Association:
    """What joins two children. A recruiter is ``entity``, whom it drew in ``other``."""

    id: int
    quarter: Quarter
    entity: int
    other: int
    association: str
    day: date | None = None
    place: Hotspot | None = None
    network: str = ""


@dataclass(frozen=True)
class History:
    """Everything that happened in all quarters, numbered in order."""

    events: tuple[Event, ...]
    associations: tuple[Association, ...]


def draw_history(town: Town, networks: Sequence[Network], *, seed: int) -> History:
    """Let three quarters pass."""
    events: list[Event] = []
    associations: list[Association] = []
    for quarter in (BEFORE, FIRST, SECOND):
        passing = _Passing(Random(f"{seed}/happenings/{quarter.name}"), quarter, town.at(quarter))
        events.extend(passing.of_networks(networks))
        events.extend(passing.of_single_children())
        associations.extend(passing.together(events))
        associations.extend(passing.placed_together())
        associations.extend(passing.drawn_in(networks))
    return History(
        tuple(replace(own, id=number) for number, own in enumerate(events, start=1)),
        tuple(replace(own, id=number) for number, own in enumerate(associations, start=1)),
    )


@dataclass(frozen=True)
class _Passing:
    """One quarter, passing."""

    rng: Random
    quarter: Quarter
    children: Mapping[int, Child]

    def of_networks(self, networks: Sequence[Network]) -> Iterator[Event]:
        for network in networks:
            for _ in range(network.episodes.get(self.quarter, 0)):
                yield from self._joint_episode(network)

    def _joint_episode(self, network: Network) -> Iterator[Event]:
        day = self.quarter.day(self.rng)
        count = min(len(network.members), self.rng.randint(2, 4))
        for entity in sorted(self.rng.sample(network.members, count)):
            missing = self._event(entity, "missing_episode", day, network.place)
            yield replace(missing, network=network.name)
            if self._chance(network.measures):
                yield replace(self._measure(missing), network=network.name)

    def of_single_children(self) -> Iterator[Event]:
        for entity, child in self.children.items():
            if child.age(self.quarter.last) in _AGES:
                yield from self._of_one(entity, child)

    def _of_one(self, entity: int, child: Child) -> Iterator[Event]:
        danger = max(0.02, child.person.vulnerability - _CALM)
        trend = TREND.get((child.borough, self.quarter), 1.0)
        episodes = self._count(_EPISODES * danger**1.5 * trend)
        for _ in range(episodes):
            missing = self._event(entity, "missing_episode", None, self._found_at(child))
            yield missing
            if self._chance(_MEASURED):
                yield self._measure(missing)
        arrests = self._count(_ARRESTS * danger)
        for _ in range(arrests):
            shops = (*hotspots()["shop"], *hotspots()["station"])
            yield self._event(entity, "arrest", None, self.rng.choice(shops))
        for _ in range(self._count(_REFERRALS * danger)):
            yield self._event(entity, "referral", None, None)
        if episodes and self._chance(_MASE * min(episodes, 2)):
            yield replace(self._event(entity, "meeting", None, None), kind="mase")
        if (arrests or episodes > 1) and self._chance(_MACE):
            yield replace(self._event(entity, "meeting", None, None), kind="mace")

    def _event(self, entity: int, event: str, day: date | None, place: Hotspot | None) -> Event:
        return Event(0, self.quarter, entity, event, "", day or self.quarter.day(self.rng), place)

    def _found_at(self, child: Child) -> Hotspot | None:
        """Choose where a child went missing or was found: a home, a named place, or not known."""
        home = shared_home(child)
        if home is not None and self._chance(_FROM_SHARED_HOME):
            return home
        if not self._chance(_AT_HOTSPOT):
            return None
        near = [
            own
            for kind in ("station", "shop", "school", "hotel")
            for own in hotspots()[kind]
            if own.borough == child.borough
        ]
        return self.rng.choice(near)

    def _measure(self, missing: Event) -> Event:
        """Answer an episode by a measure within three weeks, yet in its quarter."""
        kind = self.rng.choices(MEASURES, _MEASURE_WEIGHTS)[0]
        day = missing.day + timedelta(days=self.rng.randint(1, 21))
        day = min(day, missing.quarter.last)
        return replace(missing, event="disruption_measure", kind=kind, day=day)

    def together(self, events: Sequence[Event]) -> Iterator[Association]:
        """Join those of a network who went missing on one day, to one place."""
        groups: dict[tuple[str, date], set[int]] = {}
        places: dict[str, Hotspot | None] = {}
        for own in events:
            if own.network and own.event == "missing_episode" and own.quarter == self.quarter:
                groups.setdefault((own.network, own.day), set()).add(own.entity)
                places[own.network] = own.place
        for (network, day), group in groups.items():
            for one, other in combinations(sorted(group), 2):
                joined = self._association(one, other, "missing_together")
                yield replace(joined, day=day, place=places[network], network=network)

    def placed_together(self) -> Iterator[Association]:
        homes: dict[str, list[int]] = {}
        for entity, child in self.children.items():
            home = shared_home(child)
            if home is not None:
                homes.setdefault(home.name, []).append(entity)
        by_name = {own.name: own for own in hotspots()["home"]}
        for name, residents in sorted(homes.items()):
            for one, other in combinations(sorted(residents), 2):
                joined = self._association(one, other, "same_placement")
                yield replace(joined, place=by_name[name])

    def drawn_in(self, networks: Sequence[Network]) -> Iterator[Association]:
        """Let somebody learn in a network's first quarter who drew whom in."""
        for network in networks:
            if min(network.episodes, key=lambda own: own.first) != self.quarter:
                continue
            for other in network.members[1:]:
                if self._chance(_TOGETHER):
                    joined = self._association(network.recruiter, other, "recruiter")
                    yield replace(joined, network=network.name)

    def _association(self, one: int, other: int, association: str) -> Association:
        return Association(0, self.quarter, one, other, association)

    def _chance(self, rate: float) -> bool:
        return self.rng.random() < rate

    def _count(self, mean: float) -> int:
        """Draw from a Poisson distribution: Knuth, The Art of Computer Programming, 3.4.1 Q."""
        product, count = self.rng.random(), 0
        while product > math.exp(-mean):
            product *= self.rng.random()
            count += 1
        return count
