import csv
import os
import re
import subprocess
import sys
import tomllib
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations, pairwise
from pathlib import Path
from random import Random
from typing import Any

import pytest

import examples.safeguarding
from examples.safeguarding import write_scenario
from examples.safeguarding.agencies import AGENCIES, Agency
from examples.safeguarding.column_maps import AGREED_FIELDS, HELD_BACK
from examples.safeguarding.errors import mishear, mistype, wrong_character, wrong_digit
from examples.safeguarding.families import Child, age_on_reference_date
from examples.safeguarding.names import load_cultures, load_variants
from examples.safeguarding.population import Person
from examples.safeguarding.recording import fold_accents
from examples.safeguarding.scenario import scenario_population

NAMES = [agency.name for agency in AGENCIES]
PACKAGE = Path(examples.safeguarding.__file__).parent
REPOSITORY = PACKAGE.parent.parent
SMALL = 400
POSTCODE = re.compile(r"Z[XWY]\d\d? \d[ABD-HJLNP-UW-Z]{2}")


@dataclass(frozen=True)
class Written:
    """A written scenario: for each agency its rows, by agreed field, with the entity."""

    folder: Path
    rows: dict[str, list[dict[str, str]]]
    people: dict[int, Person]


def column_map(agency: str) -> dict[str, Any]:
    columns = tomllib.loads((PACKAGE / "columns" / f"{agency}.toml").read_text(encoding="utf-8"))
    return columns | {"fields": columns["fields"] | HELD_BACK[agency]}


def table(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def scenario(tmp_path_factory: pytest.TempPathFactory) -> Written:
    folder = tmp_path_factory.mktemp("scenario")
    write_scenario(folder, seed=3, records_per_agency=SMALL)
    truth = {
        (row["agency"], row["record_id"]): row["entity_id"] for row in table(folder / "truth.csv")
    }
    rows: dict[str, list[dict[str, str]]] = {}
    for agency in NAMES:
        columns = column_map(agency)
        rows[agency] = [
            {field: row[heading] for field, heading in columns["fields"].items()}
            | {"entity_id": truth[agency, row[columns["record_id"]]]}
            for row in table(folder / f"{agency}.csv")
        ]
    people = scenario_population(seed=3, records_per_agency=SMALL)
    return Written(folder, rows, {person.entity_id: person for person in people})


@pytest.fixture(scope="module")
def population() -> tuple[Person, ...]:
    return scenario_population(seed=5, records_per_agency=2000)


def siblings(people: tuple[Person, ...]) -> list[tuple[Child, Child]]:
    families: defaultdict[int, list[Child]] = defaultdict(list)
    for person in people:
        families[person.child.household].append(person.child)
    return [pair for family in families.values() for pair in combinations(family, 2)]


def run_command(out: Path, hash_seed: str) -> None:
    options = [f"--out={out}", "--seed=3", "--records-per-agency=50"]
    subprocess.run(
        [sys.executable, "-m", "examples.safeguarding", *options],
        cwd=REPOSITORY,
        env=os.environ | {"PYTHONHASHSEED": hash_seed},
        check=True,
        capture_output=True,
    )


def test_a_seed_makes_the_same_bytes_under_any_hash_seed(tmp_path: Path) -> None:
    run_command(tmp_path / "a", "1")
    run_command(tmp_path / "b", "2")
    names = sorted(path.name for path in (tmp_path / "a").iterdir())
    assert names == sorted([*(f"{agency}.csv" for agency in NAMES), "truth.csv"])
    for name in names:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_another_seed_makes_other_files(tmp_path: Path, scenario: Written) -> None:
    write_scenario(tmp_path, seed=4, records_per_agency=SMALL)
    for agency in NAMES:
        name = f"{agency}.csv"
        assert (tmp_path / name).read_bytes() != (scenario.folder / name).read_bytes()


@pytest.mark.parametrize("agency", NAMES)
def test_headings_are_those_of_the_column_map(scenario: Written, agency: str) -> None:
    columns = column_map(agency)
    (headings, *_) = csv.reader((scenario.folder / f"{agency}.csv").open(encoding="utf-8-sig"))
    assert headings == [columns["record_id"], *columns["fields"].values()]
    assert sorted(columns["fields"].keys() - HELD_BACK[agency].keys()) == sorted(AGREED_FIELDS)


def test_every_record_has_one_id_one_truth_and_one_person(scenario: Written) -> None:
    truth = table(scenario.folder / "truth.csv")
    assert Counter(row["agency"] for row in truth) == dict.fromkeys(NAMES, SMALL)
    assert len({(row["agency"], row["record_id"]) for row in truth}) == len(truth)
    assert len({(row["agency"], row["entity_id"]) for row in truth}) == len(truth)
    for agency in NAMES:
        heading = column_map(agency)["record_id"]
        ids = [row[heading] for row in table(scenario.folder / f"{agency}.csv")]
        assert ids == [row["record_id"] for row in truth if row["agency"] == agency]


def test_neither_ids_nor_order_give_the_person_away(scenario: Written) -> None:
    truth = table(scenario.folder / "truth.csv")
    numbers = defaultdict(set)
    for row in truth:
        numbers[row["entity_id"]].add(row["record_id"][-7:])
    assert sum(map(len, numbers.values())) == len(truth)
    for agency in NAMES:
        entities = [int(row["entity_id"]) for row in truth if row["agency"] == agency]
        assert 0.4 < sum(a < b for a, b in pairwise(entities)) / len(entities) < 0.6


def test_some_children_are_known_to_all_and_some_to_one(scenario: Written) -> None:
    known = Counter(
        Counter(r["entity_id"] for rows in scenario.rows.values() for r in rows).values()
    )
    assert set(known) == {1, 2, 3, 4, 5}
    pairs = sum(count * agencies * (agencies - 1) // 2 for agencies, count in known.items())
    assert 3.7 < pairs / SMALL < 5.5


def test_ages_are_of_children(population: tuple[Person, ...]) -> None:
    ages = {age_on_reference_date(person.child) for person in population}
    assert ages == set(range(6, 18))


def test_siblings_are_born_at_least_ten_months_apart(population: tuple[Person, ...]) -> None:
    for one, other in siblings(population):
        gap = abs((one.born - other.born).days)
        assert gap >= 305 or (gap == 0 and one.twin and other.twin)
        assert one.given != other.given


def test_families_are_plausible(population: tuple[Person, ...]) -> None:
    pairs, births = siblings(population), {(p.child.household, p.child.born) for p in population}
    twin_births = {(p.child.household, p.child.born) for p in population if p.child.twin}
    same_surname = sum(one.surname == other.surname for one, other in pairs) / len(pairs)
    assert 0.02 < len(twin_births) / len(births) < 0.045
    assert 0.75 < same_surname < 0.95
    assert 0.03 < sum(person.child.half_sibling for person in population) / len(population) < 0.09


def test_lives_are_plausible(population: tuple[Person, ...]) -> None:
    def rate(holds: Callable[[Person], bool]) -> float:
        return sum(map(holds, population)) / len(population)

    assert 0.35 < rate(lambda person: len(set(person.homes)) > 1) < 0.6
    assert 0.03 < rate(lambda person: person.in_care) < 0.07
    assert 0.03 < rate(lambda person: person.alias is not None) < 0.07
    assert 0.03 < rate(lambda person: bool(person.former_surname)) < 0.09
    assert 0.03 < rate(lambda person: person.only_known_to is not None) < 0.09


def test_unrelated_children_share_a_home(population: tuple[Person, ...]) -> None:
    residents: defaultdict[object, set[int]] = defaultdict(set)
    for person in population:
        if person.homes[-1].building and person.homes[-1].flat is None:
            residents[person.homes[-1]].add(person.child.household)
    assert len(residents) > 10
    assert sum(map(len, residents.values())) / len(residents) > 3


def test_every_true_postcode_is_well_formed(population: tuple[Person, ...]) -> None:
    units = {home.postcode for person in population for home in person.homes}
    assert 150 < len(units) < 600
    assert all(POSTCODE.fullmatch(unit) for unit in units)


def test_written_postcodes_differ_from_true_ones_only_by_slips(scenario: Written) -> None:
    for agency in AGENCIES:
        known, strange = 0, 0
        for row in scenario.rows[agency.name]:
            homes = scenario.people[int(row["entity_id"])].homes
            true = {home.postcode.replace(" ", "") for home in homes}
            written = row["postcode"].replace(" ", "").upper()
            known += written in true
            strange += written not in true and written != ""
        assert strange / (known + strange) < 2.5 * agency.places.postcode_slip


@pytest.mark.parametrize("agency", AGENCIES, ids=NAMES)
def test_fields_are_missing_at_the_agencys_rates(scenario: Written, agency: Agency) -> None:
    rows, missing = scenario.rows[agency.name], agency.missing
    rates = {
        "date_of_birth": missing.date,
        "sex": missing.sex,
        "address": missing.address,
        "postcode": missing.postcode,
    }
    for field, rate in rates.items():
        empty = sum(not row[field] for row in rows) / SMALL
        assert abs(empty - rate) < 4 * (rate * (1 - rate) / SMALL) ** 0.5
    assert all(row["given_name"] and row["surname"] for row in rows)


def test_each_agency_writes_dates_its_own_way(scenario: Written) -> None:
    patterns = {
        "police": r"(\d\d|\?\?)/\d\d/\d{4}",
        "social_care": r"\d{4}-\d\d-\d\d",
        "youth_offending": r"\d\d-[A-Z][a-z]{2}-\d{4}",
        "health": r"\d{4}-\d\d-\d\d",
        "education": r"\d{4}-\d\d-\d\d",
    }
    for agency, pattern in patterns.items():
        dates = [row["date_of_birth"] for row in scenario.rows[agency] if row["date_of_birth"]]
        assert all(re.fullmatch(pattern, date) for date in dates)


def test_each_agency_writes_in_its_own_style(scenario: Written) -> None:
    assert all(row["surname"].isupper() for row in scenario.rows["police"])
    assert all(row["surname"].isascii() for row in scenario.rows["youth_offending"])
    assert any(not row["surname"].isascii() for row in scenario.rows["education"])
    assert all(" " not in row["postcode"] for row in scenario.rows["youth_offending"])
    assert all(row["postcode"] == row["postcode"].lower() for row in scenario.rows["health"])
    assert {row["sex"] for row in scenario.rows["health"]} == {"1", "2", ""}
    assert {row["sex"] for row in scenario.rows["social_care"]} == {"Female", "Male", ""}
    assert (scenario.folder / "education.csv").read_bytes().startswith(b"\xef\xbb\xbf")


def test_a_move_shows_as_another_address_at_another_agency(scenario: Written) -> None:
    postcodes = defaultdict(set)
    for rows in scenario.rows.values():
        for row in rows:
            if row["postcode"]:
                postcodes[row["entity_id"]].add(row["postcode"].replace(" ", "").upper())
    seen_twice = Counter(row["entity_id"] for rows in scenario.rows.values() for row in rows)
    several = [len(postcodes[entity]) > 1 for entity, count in seen_twice.items() if count > 1]
    assert 0.15 < sum(several) / len(several) < 0.5


def test_an_alias_stands_at_its_agency_alone(scenario: Written) -> None:
    borne: defaultdict[bool, list[bool]] = defaultdict(list)
    for agency, rows in scenario.rows.items():
        for row in rows:
            alias = scenario.people[int(row["entity_id"])].alias
            if alias is not None:
                written = fold_accents(f"{row['given_name']} {row['surname']}").upper()
                same = written == fold_accents(f"{alias.given} {alias.surname}").upper()
                borne[alias.agency == agency].append(same)
    assert len(borne[True]) >= 10
    assert sum(borne[True]) / len(borne[True]) > 0.5
    assert sum(borne[False]) / len(borne[False]) < 0.05


def test_names_are_many_and_variants_name_another_form() -> None:
    cultures, variants = load_cultures(), load_variants()
    assert sum(culture.share for culture in cultures) == pytest.approx(1)
    given = {name for c in cultures for names in c.given.values() for name in names.names}
    assert len(given) >= 600
    assert len({name for culture in cultures for name in culture.surnames.names}) >= 800
    for forms in (variants.familiar, variants.spellings, variants.surname_spellings):
        assert all(name not in others for name, others in forms.items())
    assert "Kate" in variants.familiar["Katherine"]
    assert "Mohammed" in variants.spellings["Muhammad"]


@pytest.mark.parametrize("damage", [mistype, mishear])
def test_a_slip_leaves_a_name_behind(damage: Callable[[Random, str], str]) -> None:
    rng = Random(1)
    for name in ["O'Connor", "Nguyễn", "Al-Hassan", "Şahin", "Bo", "A", "Vũ"] * 50:
        written = damage(rng, name)
        assert written.strip()
        assert abs(len(written) - len(name)) <= 2


def test_a_slip_of_digit_or_postcode_changes_one_place() -> None:
    rng = Random(1)
    for _ in range(200):
        date = wrong_digit(rng, "2011-03-14")
        assert sum(a != b for a, b in zip(date, "2011-03-14", strict=True)) == 1
        assert wrong_character(rng, "ZX4 7QP") != "ZX4 7QP"
