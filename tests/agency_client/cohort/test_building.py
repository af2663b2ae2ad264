"""A cohort's tables, held against the same made row by row."""

from __future__ import annotations

import csv
import json
from collections import defaultdict

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from agency_client.cohort.pulling.building import Parts, build_tables
from agency_client.cohort.pulling.checking import require_agreed_terms, require_same_people
from agency_client.cohort.pulling.directory import refuse_unusable_folder, write_cohort
from agency_client.cohort.release import units
from agency_client.cohort.tables import TABLES, schema_of, table_file
from agency_client.payload.columns import RECORD
from linkage.errors import InputError, VerificationError
from linkage.protocol.cohort.people_map import PeopleMap
from linkage.protocol.cohort.tables import PayloadTables
from linkage.protocol.sections.payload import RESERVED
from tests.agency_client.cohort.made_up import AGREEMENT, FACTS, MadeUp

PAYLOAD = AGREEMENT.payload


@pytest.fixture(scope="module", params=[0, 1])
def made(request):
    """A cohort; in the second one health has sent nothing, and people are few and well known."""
    found = MadeUp([200, 12][request.param], 150, seed=request.param, doubles=True)
    if request.param:
        del found.payloads["health"]
        table = found.map.records
        nobody = pa.scalar(None, pa.binary(16))
        health = pa.compute.equal(table["agency"], "health")
        person = pa.compute.if_else(health, nobody, table["person"])
        found.map = PeopleMap(table.set_column(2, "person", person), found.map.households)
    return found


@pytest.fixture(scope="module")
def built(made):
    return build_tables(Parts(made.map, made.payloads, PAYLOAD))


def rows(table):
    return sorted(map(repr, table.to_pylist()))


def alike(values):
    given = {own for own in values if own is not None}
    return given.pop() if len(given) == 1 else None


def by_person(made):
    """Who each person of a payload is, and what each agency says of whom."""
    named, known = {}, defaultdict(lambda: defaultdict(list))
    said = {
        (agency, row["person"]): row
        for agency, own in made.payloads.items()
        for row in own.people.to_pylist()
    }
    for row in made.map.records.to_pylist():
        name = row["pseudonym"].hex()
        named[row["agency"], row["person"]] = name
        given = said.get((row["agency"], row["person"]), {"born": None, "sex": None})
        known[name][row["agency"]].append((row["probability"], given["born"], given["sex"]))
    return named, known


def test_people_and_memberships_are_what_the_agencies_said_together(made, built):
    _, known = by_person(made)
    memberships = [
        {
            "person": name,
            "agency": agency,
            "probability": min(own[0] for own in records),
            "records": len(records),
            "born": alike(own[1] for own in records),
            "sex": alike(own[2] for own in records),
        }
        for name, agencies in known.items()
        for agency, records in agencies.items()
    ]
    assert rows(built["memberships"]) == sorted(map(repr, memberships))
    of = defaultdict(list)
    for row in memberships:
        of[row["person"]].append(row)
    people = [
        {
            "person": name,
            "agencies": len(own),
            "records": sum(row["records"] for row in own),
            "probability": min(row["probability"] for row in own),
            "born": alike(row["born"] for row in own),
            "sex": alike(row["sex"] for row in own),
        }
        for name, own in of.items()
    ]
    assert rows(built["people"]) == sorted(map(repr, people))


def test_events_and_associations_go_to_whom_they_are_about(made, built):
    named, _ = by_person(made)
    events, associations = [], []
    for agency, own in made.payloads.items():
        for row in own.events.to_pylist():
            place = row["place"] and row["place"].hex()
            quarter = f"{row['date'].year}Q{(row['date'].month + 2) // 3}"
            events.append({
                "person": named[agency, row["person"]], "agency": agency, "event": row["event"],
                "kind": row["kind"], "date": row["date"],
                "quarter": None if row["event"] == "review" else quarter,
                "district": row["district"], "place": place,
            })  # fmt: skip
        associations += [
            {
                "person": named[agency, row["person"]], "other": named[agency, row["other"]],
                "agency": agency, "association": row["association"], "date": row["date"],
                "place": row["place"].hex(),
            }
            for row in own.associations.to_pylist()
        ]  # fmt: skip
    assert rows(built["events"]) == sorted(map(repr, events))
    assert rows(built["associations"]) == sorted(map(repr, associations))
    assert [row["person"] for row in events] != built["events"]["person"].to_pylist()


def test_coverage_counts_everybody_once(built):
    coverage = built["coverage"].to_pandas()
    people = built["people"].to_pandas()
    assert coverage["people"].sum() == len(people)
    assert coverage["expected"].sum() == pytest.approx(people["probability"].sum())
    assert (coverage["low"] <= coverage["expected"] + 1).all()
    assert (coverage["high"] >= coverage["expected"] - 1).all()
    known = built["memberships"].to_pandas().groupby("person")["agency"]
    together = known.agg(lambda own: "+".join(sorted(own))).value_counts()
    assert dict(zip(coverage["agencies"], coverage["people"], strict=True)) == dict(together)


def test_every_table_has_its_schema_even_without_payload(made, built):
    bare = build_tables(Parts(without_persons(made.map), {}, PAYLOAD))
    for tables in (built, bare):
        assert tuple(tables) == TABLES
        for name, own in tables.items():
            assert own.schema == schema_of(name, PAYLOAD)
    assert bare["events"].num_rows == 0
    assert bare["people"].num_rows == built["people"].num_rows


def without_persons(own):
    nobody = pa.nulls(own.records.num_rows, pa.binary(16))
    return PeopleMap(own.records.set_column(2, "person", nobody), own.households)


def test_no_attribute_takes_the_place_of_a_column_beside_it():
    beside = {name for table in ("people", "memberships", "events") for name in
              schema_of(table, None).names}  # fmt: skip
    assert beside | {RECORD, "row", "column", *units._OF_EVENTS} <= RESERVED


def test_the_folder_is_written_in_one_step_and_never_over_another(built, tmp_path):
    folder = tmp_path / "cohort"
    write_cohort(folder, built, FACTS, PAYLOAD)
    assert sorted(path.name for path in folder.iterdir()) == sorted(
        [*map(table_file, TABLES), "cohort.json", "dictionary.csv", "overview.html"]
    )
    assert pq.read_table(folder / "events.parquet").equals(built["events"])
    described = json.loads((folder / "cohort.json").read_text())
    assert set(described["digests"]) == {table_file(name) for name in TABLES}
    dictionary = list(csv.DictReader((folder / "dictionary.csv").read_text().splitlines()))
    told = {(row["table"], row["column"]) for row in dictionary}
    assert told == {(name, own) for name in TABLES for own in built[name].column_names}
    kinds = next(row for row in dictionary if row["column"] == "kind")
    assert "meetings, version 2 (mase: sexual exploitation" in kinds["vocabulary"]
    page = (folder / "overview.html").read_text()
    assert "MACE &lt;12&gt;" in page
    assert f"<dt>people</dt><dd>{built['people'].num_rows:,} rows</dd>" in page
    assert "<script" not in page
    assert "http://" not in page
    assert "https://" not in page
    with pytest.raises(InputError, match="never overwritten"):
        refuse_unusable_folder(folder)


def test_a_failure_leaves_no_folder(built, tmp_path):
    with pytest.raises(KeyError):
        write_cohort(tmp_path / "cohort", built, {}, PAYLOAD)
    assert not list(tmp_path.iterdir())


def changed(own, table, **columns):
    found = getattr(own, table)
    for name, values in columns.items():
        at = found.schema.get_field_index(name)
        kept = found[name].to_pylist()
        column = pa.array([values, *kept[1:]], found.schema.field(name).type)
        found = found.set_column(at, found.schema.field(name), column)
    return PayloadTables(**{**vars(own), table: found})


def test_what_honest_agencies_seal_is_taken(made):
    require_same_people(made.map, made.payloads)
    for agency, own in made.payloads.items():
        require_agreed_terms(agency, own, PAYLOAD)


@pytest.mark.parametrize(
    ("table", "columns"),
    [
        ("people", {"sex": "female"}),
        ("people", {"born": "2011-03"}),
        ("events", {"event": "arrest"}),
        ("events", {"event": "meeting", "kind": "risk", "district": None, "place": None}),
        ("events", {"event": "missing", "kind": "mase"}),
        ("events", {"event": "missing", "date": np.datetime64("2026-01-02").item()}),
        ("events", {"event": "missing", "district": "E1 1AA"}),
        ("events", {"event": "review", "date": None, "kind": None, "place": bytes(16)}),
        ("events", {"event": "review", "date": None, "kind": None, "district": "E1"}),
        ("associations", {"association": "missing"}),
        ("associations", {"date": np.datetime64("2026-01-02").item()}),
    ],
)
def test_what_the_agreement_does_not_let_travel_is_refused(table, columns):
    own = MadeUp(20, 20).payloads["care"]
    with pytest.raises(VerificationError, match="'care' has"):
        require_agreed_terms("care", changed(own, table, **columns), PAYLOAD)


def test_a_map_of_other_people_is_refused(made):
    for agency in made.payloads:
        others = {
            **made.payloads,
            agency: changed(made.payloads[agency], "people", person=b"x" * 16),
        }
        with pytest.raises(VerificationError, match="other people than its payload"):
            require_same_people(made.map, others)
        fewer = {name: own for name, own in made.payloads.items() if name != agency}
        with pytest.raises(VerificationError, match="nobody has sent"):
            require_same_people(made.map, fewer)
    with pytest.raises(VerificationError, match="nobody of its payload"):
        require_same_people(made.map, {**made.payloads, "stranger": made.payloads["care"]})
