"""The matcher's commands on files: what they write, and what they say when they can't."""

from __future__ import annotations

import io
import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from linkage.encodings import Encodings, GroupLayout, Header, write_encodings
from linkage.protocol.agreement import parse_agreement
from matcher.cli import main as matcher_main
from tests.matcher.commands import installed_matcher, matcher
from tests.synthetic import World, make_world

AGREEMENT = """
[agreement]
id = "test"
title = "A test"

[scheme]
version = "test/1"
profile = "uk-person/1"
fields = { a = { type = "name" }, b = { type = "name" } }
features = { a = { field = "a", comparison = "exact", bits_per_token = 9 }, \
b = { field = "b", comparison = "exact", bits_per_token = 9 } }
""" + "".join(
    f"""
[[scheme.group]]
name = "{name}"
length = 256
parts = [{{ label = "p", features = ["a", "b"], diffusion = 4 }}]
"""
    for name in "ABCD"
)


@dataclass(frozen=True)
class Setting:
    folder: Path
    world: World
    files: list[Path]
    agreement: Path


@pytest.fixture(scope="module")
def setting(tmp_path_factory) -> Setting:
    folder = tmp_path_factory.mktemp("matcher")
    agreement = folder / "agreement.toml"
    agreement.write_text(AGREEMENT, encoding="utf-8")
    world = make_world(1, digest=parse_agreement(AGREEMENT, "").scheme.digest())
    files, truth = [], []
    for file in world.files:
        agency = file.header.agency
        files.append(folder / f"{agency}.arrow")
        files[-1].write_bytes(as_bytes(file))
        tokens = [token.tobytes() for token in file.tokens]
        ids = [f"{agency}-{k}" for k in range(len(tokens))]
        pd.DataFrame({"record_token": [t.hex() for t in tokens], "record_id": ids}).to_parquet(
            folder / f"{agency}.map.parquet"
        )
        people = [world.person[token] for token in tokens]
        truth.append(pd.DataFrame({"agency": agency, "record_id": ids, "entity_id": people}))
    pd.concat(truth).to_csv(folder / "truth.csv", index=False)
    return Setting(folder, world, files, agreement)


def as_bytes(file: Encodings) -> bytes:
    sink = io.BytesIO()
    write_encodings(sink, file.header, [file])
    return sink.getvalue()


def link(setting: Setting, out: Path, *extra: object, files=None, by=matcher):
    words = ["link", *(files or setting.files), "--agreement", setting.agreement, "--out", out]
    return by(*words, *extra)


@pytest.fixture(scope="module")
def run(setting) -> Path:
    out = setting.folder / "run"
    done = link(setting, out, by=installed_matcher)
    assert done.returncode == 0, done.stderr
    return out


def test_link_writes_the_run_folder(setting, run):
    assert sorted(path.name for path in run.iterdir()) == [
        "clusters.parquet", "evidence.parquet", "links.parquet", "model.json", "report.html",
        "scans", "weights.parquet",
    ]  # fmt: skip
    links = pq.read_table(run / "links.parquet").to_pandas()
    assert list(links.columns) == [
        "agency_a", "token_a", "agency_b", "token_b", "weight", "probability", "levels",
    ]  # fmt: skip
    assert (links["agency_a"] < links["agency_b"]).all()
    assert links["probability"].between(0.1, 1).all()
    assert links["levels"].map(len).eq(4).all()
    clusters = pq.read_table(run / "clusters.parquet").to_pandas()
    assert list(clusters.columns) == ["cluster_id", "agency", "record_token", "probability"]
    assert len(clusters) == sum(map(len, setting.world.files))
    assert not clusters.duplicated(["cluster_id", "agency"]).any()
    model = json.loads((run / "model.json").read_text())
    assert [group["name"] for group in model["groups"]] == list("ABCD")
    assert all(sum(group["m"]) == pytest.approx(1) for group in model["groups"])


def evaluate(setting: Setting, run: Path, *extra: object, truth: Path | None = None):
    maps = [f"--map={f.stem}={setting.folder / f.stem}.map.parquet" for f in setting.files]
    return matcher("evaluate", run, "--truth", truth or setting.folder / "truth.csv", *maps, *extra)


def test_evaluate_agrees_with_a_count_by_hand(setting, run):
    done = evaluate(setting, run)
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    links = pq.read_table(run / "links.parquet").to_pandas().query("probability >= 0.5")
    person = {token.hex(): p for token, p in setting.world.person.items()}
    correct = sum(person[a] == person[b] for a, b in zip(links.token_a, links.token_b, strict=True))
    known = [{setting.world.person[t.tobytes()] for t in f.tokens} for f in setting.world.files]
    matches = sum(len(known[a] & known[b]) for a, b in ((0, 1), (0, 2), (1, 2)))
    at = result["at_threshold"]
    assert (at["links"], at["correct"], at["matches"]) == (len(links), correct, matches)
    assert at["precision"] == pytest.approx(correct / len(links), abs=1e-6)
    assert at["recall"] == pytest.approx(correct / matches, abs=1e-6)
    assert result["best"]["f1"] >= at["f1"] > 0.9
    assert len(result["by_pair"]) == 3
    assert sum(pair["at_threshold"]["links"] for pair in result["by_pair"]) == len(links)


def test_evaluate_as_text(setting, run):
    done = evaluate(setting, run, "--format", "text")
    assert "precision" in done.stdout
    assert "agency0 × agency2" in done.stdout


def test_file_order_changes_nothing(setting, run, tmp_path):
    other = tmp_path / "other"
    assert link(setting, other, files=setting.files[::-1]).returncode == 0
    for name in ("links.parquet", "clusters.parquet", "model.json"):
        assert (other / name).read_bytes() == (run / name).read_bytes()


def test_link_prints_json(setting, tmp_path):
    done = link(setting, tmp_path / "run", "--format", "json")
    summary = json.loads(done.stdout)
    assert summary["agencies"] == {f.header.agency: len(f) for f in setting.world.files}
    assert done.stderr == ""


def refused(done: subprocess.CompletedProcess[str], code: int, complaint: str) -> None:
    assert done.returncode == code, done.stderr
    assert complaint in done.stderr
    assert "Traceback" not in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert done.stdout == ""


def test_truncated_file(setting, tmp_path):
    cut = tmp_path / "cut.arrow"
    cut.write_bytes(setting.files[0].read_bytes()[:-1000])
    refused(link(setting, tmp_path / "run", files=[cut, setting.files[1]]), 3, "cut.arrow")
    assert not (tmp_path / "run").exists()


def test_altered_file(setting, tmp_path):
    data = bytearray(setting.files[0].read_bytes())
    token = setting.world.files[0].tokens[5].tobytes()
    data[data.index(token)] ^= 1
    altered = tmp_path / "altered.arrow"
    altered.write_bytes(data)
    done = link(setting, tmp_path / "run", files=[altered, setting.files[1]])
    refused(done, 3, "altered.arrow was altered")


def test_another_scheme(setting, tmp_path):
    other = tmp_path / "agreement.toml"
    other.write_text(AGREEMENT.replace("diffusion = 4", "diffusion = 5"), encoding="utf-8")
    done = matcher("link", *setting.files, "--agreement", other, "--out", tmp_path / "run")
    refused(done, 3, "encoded under another scheme")


def test_not_encodings_at_all(setting, tmp_path):
    csv = tmp_path / "police.csv"
    csv.write_text("record_id,name\n1,Ann\n", encoding="utf-8")
    refused(link(setting, tmp_path / "run", files=[csv, setting.files[0]]), 3, "police.csv")


def test_one_file_or_one_agency_twice(setting, tmp_path):
    refused(link(setting, tmp_path / "run", files=setting.files[:1]), 1, "at least two agencies")
    twice = [setting.files[0], setting.files[0]]
    refused(link(setting, tmp_path / "run", files=twice), 1, "both from the agency 'agency0'")


def test_a_party_that_is_not_in_the_agreement(setting, tmp_path):
    other = tmp_path / "agreement.toml"
    other.write_text(AGREEMENT + '\n[[party]]\nname = "agency0"\n', encoding="utf-8")
    done = matcher("link", *setting.files, "--agreement", other, "--out", tmp_path / "run")
    refused(done, 1, "'agency1' is not a party")


def test_a_folder_with_other_things_is_left_alone(setting, tmp_path):
    (tmp_path / "thesis.txt").write_text("years of work", encoding="utf-8")
    refused(link(setting, tmp_path), 1, "holds other files")
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_an_earlier_run_is_replaced_whole(setting, tmp_path):
    out = tmp_path / "run"
    assert link(setting, out).returncode == 0
    (out / "stray.txt").write_text("x", encoding="utf-8")
    assert link(setting, out, files=setting.files[:2]).returncode == 0
    assert len(json.loads((out / "model.json").read_text())["agencies"]) == 2
    assert not (out / "stray.txt").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_a_missing_file_is_a_usage_error(setting, tmp_path):
    done = link(setting, tmp_path / "run", files=[tmp_path / "no.arrow"])
    assert done.returncode == 2
    assert "does not exist" in done.stderr


@pytest.mark.parametrize(
    ("change", "code", "complaint"),
    [
        (lambda truth: truth.rename(columns={"entity_id": "person"}), 1, "lacks the column"),
        (lambda truth: truth.iloc[1:], 1, "lacks 1 of the records"),
        (lambda truth: truth[truth.agency != "agency2"], 1, "knows no record of the agency"),
        (lambda truth: pd.concat([truth, truth.iloc[:1]]), 1, "stand here twice"),
    ],
)
def test_evaluate_with_another_truth(setting, run, tmp_path, change, code, complaint):
    truth = tmp_path / "truth.csv"
    change(pd.read_csv(setting.folder / "truth.csv")).to_csv(truth, index=False)
    refused(evaluate(setting, run, truth=truth), code, complaint)


def test_evaluate_wants_every_map_and_a_run(setting, run, tmp_path):
    truth = setting.folder / "truth.csv"
    one = f"--map=agency0={setting.folder / 'agency0.map.parquet'}"
    refused(matcher("evaluate", run, "--truth", truth, one), 1, "--map agency1=FILE")
    refused(matcher("evaluate", tmp_path, "--truth", truth, one), 1, "not the folder of a run")
    wrong = f"--map=agency0={truth}"
    others = [f"--map={a}={setting.folder / a}.map.parquet" for a in ("agency1", "agency2")]
    refused(matcher("evaluate", run, "--truth", truth, wrong, *others), 1, "not a Parquet file")
    assert matcher("evaluate", run, "--truth", truth, "--map", "agency0").returncode == 2


@pytest.mark.parametrize("words", [(), ("link",), ("erase",), ("evaluate",)])
def test_every_command_has_help_with_an_example(words):
    done = matcher(*words, "--help")
    assert done.returncode == 0
    if words:
        assert f"matcher {words[0]}" in done.stdout.split("Example:")[1]


def test_a_classic_clk_is_linked_by_dice(tmp_path):
    """One plain group: a sparse filter, compared by Dice."""
    text = AGREEMENT.split("[[scheme.group]]")[0] + (
        '[[scheme.group]]\nname = "clk"\nlength = 1024\n'
        'parts = [{ label = "p", features = ["a", "b"] }]\n'
    )
    (tmp_path / "agreement.toml").write_text(text, encoding="utf-8")
    digest = parse_agreement(text, "").scheme.digest()
    layout = (GroupLayout("clk", 1024),)
    world = make_world(2, layout=layout, digest=digest, flips=0.02, noise=0, missing=0)
    # Half of the bits set is far from a CLK's fill; keep every fourth by masking with noise
    # that is the same for all.
    mask = np.random.default_rng(0).integers(0, 2**64, (1, 1, 16), dtype=np.uint64)
    files = []
    for file in world.files:
        sparse = Encodings(
            Header(file.header.agency, digest, layout), file.tokens, file.bits & mask, file.present
        )
        files.append(tmp_path / f"{file.header.agency}.arrow")
        files[-1].write_bytes(as_bytes(sparse))
    done = matcher(
        "link", *files, "--agreement", tmp_path / "agreement.toml", "--out", tmp_path / "run"
    )
    assert done.returncode == 0, done.stderr
    assert (
        json.loads((tmp_path / "run/model.json").read_text())["groups"][0]["similarity"] == "dice"
    )
    links = pq.read_table(tmp_path / "run/links.parquet").to_pandas().query("probability >= 0.5")
    person = {token.hex(): p for token, p in world.person.items()}
    correct = sum(person[a] == person[b] for a, b in zip(links.token_a, links.token_b, strict=True))
    known = [{world.person[t.tobytes()] for t in f.tokens} for f in world.files]
    matches = sum(len(known[a] & known[b]) for a, b in ((0, 1), (0, 2), (1, 2)))
    assert correct / len(links) > 0.95
    assert correct / matches > 0.95


def test_files_too_large_to_compare_every_pair_are_hashed_and_say_so(
    setting, tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr("linkage.searching.MOST_WORK", 10**4)
    words = ["link", *map(str, setting.files), "--agreement", str(setting.agreement)]
    for out, onto in (("run", []), ("again", ["--onto", str(tmp_path / "run")])):
        monkeypatch.setattr("sys.argv", ["matcher", *words, "--out", str(tmp_path / out), *onto])
        matcher_main()
        assert "too large to compare every pair" in capsys.readouterr().err
        hashed = json.loads((tmp_path / out / "model.json").read_text())["search"]["hashed"]
        assert hashed[0]["agencies"] == ["agency0", "agency1"]
        assert all(pair["pairs_completeness"] > 0.8 for pair in hashed)
        assert "Hashing proposed the pairs" in (tmp_path / out / "report.html").read_text()
    one, other = (pq.read_table(tmp_path / out / "links.parquet") for out in ("run", "again"))
    assert one.equals(other)
