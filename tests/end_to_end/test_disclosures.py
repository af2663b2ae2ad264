"""Five agencies over a matcher that serves: one person named by agreement, another by none.

A cluster that three agencies know is proposed by an analyst, approved by two agencies, refused by a
third, released by its holders, opened by the recipient, recalled and given back. A second proposal
doesn't find its quorum and expires. The police, who may receive names, look up one person. The data
protection officer verifies all of it.
"""

from __future__ import annotations

import base64
import csv
import json
import re
import shutil
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from sqlalchemy import select, update

from matcher.cli import cli as matcher
from matcher.config.loading import load_settings
from matcher.config.log_key import read_signer
from matcher.ledger.ledger import Ledger
from matcher.store.tables import lookups, runs
from tests.agency_client.parties import Office, new_office
from tests.end_to_end.test_service import World, database_of, free_port, stored
from tests.end_to_end.test_trust import CANARIES, COLUMNS, PEOPLE

AGENCIES = ("police", "care", "health", "education", "youth")
OTHERS = {"analyst": "analyst", "hub": "recipient", "officer": "dpo"}
PARTIES = {**dict.fromkeys(AGENCIES, "agency"), **OTHERS}
KNOWN = {name: PEOPLE[at * 5 : at * 5 + 50] for at, name in enumerate(AGENCIES)}
LOG = "canaria.example/disclosures"
RULE = "missing"
WHY = "Missing together with a child at high risk."


@pytest.fixture(scope="module")
def world(tmp_path_factory) -> World:
    folder = tmp_path_factory.mktemp("disclosures")
    found = World(Office(folder), folder / "matcher", {}, free_port())
    set_up(found)
    with found.serving():
        link(found)
        disclose(found)
        fail(found)
        look_up(found)
        audit(found)
    return found


def set_up(world: World, known: Mapping[str, list[tuple[str, ...]]] = KNOWN) -> None:
    """Let everybody make keys, the matcher its own, and write one agreement of all the cards.

    ``known`` are the people whom each agency knows.
    """
    office = world.office
    made = world.operator("init", world.folder, "--log-name", LOG)
    world.operator("migrate", world.folder)
    card = CliRunner().invoke(matcher, ["identity", str(world.folder), "--name", "linker"])
    (office.folder / "linker.card.toml").write_text(card.stdout)
    cards = ("--matcher", office.folder / "linker.card.toml",
             "--recipient", office.folder / "police.card.toml")  # fmt: skip
    new_office(office.folder, PARTIES, cards)
    for agency, people in known.items():
        rows = [",".join((f"idcanary-{agency}-{i}", *person)) for i, person in enumerate(people)]
        (office.folder / f"{agency}.csv").write_text("\n".join([COLUMNS, *rows]) + "\n")
    world.operator("admit", world.folder, office.agreement)
    where = ("--matcher", world.url, "--log-key", made["verifier_key"])
    for party in PARTIES:
        world.client(party, "init", "--name", party, *where)


def link(world: World) -> None:
    """Sign, share the secret, encode, push, and wait for the run."""
    for party in PARTIES:
        world.client(party, "agreement", "sign", world.file(party), "--yes")
    world.client("police", "agreement", "status", world.file("police"))
    world.client("police", "secret", "create", "--agreement", world.file("police"))
    for agency in AGENCIES:
        agreement = ("--agreement", world.file(agency))
        if agency != "police":
            world.client(agency, "agreement", "status", world.file(agency))
            world.client(agency, "secret", "accept", *agreement)
        world.client(agency, "secret", "answers", *agreement)
    for agency in AGENCIES:
        agreement = ("--agreement", world.file(agency))
        encodings = world.file(agency).with_name("first.arrow")
        world.client(
            agency, "encode", world.office.folder / f"{agency}.csv", *agreement,
            "--agency", agency, "--out", encodings, "--overrule", "these people are invented",
        )  # fmt: skip
        world.client(agency, "push", encodings, *agreement)
    world.operator("run", world.folder, "--agreement", "trial", "--wait")


def act(world: World, party: str, command: str, *words: object) -> dict:
    """Run a command about disclosures as a party; keep what it said."""
    said = world.client(party, "disclosures", command, *words, "--agreement", world.file(party))
    world.outputs[f"{party} {command}"] = said
    return said


def code(world: World, party: str, command: str, *words: object) -> int:
    agreement = ("--agreement", world.file(party))
    found = world.office.run(party, "disclosures", command, *words, *agreement)
    return found.exit_code


def propose(world: World, cluster: str, *words: object) -> str:
    asked = ("--cluster", f"{cluster}={RULE}", "--reference", "MACE 12", "--necessity", WHY)
    purpose = ("--purpose", "missing-children", "--recipient", "hub")
    return act(world, "analyst", "propose", *asked, *purpose, *words, "--yes")["id"]


def release(world: World, agency: str, digest: str) -> dict:
    own_map = world.file(agency).with_name("first.map.parquet")
    extract = world.office.folder / f"{agency}.csv"
    return act(
        world, agency, "release", digest[:8], "--extract", extract, "--map", own_map, "--yes"
    )


def known_to_three(world: World) -> list[str]:
    listed = act(world, "analyst", "clusters")
    found = [own["cluster"] for own in listed if own["agencies"] == ["care", "health", "police"]]
    assert len(found) >= 2
    return found


def disclose(world: World) -> None:
    """Bring one proposal all the way, and back."""
    chosen, begun = known_to_three(world)[0], time.monotonic()
    digest = propose(world, chosen)
    # So long, on this machine, that a proposal and an approval surely fit in.
    world.outputs["soon"] = {"seconds": 5 + 8 * (time.monotonic() - begun)}
    world.outputs["digest"] = {"id": digest}
    before = [code(world, party, "show", digest[:8]) for party in ("hub", "education")]
    world.outputs["before"] = {"hub": before[0], "education": before[1]}
    act(world, "police", "approve", digest[:8], "--yes")
    reason = ("--reason", "The family is supported already.")
    act(world, "youth", "refuse", digest[:8], *reason, "--yes")
    early = ("--extract", world.office.folder / "care.csv", "--map")
    world.outputs["early"] = {
        "code": code(world, "care", "release", digest[:8], *early,
                     world.file("care").with_name("first.map.parquet"), "--yes")
    }  # fmt: skip
    act(world, "health", "approve", digest[:8], "--yes")
    for agency in ("care", "health", "police"):
        release(world, agency, digest)
    world.outputs["stranger"] = {
        "code": code(world, "education", "release", digest[:8], "--extract",
                     world.office.folder / "education.csv", "--map",
                     world.file("education").with_name("first.map.parquet"), "--yes")
    }  # fmt: skip
    act(world, "hub", "open", digest[:8], "--out", world.office.folder / "opened")
    recall = ("--reason", "Two people were taken for one.")
    act(world, "care", "recall", digest[:8], *recall, "--yes")
    act(world, "hub", "return", digest[:8], "--yes")
    act(world, "officer", "show", digest[:8])


def fail(world: World) -> None:
    """Let a proposal find one approval of two, and its time be over."""
    chosen = known_to_three(world)[1]
    until = datetime.now(UTC) + timedelta(seconds=world.outputs["soon"]["seconds"])
    expires = ("--expires", until.strftime("%Y-%m-%dT%H:%M:%SZ"))
    digest = propose(world, chosen, *expires)
    act(world, "care", "approve", digest[:8], "--yes")
    time.sleep(max(0.0, (until - datetime.now(UTC)).total_seconds()) + 1)
    world.outputs["late"] = {"code": code(world, "health", "approve", digest[:8], "--yes")}
    world.outputs["failed"] = act(world, "care", "show", digest[:8])


def look_up(world: World) -> None:
    """Let the police ask who knows a person, whose name they have heard in another spelling."""
    person = world.office.folder / "person.csv"
    _, *headings = COLUMNS.split(",")
    known = dict(zip(headings, PEOPLE[12], strict=True))  # care and health, too; not youth
    heard = known | {"given_name": known["given_name"].replace("rina", "rinna")}
    person.write_text(",".join(heard) + "\n" + ",".join(heard.values()) + "\n")
    why = ("--reference", "Case 7", "--necessity", WHY, "--purpose", "missing-children")
    asked = search(world, "police", "ask", person, *why, "--within", "1h")["id"]
    world.outputs["health told"] = told(world, "health", asked)
    world.outputs["youth told"] = search(world, "youth", "show", asked, *own_map(world, "youth"))
    extract = ("--extract", world.office.folder / "health.csv")
    search(world, "health", "answer", asked, *extract, *own_map(world, "health"), "--yes")
    search(world, "care", "answer", asked, "--nothing", "--reason", "A court forbids it.", "--yes")
    for agency in ("education", "youth"):
        search(world, agency, "answer", "--all-empty")
    database, now = database_of(world), int(time.time())
    with database.writing() as connection:  # let its time be over
        connection.execute(update(lookups).where(lookups.c.id == asked).values(until=now - 1))
    database.close()
    world.outputs["found"] = search(world, "police", "open", asked)


def search(world: World, party: str, command: str, *words: object) -> dict:
    """Run a command about lookups as a party."""
    return world.client(party, "lookup", command, *words, "--agreement", world.file(party))


def own_map(world: World, agency: str) -> tuple[str, Path]:
    return "--map", world.file(agency).with_name("first.map.parquet")


def told(world: World, agency: str, asked: str) -> dict:
    """Return what an agency is shown, once the worker has compared."""
    for _ in range(60):
        shown = search(world, agency, "show", asked, *own_map(world, agency))
        if shown["records"]:
            return shown
        time.sleep(0.5)
    raise AssertionError("the worker compares no lookups")


def audit(world: World) -> None:
    """Let the officer verify the log and export it."""
    world.outputs["verified"] = world.client("officer", "log", "verify")
    world.client("officer", "log", "export", "--out", world.office.folder / "log.json")


def test_the_recipient_has_what_three_agencies_hold(world: World):
    opened = world.outputs["hub open"]
    assert opened["holders"] == ["care", "health", "police"]
    (table,) = opened["tables"]
    rows = list(
        csv.reader((Path(opened["out"]) / table["file"]).read_text("utf-8-sig").splitlines())
    )
    values = {row[0]: row[2:] for row in rows[1:]}
    assert set(values) == {"given_name", "surname", "date_of_birth"}
    person = tuple(values[name][0] for name in ("given_name", "surname", "date_of_birth"))
    assert person in {own[:3] for own in PEOPLE[10:15]}
    assert all(len(set(own)) == 1 for own in values.values())


def test_it_ends_recalled_and_given_back(world: World):
    shown = world.outputs["officer show"]
    assert (shown["state"], shown["outstanding"]) == ("recalled", [])
    assert (shown["approved"], shown["refused"]) == (["health", "police"], ["youth"])
    assert (shown["released"], shown["opened"]) == (["care", "health", "police"], ["hub"])
    kinds = [own["kind"].partition(".")[2] for own in shown["log"]]
    assert kinds == [
        "proposed", "approved", "refused", "approved", "released", "released", "released",
        "opened", "recalled", "returned",
    ]  # fmt: skip


def test_nobody_is_ahead_of_the_quorum(world: World):
    """Who decides sees a proposal at once, its recipient only when it is approved."""
    assert world.outputs["before"] == {"hub": 1, "education": 0}
    assert world.outputs["early"] == {"code": 75}
    assert world.outputs["stranger"] == {"code": 4}


def test_without_a_quorum_it_expires(world: World):
    assert world.outputs["late"] == {"code": 4}
    failed = world.outputs["failed"]
    assert (failed["state"], failed["approved"]) == ("expired", ["care"])


def test_the_police_learn_what_one_agency_releases_and_nothing_else(world: World):
    assert len(world.outputs["health told"]["records"]) == 1
    assert not world.outputs["youth told"]["records"]
    found = world.outputs["found"]
    person = dict(zip(("given_name", "surname", "date_of_birth"), PEOPLE[12][:3], strict=True))
    assert found["released"] == {"health": [person]}
    assert (found["answered"], found["silent"]) == (["care", "education", "health", "youth"], [])


def test_the_officers_log_verifies_and_tells_both(world: World):
    assert world.outputs["verified"]["verified"]
    told = json.loads((world.office.folder / "log.json").read_text())["events"]
    kinds = [event["kind"] for event in told if event["kind"].startswith("disclosure.")]
    assert kinds.count("disclosure.proposed") == 2
    assert kinds.count("disclosure.released") == 3
    assert kinds.count("disclosure.expired") == 1
    looked = [(own["kind"], own["party"]) for own in told if own["kind"].startswith("lookup.")]
    answered = [("lookup.answered", name) for name in ("care", "education", "health", "youth")]
    ended = [("lookup.closed", "linker"), ("lookup.opened", "police")]
    assert looked == [("lookup.lodged", "police"), *answered, *ended]
    refused = next(event for event in told if event["kind"] == "disclosure.refused")
    assert (refused["party"], refused["not_shared"]) == ("youth", True)
    assert refused["justification"] == "The family is supported already."


def test_the_report_of_the_run_verifies_with_the_log_that_it_names(world: World):
    """What comes with the report is all that the officer needs beside the bundle and the keys."""
    page, bundle = world.office.folder / "run.html", world.office.folder / "log.txt"
    database = database_of(world)
    with database.reading() as connection:
        run = connection.execute(select(runs.c.id)).scalar_one()
    settings = load_settings(world.folder, {}, {})
    signer = read_signer(settings.log_key_file, settings.log_key)
    bundle.write_bytes(b"".join(Ledger(database, signer).bundle()))
    database.close()
    made = CliRunner().invoke(matcher, ["report", str(world.folder), run[:8], "--out", str(page)])
    assert made.exit_code == 0, made.output
    text = page.read_text()
    assert "The family is supported already." in text
    files = dict(re.findall(r'download="([^"]+)" href="[^,]+,([^"]+)"', text))
    for name, content in files.items():
        page.with_name(name).write_bytes(base64.b64decode(content))
    against = ("--keys", page.with_name("keys-as-reported.txt"))
    earlier = ("--earlier", page.with_name("checkpoint.note"))
    assert world.client("officer", "log", "verify", bundle, *against, *earlier)["verified"]


def test_nobody_is_named_in_the_matcher(world: World):
    for place, content in stored(world):
        for canary in CANARIES:
            assert canary.encode() not in content.lower(), place
    database_of(world).close()


def test_the_recipients_folder_holds_what_the_search_looks_for(world: World):
    text = b"".join(path.read_bytes() for path in (world.office.folder / "opened").iterdir())
    assert b"canarina" in text.lower()
    shutil.rmtree(world.office.folder / "opened")
