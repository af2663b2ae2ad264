"""Write the five agencies' extracts and the truth about them.

Every random choice comes from generators named by the seed and the agency, so that a seed always
makes the same files.
"""

import csv
import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from random import Random

from examples.safeguarding.agencies import AGENCIES, Agency
from examples.safeguarding.column_maps import load_column_map
from examples.safeguarding.families import age_on_reference_date
from examples.safeguarding.names import Variants, load_variants
from examples.safeguarding.population import Person, build_population
from examples.safeguarding.recording import record

CHILDREN_PER_RECORD = 2.4
_OUTSIDE_USUAL_AGES = 0.03
_KNOWN_TO_ANOTHER_ALONE = 0.01


def write_scenario(out: Path, *, seed: int, records_per_agency: int = 4000) -> None:
    """Write ``<agency>.csv`` for each agency and ``truth.csv`` into the folder ``out``."""
    out.mkdir(parents=True, exist_ok=True)
    people = scenario_population(seed=seed, records_per_agency=records_per_agency)
    variants = load_variants()
    truth: list[tuple[str, str, int]] = []
    for agency in AGENCIES:
        rng = Random(f"{seed}/{agency.name}")
        known = sample(rng, agency, people, records_per_agency)
        ids = record_ids(rng, agency, len(known))
        write_extract(out, agency, ids, _extract(rng, agency, known, variants))
        truth.extend(
            (agency.name, record_id, person.entity_id)
            for record_id, person in zip(ids, known, strict=True)
        )
    write_csv(out / "truth.csv", ["agency", "record_id", "entity_id"], truth)


def scenario_population(*, seed: int, records_per_agency: int) -> tuple[Person, ...]:
    """Build the children of whom the agencies know some."""
    return build_population(
        Random(f"{seed}/population"),
        size=math.ceil(CHILDREN_PER_RECORD * records_per_agency),
        agencies=[agency.name for agency in AGENCIES],
    )


def sample(rng: Random, agency: Agency, people: Sequence[Person], size: int) -> list[Person]:
    """Draw the children known to an agency, without replacement, by weight.

    The least of exponential variables with the weights as rates: Efraimidis and Spirakis,
    Weighted random sampling with a reservoir, 2006.
    """
    keys = [-math.log(1 - rng.random()) / _weight(agency, person) for person in people]
    order = sorted(range(len(people)), key=keys.__getitem__)[:size]
    rng.shuffle(order)
    return [people[position] for position in order]


def _weight(agency: Agency, person: Person) -> float:
    reach = agency.reach
    weight = math.pow(person.vulnerability, reach.power) * (reach.care if person.in_care else 1.0)
    if age_on_reference_date(person.child) < reach.youngest:
        weight *= _OUTSIDE_USUAL_AGES
    if person.only_known_to == agency.name:
        return weight * 3
    return weight * (_KNOWN_TO_ANOTHER_ALONE if person.only_known_to else 1.0)


def record_ids(rng: Random, agency: Agency, count: int) -> list[str]:
    """Draw different record ids in the agency's style."""
    numbers = rng.sample(range(1_000_000, 10_000_000), count)
    return [agency.style.record_id.format(number) for number in numbers]


def _extract(
    rng: Random, agency: Agency, known: Iterable[Person], variants: Variants
) -> list[dict[str, str]]:
    return [record(rng, agency, person, variants) for person in known]


def write_extract(
    out: Path, agency: Agency, ids: Sequence[str], rows: Sequence[dict[str, str]]
) -> None:
    """Write ``<agency>.csv`` with the agency's own headings."""
    columns = load_column_map(agency.name)
    table = (
        [record_id, *(row[field] for field in columns.fields)]
        for record_id, row in zip(ids, rows, strict=True)
    )
    encoding = "utf-8-sig" if agency.style.byte_order_mark else "utf-8"
    write_csv(out / f"{agency.name}.csv", columns.headings, table, encoding=encoding)


def write_csv(
    path: Path, headings: Sequence[str], rows: Iterable[Sequence[object]], encoding: str = "utf-8"
) -> None:
    """Write a CSV file with a heading row."""
    with path.open("w", encoding=encoding, newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(headings)
        writer.writerows(rows)
