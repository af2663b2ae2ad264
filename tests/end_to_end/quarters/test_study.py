"""The analyst's study of the second quarter, and who was named, against the truth."""

from __future__ import annotations

import csv
from collections import Counter, defaultdict
from itertools import combinations

import networkx as nx

from examples.safeguarding.quarters.hotspots import borough_of
from examples.safeguarding.quarters.periods import FIRST, SECOND
from examples.safeguarding.quarters.playing import Played
from examples.safeguarding.quarters.stage import AGENCIES, RECIPIENT
from tests.end_to_end.quarters.folders import rows_of
from tests.end_to_end.quarters.truth import children_by_name, known, told, truth


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


def test_episodes_fall_in_one_borough_and_rise_in_another(played: Played, tables: dict):
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
    rows = dict(tables[f"Missing episodes in {SECOND.name}, beside {FIRST.name}"])
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
