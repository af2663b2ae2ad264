"""What is true of the two quarters, which life never tells, for tests and for whoever measures."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from examples.safeguarding.quarters.happenings import Association, Event
from examples.safeguarding.quarters.hotspots import Hotspot
from examples.safeguarding.quarters.periods import HANDED_IN
from examples.safeguarding.scenario import write_csv

if TYPE_CHECKING:
    from examples.safeguarding.quarters.writing import Scenario

BETWEEN = "+"
_PEOPLE = (
    "quarter", "entity_id", "agencies", "sex", "year_of_birth", "family_borough", "borough",
    "in_care", "moved", "crossed_border",
)  # fmt: skip
_PLACE = ("place", "district", "borough")
_TOLD = tuple(f"told_{quarter.name}" for quarter in HANDED_IN)
_EVENTS = ("id", "quarter", "entity_id", "event", "kind", "date", *_PLACE, "network", *_TOLD)
_ASSOCIATIONS = (
    "id", "quarter", "entity_id", "other_entity_id", "association", "date", *_PLACE, "network",
    *_TOLD,
)  # fmt: skip
_NETWORKS = ("network", "place", "entity_id", "role")


def write_truth(out: Path, scenario: Scenario) -> None:
    """Write ``truth_people.csv`` and the three others into a folder."""
    write_csv(out / "truth_people.csv", _PEOPLE, _people(scenario))
    events, associations = _told(scenario, "events"), _told(scenario, "associations")
    write_csv(
        out / "truth_events.csv",
        _EVENTS,
        (
            [
                own.id,
                own.quarter.name,
                own.entity,
                own.event,
                own.kind,
                *_where(own),
                *events[own.id],
            ]
            for own in scenario.history.events
        ),
    )
    write_csv(
        out / "truth_associations.csv",
        _ASSOCIATIONS,
        (
            [own.id, own.quarter.name, own.entity, own.other, own.association, *_where(own),
             *associations[own.id]]
            for own in scenario.history.associations
        ),
    )  # fmt: skip
    write_csv(out / "truth_networks.csv", _NETWORKS, _networks(scenario))


def _people(scenario: Scenario) -> Iterator[list[object]]:
    """Yield every child in every quarter, also those whom nobody knows."""
    for quarter in HANDED_IN:
        for entity, child in scenario.town.at(quarter).items():
            yield [
                quarter.name,
                entity,
                BETWEEN.join(scenario.caseloads.known_to(quarter, entity)),
                child.person.child.sex,
                child.person.child.born.year,
                child.family_borough,
                child.borough,
                int(child.person.in_care),
                int(child.moved_from is not None),
                int(child.crossed_in_quarter),
            ]


def _where(own: Event | Association) -> list[object]:
    """Return the date, the place and the network."""
    return [own.day.isoformat() if own.day else "", *_place(own.place), own.network]


def _place(place: Hotspot | None) -> list[str]:
    if place is None:
        return ["", "", ""]
    return [place.name, place.address.postcode.split(" ", 1)[0], place.borough]


def _told(scenario: Scenario, part: str) -> Mapping[int, list[str]]:
    """Return for each id which agencies told of it, at the end of each quarter."""
    told: dict[int, list[list[str]]] = defaultdict(lambda: [[] for _ in HANDED_IN])
    for at, quarter in enumerate(HANDED_IN):
        for agency, own in sorted(scenario.handed_in[quarter].items()):
            for number, _ in own.events if part == "events" else own.associations:
                told[number][at].append(agency)
    found = {number: [BETWEEN.join(own) for own in both] for number, both in told.items()}
    return defaultdict(lambda: [""] * len(HANDED_IN), found)


def _networks(scenario: Scenario) -> Iterator[list[object]]:
    for network in scenario.networks:
        for entity in network.members:
            role = "recruiter" if entity == network.recruiter else "member"
            yield [network.name, network.place.name, entity, role]
