"""Two quarters of six agencies, from extracts to the report, held against the truth.

The commands run in this process, with keystores that open quickly, and without the attack on each
encoding, which has tests of its own; the matcher serves over HTTP as in life.
"""

from __future__ import annotations

import csv
import json
import re
import subprocess
from collections import Counter, defaultdict
from functools import partial
from html.parser import HTMLParser
from itertools import combinations
from pathlib import Path

import networkx as nx
import pandas as pd
import pytest
from click.testing import CliRunner

import agency_client.leakage.guard
import examples.showing
from agency_client.cli import cli as client
from examples.safeguarding.column_maps import load_column_map
from examples.safeguarding.quarters.hotspots import borough_of, hotspots
from examples.safeguarding.quarters.periods import FIRST, HANDED_IN, SECOND
from examples.safeguarding.quarters.playing import Played, play
from examples.safeguarding.quarters.stage import AGENCIES, RECIPIENT
from hashing.risk.assess import Plan, assess
from matcher.cli import cli as matcher
from tests.agency_client.keystore.test_wrapping import CHEAP
from tests.end_to_end.quarter_folders import agencies_but, found_in, needles_of, rows_of
from tests.examples.notebooks import execute_notebook

RECORDS = 250
UNATTACKED = Plan(own=100, dense=(), pairs_to=0, rounds=1)
PSEUDONYM = re.compile(r"\b[0-9a-f]{32}\b")
COUNT = re.compile(r"[\d,]+")


def execute(
    program: str, arguments: list[str], *, shown: bool, forked: bool
) -> subprocess.CompletedProcess[str]:
    """Run a command in this process."""
    command = {"agency-client": client, "matcher": matcher}[program]
    found = CliRunner().invoke(command, arguments, obj=CHEAP)
    if found.exception is not None and not isinstance(found.exception, SystemExit):
        raise found.exception
    return subprocess.CompletedProcess(arguments, found.exit_code, found.stdout, found.stderr)


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Played:
    folder = tmp_path_factory.mktemp("quarters") / "out"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(examples.showing, "execute", execute)
        patch.setattr(agency_client.leakage.guard, "assess", partial(assess, plan=UNATTACKED))
        return play(folder, seed=1, records_per_agency=RECORDS, workers=1)


@pytest.fixture(scope="module")
def report(played: Played) -> dict:
    return json.loads(played.record.read_text(encoding="utf-8"))


def truth(played: Played, name: str) -> pd.DataFrame:
    return pd.read_csv(played.stage.files / f"truth_{name}.csv", keep_default_na=False)


def told(played: Played, name: str, quarter: str = SECOND.name) -> pd.DataFrame:
    """The true events, or associations, that somebody told of, in that quarter's files."""
    own = truth(played, name)
    return own[own[f"told_{SECOND.name}"].ne("") & own.quarter.eq(quarter)]


def known(played: Played) -> list[set[str]]:
    people = truth(played, "people")
    people = people[people.quarter.eq(SECOND.name) & people.agencies.ne("")]
    return [set(own.split("+")) for own in people.agencies]


def tables(report: dict) -> dict[str, list[list[str]]]:
    return {
        table["caption"]: table["rows"]
        for step in report["steps"]
        for item in step["items"]
        for table in item["tables"]
    }


@pytest.mark.parametrize("at", [0, 1])
def test_the_cohort_has_what_was_handed_in(played: Played, at: int):
    part = played.facts.parts[at]
    cohort = part.study.cohort
    handed = Counter()
    for agency, own in played.scenario.handed_in[part.quarter].items():
        handed.update((agency, row["event"], row["kind"] or None) for _, row in own.events)
        handed.update((agency, row["association"], "") for _, row in own.associations)
    found = Counter(zip(cohort.events.agency, cohort.events.event, cohort.events.kind, strict=True))
    found.update((own.agency, own.association, "") for own in cohort.associations.itertuples())
    assert found == handed
    assert len(cohort.memberships) == len(AGENCIES) * RECORDS


def test_two_cohorts_share_nobody_and_no_place(played: Played):
    first, second = (part.study.cohort for part in played.facts.parts)
    assert not set(first.people.person) & set(second.people.person)
    assert not set(first.events.place.dropna()) & set(second.events.place.dropna())


def test_the_newer_vocabulary_holds_from_the_second_quarter_on(played: Played):
    first, second = (part.study.cohort.memberships.concern for part in played.facts.parts)
    assert "emerging" not in set(first.dropna())
    assert "emerging" in set(second.dropna())


def test_the_linkage_is_as_good_as_it_says(played: Played):
    for part in played.facts.parts:
        true, estimated = part.measured["at_threshold"], part.measured["estimated"]
        assert true["f1"] > 0.93
        assert abs(true["precision"] - estimated["precision"]) < 0.05
        assert abs(true["recall"] - estimated["recall"]) < 0.05


def test_who_is_known_to_the_charity_alone_lies_in_the_interval(played: Played):
    study = played.facts.newest.study
    true = sum("charity" in own and "police" not in own for own in known(played))
    count = study.known_to_charity_alone().count
    assert count.low - 3 <= true <= count.high + 3
    events = told(played, "events")
    missing = events[events.event == "missing_episode"]
    by = {
        agency: set(missing[missing[f"told_{SECOND.name}"].str.contains(agency)].entity_id)
        for agency in ("charity", "police")
    }
    count = study.missing_unreported().count
    assert count.low - 3 <= len(by["charity"] - by["police"]) <= count.high + 3


def test_meetings_overlap_as_in_truth(played: Played):
    events = told(played, "events")
    mase, mace = (set(events[events.kind == kind].entity_id) for kind in ("mase", "mace"))
    true = {"mase": mase, "mace": mace, "both": mase & mace, "either": mase | mace}
    for own in played.facts.newest.study.meetings().itertuples():
        if own.people in true:
            assert own.low - 1 <= len(true[own.people]) <= own.high + 1, own.people


def test_episodes_fall_in_one_borough_and_rise_in_another(played: Played, report: dict):
    study = played.facts.newest.study
    change = study.change().set_index("area")
    for borough, quarter, column in (
        ("Harrowmere", FIRST, "before"), ("Harrowmere", SECOND, "now"),
        ("Saltingham", FIRST, "before"), ("Saltingham", SECOND, "now"),
    ):  # fmt: skip
        true = told(played, "events", quarter.name)
        count = (true.event.eq("missing_episode") & true.borough.eq(borough)).sum()
        # Two episodes of a child in a month, each told by another agency, count as one.
        assert 0.75 * count <= change.loc[borough, column] <= 1.1 * count + 1
    assert change.loc["Harrowmere", "high"] < 0 < change.loc["Saltingham", "low"]
    rows = dict(tables(report)[f"Missing episodes in {SECOND.name}, beside {FIRST.name}"])
    assert (rows["Harrowmere"], rows["Saltingham"]) == ("a fall", "a rise")


def test_measures_per_episode_are_fewer_across_the_border(played: Played):
    rates = played.facts.newest.study.measures().set_index(["area", "quarter"]).rate
    assert rates["Saltingham", SECOND.name] < rates["Harrowmere", FIRST.name]


def test_networks_are_those_of_the_truth(played: Played):
    graph = nx.Graph()
    associations = truth(played, "associations")
    own = associations[associations[f"told_{SECOND.name}"].ne("")]
    own = own[own.association == "missing_together"]
    graph.add_edges_from(zip(own.entity_id, own.other_entity_id, strict=True))
    true = sorted(map(len, nx.connected_components(graph)), reverse=True)
    found = played.facts.newest.study.networks().people.tolist()
    assert len(true) - 1 <= len(found) <= len(true) + 2
    assert abs(found[0] - true[0]) <= 2


def test_the_place_that_most_children_share_is_found(played: Played):
    events = told(played, "events")
    missing = events[events.event.eq("missing_episode") & events.place.ne("")]
    children = missing.groupby("place").entity_id.nunique()
    (top,) = played.facts.newest.study.places().head(1).itertuples()
    assert abs(top.people - children.max()) <= 2
    assert top.district == missing[missing.place == children.idxmax()].district.iloc[0]
    assert top.agencies >= 2


def test_moves_across_borders_are_those_that_agencies_tell_of(played: Played):
    entities = {
        (row["agency"], row["record_id"]): row["entity_id"]
        for row in rows_of(played.stage.files / SECOND.name / "truth.csv")
    }
    homes = defaultdict(set)
    for agency in AGENCIES:
        for row in rows_of(played.stage.files / SECOND.name / f"{agency}.attributes.csv"):
            if row["home"]:
                homes[entities[agency, row["record_id"]]].add(borough_of(row["home"].upper()))
    true = sum(len(list(combinations(own, 2))) for own in homes.values())
    found = played.facts.newest.study.moves().found.sum()
    assert 0.8 * true - 1 <= found <= 1.2 * true + 1


def test_those_named_to_the_hub_are_children_in_need(played: Played):
    """Each table is of one child, who went missing more than once; the links were sure."""
    folder = played.stage.place(RECIPIENT, SECOND) / "opened"
    named = sorted(folder.glob("*.csv"))
    assert len(named) == len(played.facts.disclosed.people) >= 3
    who = children_by_name(played)
    events = told(played, "events")
    often = Counter(events[events.event == "missing_episode"].entity_id)
    for path in named:
        header, *rows = csv.reader(path.read_text("utf-8-sig").splitlines())
        values = {row[0]: dict(zip(header, row, strict=False)) for row in rows}
        found = {
            who[agency, values["given_name"][column], values["surname"][column]]
            for column in header[2:]
            for agency in AGENCIES
            if (agency, values["given_name"][column], values["surname"][column]) in who
        }
        assert len(found) == 1, path.name
        assert often[found.pop()] >= 2


def children_by_name(played: Played) -> dict[tuple[str, str, str], int]:
    """Who is meant by a name at an agency, where it is one child's alone."""
    found: dict[tuple[str, str, str], int] = {}
    twice = set()
    entities = {
        (row["agency"], row["record_id"]): int(row["entity_id"])
        for row in rows_of(played.stage.files / SECOND.name / "truth.csv")
    }
    for agency in AGENCIES:
        columns = load_column_map(agency)
        for row in rows_of(played.stage.files / SECOND.name / f"{agency}.csv"):
            name = (agency, *(row[columns.fields[own]] for own in ("given_name", "surname")))
            twice |= {name} & found.keys()
            found[name] = entities[agency, row[columns.record_id]]
    return {name: entity for name, entity in found.items() if name not in twice}


def test_the_officer_verified_a_log_of_all_of_it(played: Played):
    verified = played.facts.verified
    assert verified["verified"]
    kinds = verified["bundle"]["summary"]["by_kind"]
    assert kinds["payload.committed"] == 2 * len(AGENCIES)
    assert kinds["cohort.pulled"] == 2
    assert kinds["disclosure.released"] >= 2


def test_the_report_answers_four_steps_with_measured_figures(played: Played, report: dict):
    titles = ["Data provision", "Data linkage", "Data analysis", "Reporting"]
    assert [step["title"] for step in report["steps"]] == titles
    assert all(
        item["sentences"] and all(item["sentences"]) for s in report["steps"] for item in s["items"]
    )
    assert "10.1093/pubmed/fdx037" in report["guidance"]
    own = tables(report)
    assert {row[1] for row in own["Records and populations"]} == {str(RECORDS)}
    measured = played.facts.newest.measured["at_threshold"]
    quality = {row[0]: row[1:] for row in own["Quality over all agencies"]}
    assert quality[f"{SECOND.name}, measured"][0].startswith(f"{100 * measured['precision']:.1f}%")
    assert quality[f"{SECOND.name}, measured"][1].startswith(f"{100 * measured['recall']:.1f}%")
    pairs = len(list(combinations(AGENCIES, 2)))
    assert len(own["Estimated quality by pair of agencies"]) <= pairs
    assert len(own["Attacks on the agencies' own encodings"]) == len(AGENCIES)


def test_no_small_count_and_nobody_is_in_the_report(played: Played, report: dict):
    page = played.report.read_text(encoding="utf-8")
    assert not PSEUDONYM.search(page)
    for caption in ("People by how many agencies know them", "Children discussed", "Children"):
        for row in tables(report)[caption]:
            for count in map(int, COUNT.findall(row[1].replace(",", ""))):
                assert count % 5 == 0, row
                assert count >= 10 or not count, row
    for place in (own.name for kind in hotspots().values() for own in kind):
        assert place not in page
    for agency in AGENCIES:
        for row in rows_of(played.stage.files / SECOND.name / f"{agency}.csv"):
            assert row[load_column_map(agency).record_id] not in page


def test_the_report_is_one_page_that_loads_nothing(played: Played, report: dict):
    class Page(HTMLParser):
        def __init__(self) -> None:
            super().__init__()
            self.tags: Counter[str] = Counter()
            self.links: list[str] = []

        def handle_starttag(self, tag, attributes):
            self.tags[tag] += 1
            self.links += [value for name, value in attributes if name in {"src", "href"}]

    page = Page()
    page.feed(played.report.read_text(encoding="utf-8"))
    assert not page.links
    assert not page.tags["script"]
    assert page.tags["table"] == len(
        [t for s in report["steps"] for i in s["items"] for t in i["tables"]]
    )
    assert page.tags["h2"] == 4


def test_the_matcher_holds_no_name_no_place_and_no_concern(played: Played):
    places = [own.name.lower().encode() for kind in hotspots().values() for own in kind]
    words = [b"missing_together", b"same_placement", b"emerging", b"saltingham-on-sea"]
    for path in sorted(played.stage.operator.folder.rglob("*")):
        if path.is_file() and path.suffix != ".toml":
            content = path.read_bytes().lower()
            assert not [own for own in places if own in content], path.name
            if not path.name.startswith("matcher.sqlite"):  # the agreement has its vocabulary
                assert not [own for own in words if own in content], path.name


# What of an agency's children lies with whom: nobody but the agency itself has more.
MAY_HOLD = {
    "matcher": {"record tokens"},
    "analyst": set(),
    "hub": set(),
    "officer": set(),
    "another agency": {"places"},
    "the agency": {"record ids", "record tokens", "postcodes", "places"},
}


def test_what_lies_with_whom_is_what_may_lie_there(played: Played):
    own = needles_of(played, "charity")
    desks = {name: played.stage.desks[name].folder for name in ("analyst", "hub", "officer")}
    found = {name: found_in(folder, own) for name, folder in desks.items()}
    found["matcher"] = found_in(played.stage.operator.folder, own)
    found["the agency"] = found_in(played.stage.desks["charity"].folder, own)
    found["the agency"] |= found_in(played.stage.files, own)
    others = [found_in(played.stage.desks[name].folder, own) for name in agencies_but("charity")]
    found["another agency"] = set().union(*others)
    assert all(held <= MAY_HOLD[party] for party, held in found.items()), found
    assert found["the agency"] == MAY_HOLD["the agency"]
    assert found["matcher"] == MAY_HOLD["matcher"]


def test_the_notebook_runs_on_the_last_quarter(played: Played, tmp_path: Path):
    areas = played.facts.newest.study.areas
    book = execute_notebook(played.facts.newest.study.folder, areas, tmp_path)
    assert all(cell["execution_count"] for cell in book.cells if cell["cell_type"] == "code")


def test_each_quarter_has_a_version_and_an_epoch(played: Played):
    told = [
        json.loads((part.study.folder / "cohort.json").read_text()) for part in played.facts.parts
    ]
    assert [(own["agreement"]["version"], own["agreement"]["epoch"]) for own in told] == [
        (1, 1),
        (2, 2),
    ]
    assert len(HANDED_IN) == len(told)
