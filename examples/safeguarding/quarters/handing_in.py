"""What an agency hands in beside its extract: attributes, events and associations, as it has them.

It tells only of children whom it knows, and not of everything. Two agencies may tell of one event,
each with a place in its own words and now and then a day off.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from random import Random

from examples.safeguarding.agencies import SIX_AGENCIES, Agency
from examples.safeguarding.quarters.caseloads import Case, Caseload, Caseloads
from examples.safeguarding.quarters.children import Town
from examples.safeguarding.quarters.happenings import Association, Event, History
from examples.safeguarding.quarters.hotspots import written_place
from examples.safeguarding.quarters.periods import FIRST, SECOND, TOLD_OF, Quarter
from examples.safeguarding.recording import postcode_in_style

ATTRIBUTES = ("record_id", "sex", "date_of_birth", "home", "concern")
EVENTS = ("record_id", "event", "date", "kind", "place", "postcode")
ASSOCIATIONS = ("record_id", "other_record_id", "association", "date", "place", "postcode")
Row = Mapping[str, str]

# How often an agency that knows the child tells of what happened; a meeting by its kind.
TELLS: Mapping[str, Mapping[str, float]] = {
    "missing_episode": {"police": 0.85, "social_care": 0.55, "education": 0.1, "charity": 0.4},
    "referral": {"social_care": 0.95, "health": 0.3, "education": 0.35, "charity": 0.3},
    "disruption_measure": {"police": 0.9},
    "arrest": {"police": 1.0, "youth_offending": 0.7},
    "mase": {"social_care": 0.9, "health": 0.3, "charity": 0.2},
    "mace": {"youth_offending": 0.9, "police": 0.6},
    "missing_together": {"police": 0.8, "social_care": 0.5, "charity": 0.6},
    "same_placement": {"social_care": 0.95},
    "recruiter": {"police": 0.5, "charity": 0.7},
}
# Events whose place travels as a token, and those of which only the district does.
_PLACED, _OF_DISTRICT = frozenset({"missing_episode"}), frozenset({"disruption_measure", "arrest"})
_SEXES = {"F": "Female", "M": "Male"}
_OTHER_YEAR = 0.01
_A_DAY_OFF = 0.06
_CONCERN_RATES = {"police": 0.5, "social_care": 0.85, "youth_offending": 0.6, "charity": 0.7}
# In the second quarter the agreement's vocabulary of risk is a newer one, with one term more.
_CONCERN_FROM: Mapping[Quarter, tuple[tuple[str, float], ...]] = {
    FIRST: (("high", 0.62), ("medium", 0.45), ("standard", 0.0)),
    SECOND: (("high", 0.62), ("medium", 0.45), ("emerging", 0.38), ("standard", 0.0)),
}
_CONCERN_ERROR = 0.08


@dataclass(frozen=True)
class HandedIn:
    """One agency's rows of a quarter, by their own columns, and by what true event they tell of."""

    attributes: list[Row]
    events: list[tuple[int, Row]]
    associations: list[tuple[int, Row]]


def hand_in(
    town: Town, caseloads: Caseloads, history: History, quarter: Quarter, *, seed: int
) -> dict[str, HandedIn]:
    """Let every agency hand in at the end of a quarter."""
    return {
        agency.name: _Desk(agency, town, caseloads.in_quarter[quarter][agency.name], quarter, seed)
        .handed_in(history)
        for agency in SIX_AGENCIES
    }  # fmt: skip


@dataclass(frozen=True)
class _Desk:
    """Who fills in one agency's files for one quarter."""

    agency: Agency
    town: Town
    caseload: Caseload
    quarter: Quarter
    seed: int

    def handed_in(self, history: History) -> HandedIn:
        told = TOLD_OF[self.quarter]
        events = [
            (own.id, self._event(own))
            for own in history.events
            if own.quarter in told and own.entity in self.caseload and self._tells(own)
        ]
        associations = [
            (own.id, self._association(own))
            for own in history.associations
            if own.quarter in told
            and {own.entity, own.other} <= self.caseload.keys()
            and self._tells(own)
            and (own.association != "same_placement" or own.quarter == self.quarter)
        ]
        return HandedIn(list(self._attributes()), events, associations)

    def _tells(self, own: Event | Association) -> bool:
        if isinstance(own, Event):
            what = own.kind if own.event == "meeting" else own.event
        else:
            what = own.association
        return self._rng(own, "told").random() < TELLS[what].get(self.agency.name, 0.0)

    def _rng(self, own: Event | Association, what: str) -> Random:
        """Return what draws the same for the same event in every quarter's files."""
        return Random(f"{self.seed}/{self.agency.name}/{what}/{type(own).__name__}/{own.id}")

    def _event(self, own: Event) -> Row:
        rng = self._rng(own, "written")
        row = dict.fromkeys(EVENTS, "") | {
            "record_id": self.caseload[own.entity].record_id,
            "event": own.event,
            "kind": own.kind,
            "date": self._day(rng, own.day, own.quarter),
        }
        if own.place is None or own.event not in _PLACED | _OF_DISTRICT:
            return row
        row["place"], row["postcode"] = written_place(rng, self.agency, own.place)
        return row if own.event in _PLACED else row | {"place": ""}

    def _association(self, own: Association) -> Row:
        rng = self._rng(own, "written")
        row = dict.fromkeys(ASSOCIATIONS, "") | {
            "record_id": self.caseload[own.entity].record_id,
            "other_record_id": self.caseload[own.other].record_id,
            "association": own.association,
            "date": "" if own.day is None else self._day(rng, own.day, own.quarter),
        }
        if own.place is not None:
            row["place"], row["postcode"] = written_place(rng, self.agency, own.place)
        return row

    def _day(self, rng: Random, day: date, quarter: Quarter) -> str:
        """Write a day as the agency does, now and then the next, yet in its quarter."""
        if rng.random() < _A_DAY_OFF:
            day = min(day + timedelta(days=1), quarter.last)
        style = self.agency.style.dates
        written = {"day first": "%d/%m/%Y", "ISO": "%Y-%m-%d", "month name": "%d-%b-%Y"}[style]
        return day.strftime(written)

    def _attributes(self) -> Iterator[Row]:
        rng = Random(f"{self.seed}/{self.agency.name}/attributes/{self.quarter.name}")
        children = self.town.at(self.quarter)
        for entity, case in self.caseload.items():
            person = children[entity].person
            yield {
                "record_id": case.record_id,
                "sex": _SEXES[person.child.sex] if case.row["sex"] else "",
                "date_of_birth": self._born(rng, person.child.born, case),
                "home": self._home(case),
                "concern": self._concern(rng, person.vulnerability),
            }

    def _born(self, rng: Random, born: date, case: Case) -> str:
        if not case.row["date_of_birth"]:
            return ""
        wrong = rng.random() < _OTHER_YEAR
        return f"{born.year + rng.choice((-1, 1)) if wrong else born.year}-{born:%m}-01"

    def _home(self, case: Case) -> str:
        return postcode_in_style(self.agency, case.home.postcode) if case.row["postcode"] else ""

    def _concern(self, rng: Random, vulnerability: float) -> str:
        """Say how high the agency puts the risk, if it assesses it."""
        if rng.random() >= _CONCERN_RATES.get(self.agency.name, 0.0):
            return ""
        terms = _CONCERN_FROM[self.quarter]
        if rng.random() < _CONCERN_ERROR:
            return rng.choice(terms)[0]
        return next(term for term, least in terms if vulnerability >= least)
