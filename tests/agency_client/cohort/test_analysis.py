"""What analysts ask, on cohorts small enough to count by hand."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from agency_client.cohort import Cohort, open_cohort
from agency_client.cohort.analysis.moves import borough_of, move_counts
from agency_client.cohort.analysis.networks import edges, groups
from agency_client.cohort.analysis.pictures import network_picture
from linkage.errors import InputError
from tests.agency_client.cohort.simulated import write_small

JULY, AUGUST, APRIL = date(2026, 7, 1), date(2026, 8, 1), date(2026, 4, 1)


def event(person: str, agency: str, when: date = JULY, **more: Any) -> dict[str, Any]:
    quarter = f"2026Q{(when.month - 1) // 3 + 1}"
    own = {"person": person, "agency": agency, "event": "missing_episode", "date": when}
    return {**own, "quarter": quarter, **more}


def opened(tmp_path: Path, memberships: list[tuple[str, str, float]], **more: Any) -> Cohort:
    return open_cohort(write_small(tmp_path / "cohort", memberships, **more))


def test_an_episode_told_twice_in_a_month_counts_once(tmp_path: Path):
    told = [event("a", "police"), event("a", "police"), event("a", "health"),
            event("a", "health", AUGUST)]  # fmt: skip
    links = [("a", "police", 0.75), ("a", "health", 0.75)]
    (row,) = opened(tmp_path, links, events=told).most_concern().to_dict("records")
    assert (row["episodes"], row["reports"], row["agencies"], row["score"]) == (3, 4, 2, 6)
    # If the link is wrong, the person is whom health knows: two episodes.
    assert (row["low"], row["high"], row["probability"]) == (2, 3, 0.75)


def test_the_list_is_in_order_and_says_how_sure_a_place_is(tmp_path: Path):
    links = [("a", "police", 0.5), ("a", "health", 0.5), ("b", "police", 1.0), ("c", "police", 1.0)]
    told = [event("a", "police"), event("a", "police"),
            *[event("b", "police")] * 3, event("c", "police")]  # fmt: skip
    cohort = opened(tmp_path, links, events=told)
    listed = cohort.most_concern(1)
    assert listed[["rank", "person", "score"]].values.tolist() == [[1, "a", 4]]
    assert listed["in_list"][0] == pytest.approx(0.5, abs=0.06)
    assert cohort.most_concern(order="episodes")["person"].tolist() == ["b", "a", "c"]
    assert cohort.most_concern(quarter="2026Q3")["rank"].tolist() == [1, 2, 3]


def test_overlaps_of_sure_links_are_exact(tmp_path: Path):
    told = [event("a", "police", event="meeting", kind="mase"),
            event("a", "health", event="meeting", kind="mace"),
            event("b", "police", event="meeting", kind="mase"),
            event("c", "health", event="meeting", kind="mace"),
            event("c", "health", event="meeting", kind="mase")]  # fmt: skip
    links = [("a", "police", 1.0), ("a", "health", 1.0), ("b", "police", 1.0), ("c", "health", 1.0)]
    found = opened(tmp_path, links, events=told).overlap("mase", "mace").set_index("people")
    right = {"mase": 3, "mace": 2, "both": 2, "either": 3, "mase only": 1, "mace only": 0}
    for column in ("found", "expected", "low", "high"):
        assert found[column].to_dict() == right


def test_what_one_wrong_link_adds_to_two_counts_is_not_in_their_difference(tmp_path: Path):
    """Whoever is in both counts is in both by the same link, whoever else is in one of them."""
    either, sure = ([f"{name}{n:02}" for n in range(30)] for name in "ab")
    links = [(name, own, 0.5) for name in either for own in ("police", "health")]
    links += [(name, own, 1.0) for name in sure for own in ("police", "health")]
    told = [event(name, own, when) for name, own, _ in links for when in (APRIL, JULY)
            if when == JULY or name in either]  # fmt: skip
    meetings = [event(name, own, event="meeting", kind=kind) for name, own, _ in links
                for kind in ("mase", "mace") if kind == "mace" or name in either]  # fmt: skip
    cohort = opened(tmp_path, links, events=[*told, *meetings])
    (row,) = (
        cohort.changes("2026Q3", "2026Q2").query("event == 'missing_episode'").to_dict("records")
    )
    assert (row["low"], row["change"], row["high"]) == (30, 30, 30)
    found = cohort.overlap("mase", "mace").set_index("people")
    assert found.loc["mace only", ["low", "found", "high"]].tolist() == [30, 30, 30]
    assert found.loc["mace", "low"] < found.loc["mace", "high"]


def test_networks_have_each_pair_once_and_nobody_with_themselves(tmp_path: Path):
    links = [("a", "police", 0.9), ("a", "health", 0.9), ("b", "police", 1.0), ("c", "police", 1.0)]
    own = {"agency": "police", "association": "missing_together"}
    told = [
        {"person": "a", "other": "b", **own},
        {"person": "b", "other": "a", **own},
        {"person": "b", "other": "c", **own},
        {"person": "c", "other": "c", **own},
        {**own, "person": "a", "other": "b", "agency": "health", "association": "recruiter"},
    ]
    network = opened(tmp_path, links, associations=told).network()
    table = edges(network)
    assert table[["one", "two", "reports"]].values.tolist() == [["a", "b", 3], ["b", "c", 1]]
    assert table["associations"][0] == "missing_together, recruiter"
    (group,) = groups(network).to_dict("records")
    assert (group["people"], group["edges"], group["bridges"]) == (3, 2, 1)
    assert network.nodes["a"]["agencies"] == 2


def test_shared_places_count_people_and_whom_a_wrong_link_would_add(tmp_path: Path):
    links = [("a", "police", 0.6), ("a", "health", 0.6), ("b", "police", 1.0), ("c", "police", 1.0)]
    told = [event("a", "police", place="p", district="ZX1"), event("a", "health", place="p"),
            event("b", "police", place="p"), event("c", "police", place="q")]  # fmt: skip
    cohort = opened(tmp_path, links, events=told)
    (place,) = cohort.shared_places().to_dict("records")
    assert (place["place"], place["people"], place["agencies"], place["events"]) == ("p", 2, 2, 3)
    assert place["expected"] == pytest.approx(2.4)
    network = cohort.place_network()
    assert {frozenset(edge) for edge in network.edges} == {frozenset("ap"), frozenset("bp")}
    # Two told of the place, whoever of its people comes last.
    assert network.nodes["p"] == {"kind": "place", "agencies": 2}


def test_a_picture_is_the_same_each_time_and_its_table_has_what_it_leaves_out(whole: Cohort):
    network = whole.network()
    first = network_picture(network, "A <title>", most=10)
    assert first.svg == network_picture(network, "A <title>", most=10).svg
    assert "aren't drawn" in first.title
    assert len(first.table) == network.number_of_edges()
    assert "A &lt;title&gt;" in first._repr_html_()


def test_a_picture_can_be_kept_with_its_table(whole: Cohort, tmp_path: Path):
    whole.picture(whole.network(), "Together").save(tmp_path / "network.svg")
    assert (tmp_path / "network.svg").read_text().startswith("<svg")
    kept = pd.read_csv(tmp_path / "network.csv")
    assert len(kept) == whole.network().number_of_edges()


def test_moves_show_by_homes_and_by_events(tmp_path: Path):
    links = [("a", "police", 0.9), ("a", "health", 0.9), ("b", "police", 1.0)]
    homes = {("a", "police"): {"home": "ZX1"}, ("a", "health"): {"home": "ZW2"}}
    told = [event("b", "police", APRIL, district="ZX1"), event("b", "police", JULY, district="ZX2"),
            event("b", "police", AUGUST, district="ZW1"), event("b", "police", AUGUST)]  # fmt: skip
    cohort = opened(tmp_path, links, events=told, attributes=homes)
    rows = cohort.moves(home="home").to_dict("records")
    shown = [(own["person"], own["shown_by"], own["origin"], own["destination"]) for own in rows]
    assert shown == [("a", "homes", "ZW", "ZX"), ("b", "events", "ZX", "ZW")]
    assert [own["probability"] for own in rows] == pytest.approx([0.9, 1.0])
    assert move_counts(cohort.moves(home="home"))["found"].tolist() == [1, 1]
    one_borough = dict.fromkeys(("ZX1", "ZX2", "ZW1", "ZW2"), "Northam")
    assert cohort.moves(home="home", boroughs=one_borough).empty


def test_boroughs_are_postcode_areas_unless_said():
    districts = pd.Series(["SW1A", "e8", None, "?"])
    assert borough_of(districts, None).fillna("-").tolist() == ["SW", "E", "-", "-"]
    assert borough_of(districts, {"e8": "Hackney"}).fillna("-").tolist() == [
        "-",
        "Hackney",
        "-",
        "-",
    ]


def test_rates_by_area_and_quarter(tmp_path: Path):
    measure = {"event": "disruption_measure", "district": "ZX1"}
    told = [event("a", "police", district="ZX1"), event("a", "health", district="ZX1"),
            event("a", "police", AUGUST, district="ZX1"), event("a", "police", **measure),
            event("a", "police", APRIL, **measure), event("a", "police")]  # fmt: skip
    cohort = opened(tmp_path, [("a", "police", 0.5), ("a", "health", 0.5)], events=told)
    found = cohort.rates("disruption_measure", "missing_episode").set_index(["area", "quarter"])
    spring, summer = found.loc[("ZX", "2026Q2")], found.loc[("ZX", "2026Q3")]
    assert np.isnan(spring["rate"])
    assert np.isnan(spring["low"])
    assert (summer["measures"], summer["episodes"], summer["rate"]) == (1, 2, 0.5)
    assert (summer["low"], summer["high"]) == pytest.approx((1 / 3, 1 / 2))
    assert summer["expected"] == pytest.approx((1 / 3 + 1 / 2) / 2, abs=0.01)
    assert found.loc[("not known", "2026Q3"), "episodes"] == 1


def test_rates_and_changes_by_agency_are_what_each_tells(tmp_path: Path):
    told = [event("a", "police"), event("a", "police"), event("a", "health"),
            event("a", "health", event="disruption_measure")]  # fmt: skip
    cohort = opened(tmp_path, [("a", "police", 0.5), ("a", "health", 0.5)], events=told)
    rates = cohort.rates("disruption_measure", "missing_episode", by=("agency",))
    assert rates[["agency", "measures", "episodes", "high"]].values.tolist() == [
        ["health", 1, 1, 1.0],
        ["police", 0, 2, 0.0],
    ]
    with pytest.raises(InputError, match="No column of the cohort is borough"):
        cohort.changes("2026Q3", "2026Q3", by=("borough",))
    with pytest.raises(InputError, match="one or more"):
        cohort.changes("2026Q3", "2026Q3", by=())


def test_change_from_one_quarter_to_the_next(tmp_path: Path):
    told = [event("a", "police", APRIL), event("b", "police", APRIL), event("b", "police"),
            event("b", "police", AUGUST), event("c", "police")]  # fmt: skip
    cohort = opened(tmp_path, [(name, "police", 1.0) for name in "abc"], events=told)
    (row,) = cohort.changes("2026Q3", "2026Q2").to_dict("records")
    assert (row["before"], row["now"], row["change"], row["low"], row["high"]) == (2, 3, 1, 1, 1)
    assert row["expected"] == 1
    people = cohort.people_changed("2026Q3", "2026Q2", event="missing_episode")
    assert people[["person", "change", "state"]].values.tolist() == [
        ["b", 1, "still"], ["c", 1, "new"], ["a", -1, "no longer"],
    ]  # fmt: skip


def test_a_cohort_without_events_or_associations_answers_with_nothing(tmp_path: Path):
    cohort = opened(tmp_path, [("a", "police", 1.0), ("b", "health", 1.0)])
    assert cohort.most_concern().empty
    assert cohort.shared_places().empty
    assert cohort.moves(home="home").empty
    assert move_counts(cohort.moves(home="home")).empty
    assert len(cohort.network()) == 0
    assert edges(cohort.network()).empty
    assert groups(cohort.network()).empty
    assert cohort.changes("2026Q3", "2026Q2").empty
    assert cohort.absent(known_to="police", absent_from="health").found == 1
