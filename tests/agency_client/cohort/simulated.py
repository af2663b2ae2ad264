"""A simulated cohort's directory with its truth: six agencies, two quarters, imperfect links.

Every link has a probability and is right just as often; every match is found with the recall that
the cohort says, and the rest are people of their own. So what analysis makes of probabilities and
recall can be held against the truth.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import combinations, pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from pydantic import TypeAdapter

from agency_client.cohort.pulling.directory import write_cohort
from agency_client.cohort.tables import FORMAT, TABLES, schema_of
from linkage.protocol.sections.payload import Payload

AGENCIES = ("charity", "education", "health", "police", "social_care", "youth_offending")
RECALL = 0.9
DISTRICTS = ("ZX1", "ZX2", "ZW1", "ZW3", "ZY4")
BOROUGHS = {"ZX1": "Northam", "ZX2": "Northam", "ZW1": "Eastley", "ZW3": "Eastley", "ZY4": "Weston"}
MONTHS = [date(2026, month, 1) for month in range(4, 10)]
PAYLOAD = TypeAdapter(Payload).validate_json(
    json.dumps(
        {
            "attributes": {
                "home": {"type": "postcode", "coarsen": "outward_postcode"},
                "sex": {"type": "category", "vocabulary": "sex"},
            },
            "events": {
                "missing_episode": {"places": True, "place_tokens": True},
                "disruption_measure": {"places": True, "place_tokens": True},
                "meeting": {"vocabulary": "meeting", "places": True, "place_tokens": True},
                "arrest": {"places": True, "place_tokens": True},
            },
            "associations": {"missing_together": {"date": "month"}},
            "vocabularies": {
                "sex": {"version": "1", "terms": {"f": "female", "m": "male"}},
                "meeting": {"version": "1", "terms": {"mase": "MASE", "mace": "MACE"}},
            },
        }
    )
)
_KNOWN = np.array([0.35, 0.75, 0.6, 0.55, 0.5, 0.25])


@dataclass(frozen=True)
class Simulated:
    """The folder and the truth: ``entity`` of each (person, agency), by what it is known."""

    folder: Path
    entity: dict[tuple[str, str], int]
    events: list[dict[str, Any]]  # with "entity"

    def known(self, agency: str, event: str | None = None, **has: Any) -> set[int]:
        """Return the true people whom an agency knows, or has told such events of."""
        if event is None:
            return {entity for (_, own), entity in self.entity.items() if own == agency}
        return {
            own["entity"] for own in self.events
            if own["agency"] == agency and own["event"] == event
            and all(own[name] == value for name, value in has.items())
        }  # fmt: skip


def simulate(folder: Path, people: int = 600, seed: int = 1) -> Simulated:
    """Write a cohort's directory and return it with its truth."""
    random = np.random.default_rng(seed)
    records = _records(random, people)
    clusters = _linked(random, records)
    names = [f"{number:032x}" for number in random.permutation(len(clusters)) + 1]
    rows = [
        {"person": name, "agency": agency, "entity": entity, "probability": probability}
        for name, own in zip(names, clusters, strict=True)
        for agency, entity, probability in own
    ]
    homes = {entity: str(random.choice(DISTRICTS)) for entity in range(people)}
    for row in rows:
        moved = random.random() < 0.08
        row |= {
            "records": 1,
            "home": str(random.choice(DISTRICTS)) if moved else homes[row["entity"]],
            "sex": "fm"[row["entity"] % 2],
        }
    events = _events(random, rows, people)
    tables = {
        "people": _people(rows),
        "memberships": rows,
        "events": events,
        "associations": _associations(random, rows),
        "coverage": _coverage(rows),
        "households": [],
    }
    folder.parent.mkdir(parents=True, exist_ok=True)
    _write(folder, tables, seed)
    entity = {(row["person"], row["agency"]): row["entity"] for row in rows}
    return Simulated(folder, entity, events)


def write_small(
    folder: Path,
    memberships: list[tuple[str, str, float]],
    events: Sequence[Mapping[str, Any]] = (),
    associations: Sequence[Mapping[str, Any]] = (),
    attributes: Mapping[tuple[str, str], Mapping[str, str]] | None = None,
) -> Path:
    """Write a cohort of just these (person, agency, probability), events and associations."""
    given = attributes or {}
    rows = [
        {"person": person, "agency": agency, "probability": probability, "records": 1,
         "home": None, "sex": None, **given.get((person, agency), {})}
        for person, agency, probability in memberships
    ]  # fmt: skip
    empty = {"kind": None, "quarter": None, "district": None, "place": None, "date": None}
    tables = {
        "people": _people(rows), "memberships": rows, "coverage": _coverage(rows),
        "events": [{**empty, **own} for own in events], "households": [],
        "associations": [{"date": None, "place": None, **own} for own in associations],
    }  # fmt: skip
    _write(folder, tables, 1)
    return folder


def _records(random: np.random.Generator, people: int) -> list[list[str]]:
    """Return the agencies that know each true person."""
    concern = random.beta(1.2, 2.0, people)[:, None]
    known = random.random((people, len(AGENCIES))) < _KNOWN * (0.4 + concern)
    known[~known.any(axis=1), 1] = True
    return [[AGENCIES[j] for j in np.flatnonzero(row)] for row in known]


def _linked(
    random: np.random.Generator, records: list[list[str]]
) -> list[list[tuple[str, int, float]]]:
    """Link records as well as the probabilities and the recall say.

    A wrong link brings in a record of the agency that should have been by itself.
    """
    clusters: list[list[tuple[str, int, float]]] = []
    strays: dict[str, list[int]] = {agency: [] for agency in AGENCIES}
    for entity, agencies in enumerate(records):
        first, *others = random.permutation(agencies).tolist()
        own = [(first, entity, 1.0)]
        for agency in others:
            if random.random() < RECALL:
                own.append((agency, entity, -1.0))
            else:
                strays[agency].append(entity)
        clusters.append(own)
    return [_judged(random, own, strays) for own in clusters] + [
        [(agency, entity, 1.0)] for agency, own in strays.items() for entity in own
    ]


def _judged(
    random: np.random.Generator, own: list[tuple[str, int, float]], strays: dict[str, list[int]]
) -> list[tuple[str, int, float]]:
    """Give each link a probability, and put a wrong record in as often as it says."""
    judged = []
    for agency, entity, probability in own:
        chance = random.beta(20, 1) if probability < 0 else 1.0
        if random.random() > chance and strays[agency]:
            stray = strays[agency].pop(0)
            strays[agency].append(entity)
            judged.append((agency, stray, chance))
        else:
            judged.append((agency, entity, chance))
    if len(judged) > 1:
        best = max(chance for _, _, chance in judged[1:])
        judged[0] = (judged[0][0], judged[0][1], best)
    return sorted(judged)


def _events(
    random: np.random.Generator, rows: list[dict[str, Any]], people: int
) -> list[dict[str, Any]]:
    """Return what agencies tell of people; of one true episode several may tell."""
    told = {(row["entity"], row["agency"]): row["person"] for row in rows}
    often = random.gamma(0.5, 1.6, people)
    places = [f"{number:032x}" for number in random.integers(1, 2**60, 40)]
    events: list[dict[str, Any]] = []
    tellers = {
        "missing_episode": {"police": 0.6, "charity": 0.5, "social_care": 0.5},
        "disruption_measure": {"police": 0.8},
        "meeting": {"social_care": 0.9, "police": 0.7},
        "arrest": {"police": 0.9},
    }
    for entity in range(people):
        haunt = places[int(random.integers(len(places)))]
        district = str(random.choice(DISTRICTS))
        for event, rate in (("missing_episode", 1.0), ("disruption_measure", 0.3),
                            ("meeting", 0.5), ("arrest", 0.2)):  # fmt: skip
            for _ in range(random.poisson(often[entity] * rate)):
                own = {
                    "entity": entity, "event": event,
                    "kind": str(random.choice(("mase", "mace"))) if event == "meeting" else None,
                    "date": MONTHS[int(random.integers(len(MONTHS)))],
                    "district": None if random.random() < 0.05 else district,
                    "place": haunt if random.random() < 0.5 else None,
                }  # fmt: skip
                own["quarter"] = f"2026Q{(own['date'].month - 1) // 3 + 1}"
                for agency, chance in tellers[event].items():
                    if (entity, agency) in told and random.random() < chance:
                        events.append({**own, "agency": agency, "person": told[entity, agency]})
    return events


def _associations(random: np.random.Generator, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    police = [row["person"] for row in rows if row["agency"] == "police"]
    found = []
    for start in range(0, min(len(police), 90) - 4, 5):
        gang = police[start : start + 5]
        for one, other in pairwise(gang):
            own = {
                "person": one, "other": other, "agency": "police",
                "association": "missing_together", "date": MONTHS[3], "place": None,
            }  # fmt: skip
            found += [own] * int(random.integers(1, 4))
    return found


def _people(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    by_person: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        by_person.setdefault(row["person"], []).append(row)
    return [
        {
            "person": person, "agencies": len(own), "records": len(own),
            "probability": min(row["probability"] for row in own),
            **{name: own[0][name] if len({row[name] for row in own}) == 1 else None
               for name in ("home", "sex")},
        }
        for person, own in sorted(by_person.items())
    ]  # fmt: skip


def _coverage(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    by_person: dict[str, list[str]] = {}
    for row in rows:
        by_person.setdefault(row["person"], []).append(row["agency"])
    counts = Counter("+".join(sorted(own)) for own in by_person.values())
    return [
        {"agencies": own, "people": count, "expected": count, "low": count, "high": count}
        for own, count in sorted(counts.items())
    ]


def _recalls(rows: list[dict[str, Any]]) -> dict[tuple[str, str], float]:
    """Return the true recall of each pair of agencies: matches linked among all matches."""
    of: dict[tuple[str, int], str] = {(row["agency"], row["entity"]): row["person"] for row in rows}
    recalls = {}
    for one, other in combinations(AGENCIES, 2):
        both = [(of[one, entity], of[other, entity]) for agency, entity in of
                if agency == one and (other, entity) in of]  # fmt: skip
        recalls[one, other] = sum(a == b for a, b in both) / max(1, len(both))
    return recalls


def _write(folder: Path, tables: dict[str, list[dict[str, Any]]], seed: int) -> None:
    known = all("entity" in row for row in tables["memberships"])
    recalls = _recalls(tables["memberships"]) if known else {}
    facts = {
        "format": FORMAT, "id": f"{seed:032x}", "purpose": "missing-children",
        "reference": "MACE 12",
        "agreement": {"id": "simulated", "version": 1, "digest": "0" * 64, "epoch": 1},
        "round": 1, "run": "1", "analyst": "analyst", "reason": "A test.",
        "pulled": "2026-10-01T00:00:00Z", "log": {"size": 1, "leaf": 0},
        "agencies": {"with_payload": list(AGENCIES), "without_payload": []},
        "estimates": [
            {"agency_a": a, "agency_b": b, "precision": 0.95, "recall": recall,
             "counts_unseen": True,
             "intervals": {"precision": [0.94, 0.97], "recall": [recall - 0.03, recall + 0.03]}}
            for (a, b), recall in recalls.items()
        ],
        "outputs": {"least_cell": 10, "rounding": 5},
    }  # fmt: skip
    built = {name: pa.Table.from_pylist(tables[name], schema_of(name, PAYLOAD)) for name in TABLES}
    write_cohort(folder, built, facts, PAYLOAD)
