"""Linking onto a run, and erasing from one, with the commands that a user types."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from linkage.encodings import Encodings
from linkage.protocol.agreement import parse_agreement
from matcher.runs.scans import scan_path
from tests.matcher.commands import matcher
from tests.matcher.test_cli import AGREEMENT, as_bytes, refused
from tests.synthetic import make_world


@dataclass(frozen=True)
class Place:
    folder: Path
    files: list[Path]
    encodings: list[Encodings]

    def link(self, out: str, files: list[Path], *extra: object):
        words = ["link", *files, "--agreement", self.folder / "agreement.toml"]
        return matcher(*words, "--out", self.folder / out, *extra)


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Place:
    folder = tmp_path_factory.mktemp("incremental")
    (folder / "agreement.toml").write_text(AGREEMENT, encoding="utf-8")
    digest = parse_agreement(AGREEMENT, "").scheme.digest()
    world = make_world(2, agencies=4, people=300, digest=digest)
    files = [folder / f"{file.header.agency}.arrow" for file in world.files]
    for path, file in zip(files, world.files, strict=True):
        path.write_bytes(as_bytes(file))
    place = Place(folder, files, world.files)
    for out, own in (("three", files[1:]), ("whole", files)):
        done = place.link(out, own)
        assert done.returncode == 0, done.stderr
    return place


@pytest.fixture(scope="module")
def grown(place) -> Path:
    done = place.link("grown", place.files[::-1], "--onto", place.folder / "three")
    assert done.returncode == 0, done.stderr
    assert "3 of 6 pairs of files" in done.stderr
    assert "agency1 × agency2" in done.stderr
    return place.folder / "grown"


def clusters_of(run: Path) -> pd.DataFrame:
    return pq.read_table(run / "clusters.parquet").to_pandas()


def partition(run: Path) -> set[frozenset[str]]:
    return set(clusters_of(run).groupby("cluster_id")["record_token"].agg(frozenset))


def lineage_of(run: Path) -> pd.DataFrame:
    return pq.read_table(run / "lineage.parquet").to_pandas()


def test_adding_a_file_is_linking_all_files_at_once(place, grown):
    whole = place.folder / "whole"
    names = [
        "links.parquet",
        "evidence.parquet",
        *(f"scans/{p.name}" for p in whole.glob("scans/*")),
    ]
    assert len(names) == 2 + 6
    for name in names:
        assert (grown / name).read_bytes() == (whole / name).read_bytes(), name
    one, two = (json.loads((run / "model.json").read_text()) for run in (grown, whole))
    assert len(one.pop("scans_reused")) == 3
    assert two.pop("scans_reused") == []
    assert {k: v for k, v in one.items() if k != "erased"} == two
    assert partition(grown) == partition(whole)


def test_ids_live_on_as_the_lineage_says(place, grown):
    before, after, rows = clusters_of(place.folder / "three"), clusters_of(grown), lineage_of(grown)
    assert list(rows.columns) == ["old_cluster_id", "new_cluster_id", "records", "kind"]
    assert {"grown", "unchanged", "new"} <= set(rows["kind"])
    both = before.merge(after, on=["agency", "record_token"], suffixes=("_old", "_new"))
    common = both.groupby(["cluster_id_old", "cluster_id_new"]).size()
    known = rows.dropna().set_index(["old_cluster_id", "new_cluster_id"])["records"]
    assert common.to_dict() == known.to_dict()
    steady = rows[rows["kind"].isin(["unchanged", "grown"])]
    assert (steady["old_cluster_id"] == steady["new_cluster_id"]).all()
    assert set(after["cluster_id"]) == set(rows["new_cluster_id"].dropna())


def test_a_new_version_of_a_file_is_compared_again_and_nothing_else(place, tmp_path):
    old = place.encodings[0]
    shorter = tmp_path / "shorter.arrow"
    shorter.write_bytes(as_bytes(old.without(old.tokens[:5])))
    files = [shorter, *place.files[1:]]
    done = place.link("renewed", files, "--onto", place.folder / "whole")
    assert "3 of 6 pairs of files" in done.stderr
    assert "agency0" not in done.stderr
    assert place.link("anew", files).returncode == 0
    for name in ("links.parquet", "evidence.parquet"):
        one, two = ((place.folder / run / name).read_bytes() for run in ("renewed", "anew"))
        assert one == two


def test_other_rules_and_damaged_scans_are_compared_again(place, tmp_path):
    run = tmp_path / "run"
    shutil.copytree(place.folder / "whole", run)
    damaged = run / scan_path(("agency0", "agency1"))
    content = bytearray(damaged.read_bytes())
    content[len(content) // 3] ^= 1
    damaged.write_bytes(content)
    swapped = run / scan_path(("agency0", "agency2"))
    shutil.copy(run / scan_path(("agency0", "agency3")), swapped)
    (run / scan_path(("agency1", "agency2"))).unlink()
    done = place.link("mended", place.files, "--onto", run)
    assert "3 of 6 pairs of files" in done.stderr
    mended, whole = (place.folder / name / "links.parquet" for name in ("mended", "whole"))
    assert mended.read_bytes() == whole.read_bytes()
    other = tmp_path / "agreement.toml"
    other.write_text(AGREEMENT + "\n[matching]\nseed = 2\n", encoding="utf-8")
    words = ["link", *place.files, "--agreement", other, "--out", tmp_path / "other"]
    assert "0 of 6 pairs" in matcher(*words, "--onto", place.folder / "whole").stderr


def test_earlier_agencies_must_be_given_again(place):
    done = place.link("less", place.files[:2], "--onto", place.folder / "three")
    refused(done, 1, "agency2, agency3; give the file of each earlier agency again")
    assert not (place.folder / "less").exists()


def test_a_folder_that_is_no_run_is_refused(place, tmp_path):
    refused(place.link("no", place.files, "--onto", tmp_path), 1, "not the folder of a run")
    run = tmp_path / "run"
    shutil.copytree(place.folder / "whole", run)
    (run / "clusters.parquet").write_bytes(b"PAR1")
    refused(place.link("no", place.files, "--onto", run), 3, "is damaged")


def erased_rows(place, count: int = 6) -> pd.DataFrame:
    """Records from clusters of three or more."""
    clusters = clusters_of(place.folder / "whole")
    size = clusters.groupby("cluster_id")["record_token"].transform("size")
    return clusters[size >= 3].drop_duplicates("cluster_id").iloc[:count]


@pytest.fixture(scope="module")
def erased(place) -> tuple[Path, pd.DataFrame]:
    rows = erased_rows(place)
    rows[["agency", "record_token"]].to_csv(place.folder / "tokens.csv", index=False)
    done = matcher(
        "erase", place.folder / "whole", "--tokens", place.folder / "tokens.csv",
        "--out", place.folder / "erased",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout == "6 records erased; 6 clusters changed\n"
    assert "still holds them" in done.stderr
    return place.folder / "erased", rows


def test_erased_records_are_nowhere_in_the_run(erased):
    run, rows = erased
    for path in run.rglob("*"):
        if path.is_file() and path.name != "tombstones.parquet":
            content = path.read_bytes()
            tables = [pq.read_table(path)] if path.suffix == ".parquet" else []
            text = [column.to_pylist() for table in tables for column in table.columns]
            values = {str(value) for column in text for value in column}
            values |= {
                value.hex() for column in text for value in column if isinstance(value, bytes)
            }
            assert not [t for t in rows["record_token"] if t in values or t.encode() in content]
    tombstones = pq.read_table(run / "tombstones.parquet").to_pandas()
    assert set(tombstones["record_token"]) == set(rows["record_token"])


def test_an_erasure_changes_only_the_clusters_that_held_a_record(place, erased):
    run, rows = erased
    before, after = clusters_of(place.folder / "whole"), clusters_of(run)
    others = ~before["cluster_id"].isin(rows["cluster_id"])
    kept = after[~after["cluster_id"].isin(rows["cluster_id"])]
    kept = kept[kept["record_token"].isin(before[others]["record_token"])]
    pd.testing.assert_frame_equal(
        before[others].reset_index(drop=True), kept.reset_index(drop=True)
    )
    assert len(after) == len(before) - len(rows)
    lineage = lineage_of(run)
    changed = lineage[lineage["kind"] != "unchanged"]
    assert set(changed["old_cluster_id"]) == set(rows["cluster_id"])
    assert set(changed["kind"]) <= {"shrunk", "split"}
    links = [pq.read_table(r / "links.parquet").to_pandas() for r in (place.folder / "whole", run)]
    tokens = set(before[others]["record_token"])
    same = [table[table["token_a"].isin(tokens) & table["token_b"].isin(tokens)] for table in links]
    pd.testing.assert_frame_equal(*(table.reset_index(drop=True) for table in same))
    model = json.loads((run / "model.json").read_text())
    assert sum(agency["records"] for agency in model["agencies"].values()) == len(after)
    assert model["erased"] == 6
    assert "</html>" in (run / "report.html").read_text(encoding="utf-8")


def test_later_runs_leave_erased_records_out(place, erased):
    run, rows = erased
    done = place.link("later", place.files, "--onto", run)
    assert done.returncode == 0, done.stderr
    assert "6 of 6 pairs of files" in done.stderr
    later = place.folder / "later"
    assert not set(clusters_of(later)["record_token"]) & set(rows["record_token"])
    assert (later / "tombstones.parquet").read_bytes() == (run / "tombstones.parquet").read_bytes()
    # A scan that was made with the records may not stand in for one without them.
    done = place.link("mixed", place.files, "--onto", mixed(place, run))
    assert set(rows["agency"]) == {"agency0"}
    assert "3 of 6" in done.stderr
    assert "agency0" not in done.stderr


def mixed(place, run: Path) -> Path:
    folder = place.folder / "mixture"
    shutil.copytree(run, folder, dirs_exist_ok=True)
    for path in (place.folder / "whole" / "scans").iterdir():
        shutil.copy(path, folder / "scans" / path.name)
    return folder


def test_erasing_in_place_and_again(place, erased, tmp_path):
    run = tmp_path / "run"
    shutil.copytree(erased[0], run)
    tokens = place.folder / "tokens.csv"
    done = matcher("erase", run, "--tokens", tokens, "--out", run)
    assert (done.returncode, done.stdout) == (0, "0 records erased; 0 clusters changed\n")
    assert done.stderr == ""
    assert partition(run) == partition(erased[0])
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("agency,token\nagency0,1\n", "lacks the column 'record_token'"),
        ("agency,record_token\nagency0,xyz\n", "row 2: this is not a token"),
        (f"agency,record_token\nagency0,{'0' * 32}\n", "doesn't hold"),
        (f"agency,record_token\nagency9,{'0' * 32}\n", "names the agency 'agency9'"),
        ("", "not a CSV file"),
    ],
)
def test_tokens_that_cannot_be_erased_are_refused(place, tmp_path, text, complaint):
    (tmp_path / "tokens.csv").write_text(text, encoding="utf-8")
    words = ["--tokens", tmp_path / "tokens.csv", "--out", tmp_path / "out"]
    refused(matcher("erase", place.folder / "whole", *words), 1, complaint)
    assert not (tmp_path / "out").exists()


def test_a_damaged_scan_stops_an_erasure(place, erased, tmp_path):
    run = tmp_path / "run"
    shutil.copytree(place.folder / "whole", run)
    (run / scan_path(("agency0", "agency1"))).write_bytes(b"PAR1")
    words = ["--tokens", place.folder / "tokens.csv", "--out", tmp_path / "out"]
    refused(matcher("erase", run, *words), 3, "is damaged")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run"]


def test_names_of_scans_are_safe_and_distinct():
    pairs = [("Police", "care"), ("police", "care"), ("a--b", "c"), ("a", "b--c"), ("a/..", "b c")]
    paths = {scan_path(pair).lower() for pair in pairs}
    assert len(paths) == len(pairs)
    assert all(path.count("/") == 1 and ".." not in path and " " not in path for path in paths)


def test_alternates_survive_a_stored_scan(place, tmp_path):
    rng = np.random.default_rng(0)
    files = []
    for k, file in enumerate(place.encodings):
        own = rng.permutation(np.r_[np.arange(len(file)), np.arange(0, len(file), 3)])
        header = replace(file.header, alternates=True)
        bits = file.bits[own] ^ np.uint64(k % 2)
        files.append(tmp_path / f"{k}.arrow")
        files[-1].write_bytes(
            as_bytes(
                Encodings(
                    header, file.tokens[own], bits * file.present[own][:, :, None],
                    file.present[own],
                )
            )
        )  # fmt: skip
    for out, own, extra in (
        ("alt3", files[1:], ()), ("alt", files, ()), ("alt4", files, ("--onto", "alt3")),
    ):  # fmt: skip
        words = [place.folder / word if word == "alt3" else word for word in extra]
        assert place.link(out, own, *words).returncode == 0
    one, two = ((place.folder / run / "evidence.parquet").read_bytes() for run in ("alt", "alt4"))
    assert one == two
