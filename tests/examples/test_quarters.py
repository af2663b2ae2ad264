"""The scenario of two quarters: what six agencies hand in, and that the truth tells all of it."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
from collections import Counter, defaultdict
from datetime import date, datetime
from pathlib import Path

import pandas as pd
import pytest

from examples.safeguarding.agencies import SIX_AGENCIES
from examples.safeguarding.column_maps import load_column_map
from examples.safeguarding.quarters import write_quarters
from examples.safeguarding.quarters.handing_in import TELLS
from examples.safeguarding.quarters.hotspots import boroughs, hotspots
from examples.safeguarding.quarters.periods import FIRST, HANDED_IN, SECOND, TOLD_OF
from examples.safeguarding.quarters.writing import Scenario

NAMES = [agency.name for agency in SIX_AGENCIES]
QUARTERS = [quarter.name for quarter in HANDED_IN]
REPOSITORY = Path(__file__).parents[2]
SMALL = 300
FORMATS = {"day first": "%d/%m/%Y", "ISO": "%Y-%m-%d", "month name": "%d-%b-%Y"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("quarters")


@pytest.fixture(scope="module")
def scenario(folder: Path) -> Scenario:
    return write_quarters(folder, seed=3, records_per_agency=SMALL)


@pytest.fixture(scope="module")
def written(folder: Path, scenario: Scenario) -> Path:
    return folder


def table(path: Path) -> list[dict[str, str]]:
    """Return the rows of a file; none where an agency has no such file, having nothing to tell."""
    if not path.exists():
        return []
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def truth(folder: Path, name: str) -> pd.DataFrame:
    return pd.read_csv(folder / f"truth_{name}.csv", keep_default_na=False)


def entities(folder: Path, quarter: str) -> dict[tuple[str, str], int]:
    rows = table(folder / quarter / "truth.csv")
    return {(row["agency"], row["record_id"]): int(row["entity_id"]) for row in rows}


def test_a_seed_makes_the_same_bytes_under_any_hash_seed(tmp_path: Path) -> None:
    made = []
    for hash_seed in ("1", "2"):
        out = tmp_path / hash_seed
        code = (
            "from pathlib import Path; from examples.safeguarding.quarters import write_quarters; "
            f"write_quarters(Path({str(out)!r}), seed=3, records_per_agency=60)"
        )
        environment = os.environ | {"PYTHONHASHSEED": hash_seed}
        subprocess.run(
            [sys.executable, "-c", code], cwd=REPOSITORY, env=environment, check=True, timeout=60
        )
        files = sorted(path for path in out.rglob("*") if path.is_file())
        made.append({str(path.relative_to(out)): path.read_bytes() for path in files})
    assert len(made[0]) > 2 * (2 * len(NAMES) + 1) + 4
    assert made[0] == made[1]


@pytest.mark.parametrize("quarter", QUARTERS)
def test_payload_is_of_records_in_the_extract(written: Path, quarter: str) -> None:
    for agency in NAMES:
        heading = load_column_map(agency).record_id
        ids = [row[heading] for row in table(written / quarter / f"{agency}.csv")]
        assert len(ids) == len(set(ids)) == SMALL
        stem = f"{written / quarter / agency}"
        assert [row["record_id"] for row in table(Path(f"{stem}.attributes.csv"))] == ids
        associations = table(Path(f"{stem}.associations.csv"))
        named = {row["record_id"] for row in table(Path(f"{stem}.events.csv"))}
        named |= {row[name] for row in associations for name in ("record_id", "other_record_id")}
        assert named <= set(ids)
        assert all(row["record_id"] != row["other_record_id"] for row in associations)


@pytest.mark.parametrize("quarter", HANDED_IN, ids=QUARTERS)
def test_what_was_told_is_what_the_truth_says(written: Path, quarter, scenario) -> None:
    events = truth(written, "events").set_index("id")
    who = entities(written, quarter.name)
    periods = TOLD_OF[quarter]
    for agency in SIX_AGENCIES:
        rows = table(written / quarter.name / f"{agency.name}.events.csv")
        told = scenario.handed_in[quarter][agency.name].events
        assert [dict(row) for _, row in told] == rows
        tellers = events[f"told_{quarter.name}"].str.split("+")
        expected = [number for number, names in tellers.items() if agency.name in names]
        assert sorted(expected) == sorted(number for number, _ in told)
        for number, row in told:
            true = events.loc[number]
            assert who[agency.name, row["record_id"]] == true.entity_id
            assert (row["event"], row["kind"]) == (true.event, true.kind)
            day = datetime.strptime(row["date"], FORMATS[agency.style.dates]).date()  # noqa: DTZ007
            assert (day - date.fromisoformat(true.date)).days in {0, 1}
            assert any(own.first <= day <= own.last for own in periods)


def test_a_place_is_told_only_where_it_may_travel(written: Path) -> None:
    for quarter in QUARTERS:
        for agency in NAMES:
            for row in table(written / quarter / f"{agency}.events.csv"):
                assert not row["place"] or row["event"] == "missing_episode"
                assert not row["postcode"] or row["event"] not in {"referral", "meeting"}
            for row in table(written / quarter / f"{agency}.associations.csv"):
                assert not (row["place"] or row["date"]) or row["association"] != "recruiter"


def test_the_same_event_is_told_alike_in_both_quarters(written: Path, scenario: Scenario) -> None:
    """What both files tell of the first quarter agrees, but for who has since come or gone."""
    kept = 0
    for agency in NAMES:
        first = dict(scenario.handed_in[FIRST][agency].events)
        second = dict(scenario.handed_in[SECOND][agency].events)
        both = first.keys() & second.keys()
        kept += len(both)
        assert all(first[number] == second[number] for number in both)
    assert kept > 50


def test_records_stay_go_and_come(written: Path) -> None:
    before, after = (entities(written, quarter) for quarter in QUARTERS)
    for agency in NAMES:
        first = {key: entity for key, entity in before.items() if key[0] == agency}
        second = {key: entity for key, entity in after.items() if key[0] == agency}
        stayed = first.keys() & second.keys()
        assert 0.8 * SMALL < len(stayed) < 0.99 * SMALL
        assert all(first[key] == second[key] for key in stayed)
        new = second.keys() - first.keys()
        assert not {second[key] for key in new} & set(first.values())


def test_children_move_and_some_across_a_border(written: Path) -> None:
    people = truth(written, "people")
    first, second = (people[people.quarter == quarter] for quarter in QUARTERS)
    assert first.moved.sum() == 0
    assert 0.02 < second.moved.mean() < 0.12
    assert 3 < second.crossed_border.sum() < second.moved.sum()
    in_care = second[second.in_care == 1]
    assert (in_care.borough != in_care.family_borough).mean() > 0.15
    assert set(people.borough) == set(boroughs().values())


def test_the_charity_knows_children_who_are_in_no_police_report(written: Path) -> None:
    people = truth(written, "people")
    known = [set(own.split("+")) for own in people.agencies if own]
    assert sum("charity" in own and "police" not in own for own in known) > 50
    assert known.count({"charity"}) > 5


def test_networks_meet_at_their_place(written: Path) -> None:
    networks, events = truth(written, "networks"), truth(written, "events")
    assert (
        networks.groupby("network").role.apply(lambda own: (own == "recruiter").sum()) == 1
    ).all()
    assert networks.entity_id.is_unique
    for name, group in networks.groupby("network"):
        episodes = events[(events.network == name) & (events.event == "missing_episode")]
        assert set(episodes.place) == set(group.place)
        assert set(episodes.entity_id) <= set(group.entity_id)
        assert len(episodes) >= 6
    associations = truth(written, "associations")
    joined = associations[associations.network != ""]
    members = {name: set(group.entity_id) for name, group in networks.groupby("network")}
    for row in joined.itertuples():
        assert {row.entity_id, row.other_entity_id} <= members[row.network]


def test_episodes_fall_in_one_borough_and_rise_in_another(written: Path) -> None:
    events = truth(written, "events")
    episodes = events[events.event == "missing_episode"].groupby(["borough", "quarter"]).size()
    assert episodes["Harrowmere", SECOND.name] < 0.8 * episodes["Harrowmere", FIRST.name]
    assert episodes["Saltingham", SECOND.name] > 2 * episodes["Saltingham", FIRST.name]


def test_agencies_write_one_place_in_several_ways(written: Path) -> None:
    texts = defaultdict(set)
    for agency in NAMES:
        for row in table(written / SECOND.name / f"{agency}.events.csv"):
            postcode = row["postcode"].replace(" ", "").upper()
            if postcode and row["place"]:
                texts[postcode].add(row["place"])
    assert max(map(len, texts.values())) >= 3
    known = {own.address.postcode.replace(" ", "") for kind in hotspots().values() for own in kind}
    assert texts.keys() <= known


def test_everything_that_happens_is_told_by_somebody_now_and_then(written: Path) -> None:
    told = Counter()
    for quarter in QUARTERS:
        for agency in NAMES:
            for part, name in (("events", "event"), ("associations", "association")):
                for row in table(written / quarter / f"{agency}.{part}.csv"):
                    told[agency, row.get("kind") if row[name] == "meeting" else row[name]] += 1
    expected = {(agency, what) for what, own in TELLS.items() for agency in own}
    assert {pair for pair in told if pair not in expected} == set()
    often = {
        (agency, what) for what, own in TELLS.items() for agency, rate in own.items() if rate > 0.5
    }
    assert often <= told.keys()
