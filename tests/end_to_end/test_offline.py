"""The main job with the commands a user types: extracts in, links out, measured against truth.

One extract of each kind is encoded as users do it, in a process of its own and with the whole
attack on a sample, which takes most of the time; the others in this process, with a smaller attack.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tomllib
from functools import partial
from pathlib import Path
from unittest import mock

import pandas as pd
import pytest
from click.testing import CliRunner

from agency_client.cli import cli as agency_client
from examples.offline import AGENCIES, FEBRL, SAFEGUARDING, Example
from examples.safeguarding import write_scenario
from hashing.risk import Plan, assess
from tests.matcher.commands import matcher

LESS = Plan(own=300, dense=(300,), pairs_to=0, rounds=2)


def run(program: str, *words: object) -> str:
    command = [Path(sys.executable).parent / program, *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    return done.stdout


def run_here(program: str, *words: object) -> str:
    """Run a command in this process, which has its imports and its compiled functions already."""
    if program == "matcher":
        done = matcher(*words)
        assert done.returncode == 0, done.stderr
        return done.stdout
    found = CliRunner().invoke(agency_client, [*map(str, words)])
    assert found.exit_code == 0, found.output
    return found.stdout


def encode(example: Example, folder: Path, agency: str, out: Path, run=run) -> None:
    columns = ["--columns", example.columns[agency]] if example.columns else []
    run(
        "agency-client", "encode", folder / f"{agency}.csv", "--agreement", example.agreement,
        "--agency", agency, "--secret-file", folder / "secret.key", *columns,
        "--out", out / f"{agency}.arrow", "--map-out", out / f"{agency}.map.parquet",
    )  # fmt: skip


def encode_quickly(example: Example, folder: Path, agency: str, out: Path) -> None:
    """Encode in this process, and attack a smaller sample than users do."""
    with mock.patch("agency_client.leakage.guard.assess", partial(assess, plan=LESS)):
        encode(example, folder, agency, out, run_here)


def link(example: Example, folder: Path) -> dict:
    files = [folder / f"{agency}.arrow" for agency in example.agencies]
    run("matcher", "link", *files, "--agreement", example.agreement, "--out", folder / "run")
    maps = [f"--map={agency}={folder / agency}.map.parquet" for agency in example.agencies]
    truth = folder / "truth.csv"
    return json.loads(run("matcher", "evaluate", folder / "run", "--truth", truth, *maps))


@pytest.fixture(scope="module")
def safeguarding(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("safeguarding")
    write_scenario(folder, seed=3, records_per_agency=1500)
    run("agency-client", "secret", "create", "--out", folder / "secret.key")
    encode(SAFEGUARDING, folder, AGENCIES[0], folder)
    for agency in AGENCIES[1:]:
        encode_quickly(SAFEGUARDING, folder, agency, folder)
    return folder


def test_five_agencies(safeguarding):
    result = link(SAFEGUARDING, safeguarding)
    assert result["at_threshold"]["f1"] > 0.94
    assert result["best"]["f1"] >= result["at_threshold"]["f1"]
    truth, believed = result["at_threshold"], result["estimated"]
    assert believed["precision"] == pytest.approx(truth["precision"], abs=0.03)
    assert len(result["by_pair"]) == 10


def test_nothing_the_matcher_holds_names_anybody(safeguarding):
    """No name, address or record id is in an encoding or in a run, in any spelling of bytes."""
    if not (safeguarding / "run").exists():
        link(SAFEGUARDING, safeguarding)
    seen = [*safeguarding.glob("*.arrow"), *(safeguarding / "run").rglob("*")]
    content = b"".join(path.read_bytes() for path in seen if path.is_file()).lower()
    numerals = set(re.findall(rb"(?<![\d.])\d{7,}(?![\d.])", content))
    for agency in AGENCIES:
        extract = pd.read_csv(safeguarding / f"{agency}.csv", dtype=str, keep_default_na=False)
        for column in extract.columns:
            cells = {cell.lower().encode() for cell in extract[column].head(200) if len(cell) >= 7}
            assert not [c for c in cells if not c.isdigit() and c in content]
            # A count may be the same seven digits as somebody's id; that hundreds are is no chance.
            numbers = {c for c in cells if c.isdigit()}
            assert len(numbers & numerals) <= 0.02 * len(numbers)
    secret = (safeguarding / "secret.key").read_bytes().strip()
    assert secret not in content
    assert bytes.fromhex(secret.decode()) not in content


def test_encoding_again_gives_other_tokens_another_order_and_the_same_bits(safeguarding, tmp_path):
    from linkage.encodings import read_encodings

    encode_quickly(SAFEGUARDING, safeguarding, "police", tmp_path)
    with (
        (safeguarding / "police.arrow").open("rb") as one,
        (tmp_path / "police.arrow").open("rb") as two,
    ):
        first, second = read_encodings(one, "one"), read_encodings(two, "two")
    assert not set(map(bytes, first.tokens)) & set(map(bytes, second.tokens))
    assert (first.bits != second.bits).any()
    rows = [
        sorted(map(bytes, encodings.bits.reshape(len(encodings), -1).view("u1")))
        for encodings in (first, second)
    ]
    assert rows[0] == rows[1]


def test_another_secret_finds_nobody(safeguarding, tmp_path):
    run_here("agency-client", "secret", "create", "--out", tmp_path / "secret.key")
    shutil.copy(safeguarding / "police.csv", tmp_path)
    encode_quickly(SAFEGUARDING, tmp_path, "police", tmp_path)
    out = tmp_path / "run"
    summary = json.loads(
        run_here("matcher", "link", tmp_path / "police.arrow", safeguarding / "health.arrow",
                 "--agreement", SAFEGUARDING.agreement, "--out", out, "--format", "json")
    )  # fmt: skip
    assert summary["links"] <= 5


def test_febrl(tmp_path):
    FEBRL.write(tmp_path)
    run("agency-client", "secret", "create", "--out", tmp_path / "secret.key")
    encode(FEBRL, tmp_path, "a", tmp_path)
    encode_quickly(FEBRL, tmp_path, "b", tmp_path)
    result = link(FEBRL, tmp_path)
    assert result["agencies"] == {"a": 3334, "b": 3333}
    assert result["at_threshold"]["matches"] == 1667
    assert result["at_threshold"]["f1"] > 0.95


def test_the_commands_of_the_readme_work(safeguarding, tmp_path, monkeypatch):
    """Every command line in the README's section on linking one's own files, as it stands."""
    readme = Path("README.md").read_text(encoding="utf-8")
    section = readme.split("## Link your own files")[1].split("\n## ")[0]
    blocks = re.findall(r"```(\w+)\n(.*?)```", section, re.DOTALL)
    files = {"columns.toml": "", "agreement.toml": ""}
    for kind, block in blocks:
        if kind == "toml":
            name = "columns.toml" if "record_id" in block else "agreement.toml"
            files[name] += block
    for name, text in files.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    # Below 200 records a small sample is attacked.
    write_scenario(tmp_path, seed=4, records_per_agency=190)
    headings = tomllib.loads(SAFEGUARDING.columns["health"].read_text(encoding="utf-8"))
    renamed = {theirs: ours for ours, theirs in headings["fields"].items()}
    health = pd.read_csv(tmp_path / "health.csv", dtype=str, keep_default_na=False)
    health.rename(columns={**renamed, headings["record_id"]: "record_id"}).to_csv(
        tmp_path / "care.csv", index=False
    )
    truth = (tmp_path / "truth.csv").read_text(encoding="utf-8").replace("health,", "care,")
    (tmp_path / "truth.csv").write_text(truth, encoding="utf-8")
    script = "\n".join(block for kind, block in blocks if kind == "sh")
    path = f"{Path(sys.executable).parent}:/usr/bin:/bin"
    done = subprocess.run(
        ["bash", "-euc", script], cwd=tmp_path, env={"PATH": path, "HOME": str(tmp_path)},
        capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "run" / "report.html").exists()
    assert '"f1"' in done.stdout
