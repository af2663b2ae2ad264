"""`agency-client leakage`: a report whatever the verdict, and exit code 3 for a leak."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from agency_client.cli import cli
from examples.safeguarding import write_scenario
from hashing.secret import create_secret

AGREEMENT = """
[agreement]
id = "trial"
title = "A trial"

[scheme]
version = "plain/1"
profile = "uk-person/1"
fields = { given_name = { type = "name" }, surname = { type = "name" } }

[scheme.features]
given = { field = "given_name", comparison = "qgram", bits_per_token = 20 }
surname = { field = "surname", comparison = "qgram", bits_per_token = 20 }

[[scheme.group]]
name = "CLK"
length = 512
parts = [{ label = "names", features = ["given", "surname"] }]
"""
COLUMNS = 'record_id = "URN"\n\n[fields]\ngiven_name = "Forename"\nsurname = "Surname"\n'


@pytest.fixture(scope="module")
def desk(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("leakage")
    write_scenario(folder, seed=1, records_per_agency=60)
    (folder / "agreement.toml").write_text(AGREEMENT, encoding="utf-8")
    (folder / "columns.toml").write_text(COLUMNS, encoding="utf-8")
    create_secret(folder / "secret.key")
    return folder


def leakage(desk: Path, *extra: str):
    words = [
        "leakage", str(desk / "police.csv"), "--agreement", str(desk / "agreement.toml"),
        "--agency", "police", "--secret-file", str(desk / "secret.key"),
        "--columns", str(desk / "columns.toml"), "--out", str(desk / "leakage.html"), *extra,
    ]  # fmt: skip
    return CliRunner().invoke(cli, words)


def test_a_plain_clk_leaks_and_stops_with_a_report(desk):
    done = leakage(desk)
    assert done.exit_code == 3
    assert "re-identified" in done.stderr
    assert "undiffused" in done.stderr
    record = json.loads((desk / "leakage.json").read_text(encoding="utf-8"))
    assert record["verdict"] == "failed"
    page = (desk / "leakage.html").read_text(encoding="utf-8")
    assert "police" in page
    names = (desk / "police.csv").read_text(encoding="utf-8").split("\n")[1:20]
    words = {word for line in names for word in line.split(",")[1:4] if len(word) > 4}
    assert not [word for word in words if word in page]


def test_a_reason_goes_on_record(desk):
    done = leakage(desk, "--overrule", "a rehearsal with invented people", "--format", "json")
    assert done.exit_code == 0
    assert json.loads(done.stdout)["verdict"] == "overruled"
    record = json.loads((desk / "leakage.json").read_text(encoding="utf-8"))
    assert record["overruled"] == "a rehearsal with invented people"


def test_a_blank_reason_overrules_nothing(desk):
    assert leakage(desk, "--overrule", "  ").exit_code == 3
    record = json.loads((desk / "leakage.json").read_text(encoding="utf-8"))
    assert record["verdict"] == "failed"


def test_nothing_is_overwritten_that_was_handed_in(desk):
    before = (desk / "police.csv").read_bytes()
    words = leakage(desk, "--out", str(desk / "police.csv"))
    assert words.exit_code == 1
    assert (desk / "police.csv").read_bytes() == before
