"""Two analysts pull cohorts of what three agencies have linked, over HTTP, from files to files."""

from __future__ import annotations

import json
from collections import Counter

import pandas as pd
import pyarrow.parquet as pq
import pytest

from tests.agency_client.parties import Office
from tests.end_to_end import test_disclosures as disclosing
from tests.end_to_end.test_service import World, free_port, wait_for_run
from tests.end_to_end.test_trust import CANARIES

AGENCIES = ("police", "care", "health")
ANALYSTS = ("analyst", "second")
PARTIES = {
    **dict.fromkeys(AGENCIES, "agency"), **dict.fromkeys(ANALYSTS, "analyst"),
    "hub": "recipient", "officer": "dpo",
}  # fmt: skip
WHERE = {"police": "The Arches!, Canal St.", "care": "the arches - CANAL ST"}
TABLES = ("people", "memberships", "events", "associations", "coverage", "households")


def write_payload(world: World) -> None:
    """The police and social care have twenty missing episodes each; half are of the same people."""
    for number, (agency, place) in enumerate(WHERE.items()):
        ids = [f"idcanary-{agency}-{record}" for record in range(10, 30)]
        rows = [f"{own};Missing Episode;{14 + number}/08/2026;{place};E1 6AN" for own in ids]
        text = "record id;event;date;place;postcode\n" + "\n".join(rows) + "\n"
        (world.office.folder / f"{agency}-events.csv").write_bytes(text.encode("cp1252"))
    content = "record_id,concern\nidcanary-care-1,High risk\nidcanary-care-2,medium\n"
    (world.office.folder / "care-attributes.csv").write_text(content)
    (world.office.folder / "care-together.csv").write_text(
        "record_id,other_record_id,association,date,place\n"
        "idcanary-care-11,idcanary-care-12,missing_together,2026-08,The Arches Canal St\n"
    )


def push_payload(world: World, agency: str, *more: object) -> dict:
    encodings = world.file(agency).with_name("first.arrow")
    return world.client(
        agency, "push", encodings, "--agreement", world.file(agency),
        "--map", encodings.with_suffix(".map.parquet"),
        "--events", world.office.folder / f"{agency}-events.csv", *more,
    )  # fmt: skip


def pull(world: World, analyst: str) -> None:
    world.outputs[f"{analyst} cohort"] = world.client(
        analyst, "cohort", "pull", "--agreement", world.file(analyst),
        "--purpose", "missing-children", "--reference", "MACE 12",
        "--reason", "Quarterly profile of missing children.",
        "--out", world.office.folder / f"{analyst}.cohort",
    )  # fmt: skip


@pytest.fixture(scope="module")
def world(tmp_path_factory) -> World:
    folder = tmp_path_factory.mktemp("cohorts")
    found = World(Office(folder), folder / "matcher", {}, free_port())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(disclosing, "AGENCIES", AGENCIES)
        patch.setattr(disclosing, "PARTIES", PARTIES)
        disclosing.set_up(found, {name: disclosing.KNOWN[name] for name in AGENCIES})
        with found.serving():
            disclosing.link(found)
            wait_for_run(found, "run")
            give(found)
            for analyst in ANALYSTS:
                pull(found, analyst)
            listed(found)
            propose(found)
    return found


def give(world: World) -> None:
    """Have two agencies push payload for encodings that are committed already."""
    write_payload(world)
    together = ("--associations", world.office.folder / "care-together.csv")
    attributes = ("--attributes", world.office.folder / "care-attributes.csv")
    world.outputs["dry"] = push_payload(world, "care", *together, "--dry-run")
    world.outputs["care"] = push_payload(world, "care", *together, *attributes)
    world.outputs["again"] = push_payload(world, "care", *together, *attributes)
    push_payload(world, "police")


def listed(world: World) -> None:
    for party in (*ANALYSTS, "officer"):
        agreement = ("--agreement", world.file(party))
        world.outputs[f"{party} list"] = world.client(party, "cohort", "list", *agreement)
    world.outputs["log"] = world.client("officer", "log", "verify")


def propose(world: World) -> None:
    """Propose two people of the cohort whom several agencies know."""
    people = frames(world, "analyst")["people"]
    chosen = people[(people["agencies"] >= 2) & (people["probability"] > 0.95)].head(2)
    chosen[["person"]].to_csv(world.office.folder / "chosen.csv", index=False)
    world.outputs["proposal"] = world.client(
        "analyst", "disclosures", "propose", "--agreement", world.file("analyst"),
        "--cohort", world.office.folder / "analyst.cohort",
        "--people", world.office.folder / "chosen.csv", "--rule", "missing",
        "--purpose", "missing-children", "--reference", "MACE 12",
        "--necessity", "Missing several times in a month.", "--yes",
    )  # fmt: skip


def frames(world: World, analyst: str) -> dict[str, pd.DataFrame]:
    folder = world.office.folder / f"{analyst}.cohort"
    return {name: pq.read_table(folder / f"{name}.parquet").to_pandas() for name in TABLES}


def truth(world: World) -> Counter:
    """What is known of each cluster of the run: its members, and which of them were missing."""
    clusters = pq.read_table(world.office.folder / "run" / "clusters.parquet").to_pandas()
    missing = {f"idcanary-{agency}-{record}" for agency in WHERE for record in range(10, 30)}
    records = {}
    for agency in AGENCIES:
        own = pq.read_table(world.file(agency).with_name("first.map.parquet")).to_pydict()
        records |= dict(zip(own["record_token"], own["record_id"], strict=True))
    known = [
        (row.agency, round(row.probability, 12), records[row.record_token] in missing)
        for row in clusters.itertuples()
    ]
    told = pd.DataFrame({"cluster": clusters["cluster_id"], "known": known})
    return Counter(told.groupby("cluster")["known"].agg(lambda own: tuple(sorted(own))))


def pulled(found: dict[str, pd.DataFrame]) -> Counter:
    """The same as a cohort tells it."""
    missing = set(zip(found["events"]["person"], found["events"]["agency"], strict=True))
    rows = [
        (row.person, (row.agency, round(row.probability, 12), (row.person, row.agency) in missing))
        for row in found["memberships"].itertuples()
    ]
    told = pd.DataFrame(rows, columns=["person", "known"])
    return Counter(told.groupby("person")["known"].agg(lambda own: tuple(sorted(own))))


@pytest.mark.parametrize("analyst", ANALYSTS)
def test_a_cohort_has_the_people_of_the_run_with_their_events(world: World, analyst: str):
    found = frames(world, analyst)
    assert pulled(found) == truth(world)
    events = found["events"]
    assert Counter(events["agency"]) == {"police": 20, "care": 20}
    assert set(events["date"].astype(str)) == {"2026-08-01"}
    assert set(events["quarter"]) == {"2026Q3"}
    assert set(events["district"]) == {"E1"}
    assert (found["people"]["agencies"] > 1).sum() > 20
    assert sorted(found["people"]["concern"].dropna()) == ["high", "medium"]
    assert found["coverage"]["people"].sum() == len(found["people"])


def test_a_place_is_one_at_all_agencies_and_no_two_analysts_have_anything_that_joins(world: World):
    one, other = (frames(world, analyst) for analyst in ANALYSTS)
    assert one["events"]["place"].nunique() == 1
    assert set(one["events"]["place"]).isdisjoint(other["events"]["place"])
    assert set(one["people"]["person"]).isdisjoint(other["people"]["person"])
    assert len(one["associations"]) == 1
    assert set(one["associations"].loc[0, ["person", "other"]]) <= set(one["people"]["person"])


def test_payload_is_checked_before_it_is_sent_and_committed_once(world: World):
    assert world.outputs["dry"]["payload"]["counts"]["events"] == {"missing_episode": 20}
    assert [own["before"] for own in world.outputs["care"]["payload"]] == [False, False]
    assert [own["before"] for own in world.outputs["again"]["payload"]] == [True, True]


def test_who_pulled_what_is_told_to_whom_it_concerns(world: World):
    assert [own["analyst"] for own in world.outputs["second list"]] == ["second"]
    assert {own["analyst"] for own in world.outputs["officer list"]} == set(ANALYSTS)
    assert world.outputs["log"]["verified"]
    described = json.loads(
        (world.office.folder / "analyst.cohort" / "cohort.json").read_text(encoding="utf-8")
    )
    assert described["agencies"] == {
        "with_payload": ["care", "police"], "without_payload": ["health"]
    }  # fmt: skip
    assert described["id"] == world.outputs["analyst cohort"]["id"]


def test_people_of_a_cohort_are_proposed_by_other_pseudonyms(world: World):
    told = json.dumps(world.outputs["proposal"])
    people = set(frames(world, "analyst")["people"]["person"])
    assert world.outputs["proposal"]["state"] == "proposed"
    assert not any(person in told for person in people)


def test_nothing_in_a_cohort_names_anybody_or_a_record(world: World):
    tokens = set()
    for agency in AGENCIES:
        own = pq.read_table(world.file(agency).with_name("first.map.parquet"))
        tokens |= set(own["record_token"].to_pylist())
    for analyst in ANALYSTS:
        content = "".join(own.to_csv() for own in frames(world, analyst).values()).lower()
        for path in (world.office.folder / f"{analyst}.cohort").glob("*.*"):
            content += "" if path.suffix == ".parquet" else path.read_text().lower()
        assert not any(own in content for own in (*tokens, *CANARIES, "arches"))
