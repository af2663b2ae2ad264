"""Write two quarters: six agencies' files in each, and the truth about all of it.

::

    2025Q1/police.csv  police.attributes.csv  police.events.csv  police.associations.csv  ...
    2025Q1/truth.csv         agency, record_id, entity_id
    2025Q2/...
    truth_people.csv         quarter, entity_id: who, where, known to whom
    truth_events.csv         everything that happened, and which agencies told of it in each quarter
    truth_associations.csv   likewise
    truth_networks.csv       who belongs to which network, around which place

A seed and a size always make the same files.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from examples.safeguarding.agencies import SIX_AGENCIES
from examples.safeguarding.quarters.caseloads import Caseloads, build_caseloads
from examples.safeguarding.quarters.children import Town, build_town
from examples.safeguarding.quarters.handing_in import (
    ASSOCIATIONS,
    ATTRIBUTES,
    EVENTS,
    HandedIn,
    Row,
    hand_in,
)
from examples.safeguarding.quarters.happenings import History, draw_history
from examples.safeguarding.quarters.networks import Network, draw_networks
from examples.safeguarding.quarters.periods import HANDED_IN, Quarter
from examples.safeguarding.quarters.truth import write_truth
from examples.safeguarding.scenario import write_csv, write_extract


@dataclass(frozen=True)
class Scenario:
    """All that is true, and all that was handed in, by quarter and agency."""

    town: Town
    caseloads: Caseloads
    networks: Sequence[Network]
    history: History
    handed_in: dict[Quarter, dict[str, HandedIn]]


def build_scenario(*, seed: int, records_per_agency: int) -> Scenario:
    """Draw the two quarters."""
    size = {"seed": seed, "records_per_agency": records_per_agency}
    town = build_town(**size)
    caseloads = build_caseloads(town, **size)
    networks = draw_networks(town, caseloads, **size)
    history = draw_history(town, networks, seed=seed)
    handed_in = {
        quarter: hand_in(town, caseloads, history, quarter, seed=seed) for quarter in HANDED_IN
    }
    return Scenario(town, caseloads, networks, history, handed_in)


def write_quarters(out: Path, *, seed: int, records_per_agency: int = 1000) -> Scenario:
    """Draw the two quarters and write them into the folder ``out``."""
    scenario = build_scenario(seed=seed, records_per_agency=records_per_agency)
    for quarter in HANDED_IN:
        _write_quarter(out / quarter.name, quarter, scenario)
    write_truth(out, scenario)
    return scenario


def _write_quarter(folder: Path, quarter: Quarter, scenario: Scenario) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    truth: list[tuple[str, str, int]] = []
    for agency in SIX_AGENCIES:
        caseload = scenario.caseloads.in_quarter[quarter][agency.name]
        rows = [dict(case.row) for case in caseload.values()]
        write_extract(folder, agency, [case.record_id for case in caseload.values()], rows)
        truth += [(agency.name, case.record_id, entity) for entity, case in caseload.items()]
        own, stem = scenario.handed_in[quarter][agency.name], folder / agency.name
        _write(stem, "attributes", ATTRIBUTES, own.attributes)
        _write(stem, "events", EVENTS, (row for _, row in own.events))
        _write(stem, "associations", ASSOCIATIONS, (row for _, row in own.associations))
    write_csv(folder / "truth.csv", ["agency", "record_id", "entity_id"], truth)


def _write(stem: Path, part: str, columns: Sequence[str], rows: Iterable[Row]) -> None:
    """Write one part of an agency's payload, if the agency has any of it."""
    table = [[row[name] for name in columns] for row in rows]
    if table:
        write_csv(stem.with_name(f"{stem.name}.{part}.csv"), columns, table)
