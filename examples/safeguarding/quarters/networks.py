"""Groups of children who go missing together from and to one place, and who draws them in.

One works in both quarters, one is broken up by measures in the first, and one begins across the
border in the second.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random

from examples.safeguarding.quarters.caseloads import Caseloads
from examples.safeguarding.quarters.children import Child, Town
from examples.safeguarding.quarters.hotspots import Hotspot, hotspot
from examples.safeguarding.quarters.periods import BEFORE, FIRST, SECOND, Quarter

STREET_AGENCIES = ("charity", "police", "social_care")
_YOUNGEST, _OLDEST = 12, 17


@dataclass(frozen=True)
class _Plan:
    """A network to be: ``measures`` is how often an episode is answered by one.

    ``per_thousand`` members for every thousand records of an agency, and ``least`` at least;
    ``off_record`` prefers children who are in no police report.
    """

    name: str
    place: str
    episodes: Mapping[Quarter, int]
    measures: float
    least: int
    per_thousand: float
    off_record: bool = False


_PLANS = (
    _Plan("harbour", "Harbour Lights Hotel", {BEFORE: 5, FIRST: 7, SECOND: 1}, 0.7, 9, 12),
    _Plan("ferry", "King's Arms Lodge", {BEFORE: 3, FIRST: 4, SECOND: 3}, 0.4, 5, 6),
    _Plan("seaview", "Seaview Guest House", {SECOND: 10}, 0.1, 9, 12),
    _Plan("arcade", "Pellbridge Arcade", {FIRST: 3, SECOND: 4}, 0.0, 5, 5, off_record=True),
)


@dataclass(frozen=True)
class Network:
    """A group around a place; its first member draws the others in.

    ``episodes`` counts, per quarter, the times when some of them go missing together.
    """

    name: str
    place: Hotspot
    members: tuple[int, ...]
    episodes: Mapping[Quarter, int]
    measures: float

    @property
    def recruiter(self) -> int:
        """The member who draws the others in."""
        return self.members[0]


def draw_networks(
    town: Town, caseloads: Caseloads, *, seed: int, records_per_agency: int
) -> list[Network]:
    """Draw networks of different children, each known to somebody on the street."""
    rng, taken, found = Random(f"{seed}/networks"), set[int](), []
    for plan in _PLANS:
        size = max(plan.least, round(plan.per_thousand * records_per_agency / 1000))
        quarter = min(plan.episodes, key=lambda own: own.first)
        open_to = [
            child
            for entity, child in town.at(quarter).items()
            if entity not in taken and _can_be_drawn_in(child, entity, caseloads, quarter)
        ]
        members = _draw(rng, plan, open_to, caseloads, size)
        taken |= set(members)
        growth = size / plan.least
        episodes = {own: round(count * growth) for own, count in plan.episodes.items()}
        found.append(Network(plan.name, hotspot(plan.place), members, episodes, plan.measures))
    return found


def _can_be_drawn_in(child: Child, entity: int, caseloads: Caseloads, quarter: Quarter) -> bool:
    known = caseloads.known_to(SECOND if quarter is SECOND else FIRST, entity)
    age = child.age(FIRST.first) >= _YOUNGEST and child.age(SECOND.last) <= _OLDEST
    return age and any(name in STREET_AGENCIES for name in known)


def _draw(
    rng: Random, plan: _Plan, children: Sequence[Child], caseloads: Caseloads, size: int
) -> tuple[int, ...]:
    """Draw by vulnerability, the oldest first."""

    def weight(child: Child) -> float:
        known = caseloads.known_to(SECOND, child.person.entity_id)
        hidden = "charity" in known and "police" not in known
        return child.person.vulnerability**2 * (20 if plan.off_record and hidden else 1)

    keys = {child.person.entity_id: rng.expovariate(weight(child)) for child in children}
    chosen = sorted(children, key=lambda child: keys[child.person.entity_id])[:size]
    chosen.sort(key=lambda child: (child.person.child.born, child.person.entity_id))
    return tuple(child.person.entity_id for child in chosen)
