"""``matcher backup`` and ``restore`` as an operator runs them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from matcher.config.loading import load_settings
from matcher.config.log_key import read_signer
from matcher.ledger.ledger import Ledger
from matcher.objects.opening import open_objects
from matcher.store.database import Database
from tests.matcher.service_data import Data, made_up_agreement

NAME = "concord.example/north-east"


@pytest.fixture
def folder(tmp_path: Path, matcher) -> Path:
    folder = tmp_path / "service"
    assert matcher("init", folder, "--log-name", NAME)[0] == 0
    assert matcher("migrate", folder)[0] == 0
    return folder


def open_data(folder: Path) -> Data:
    settings = load_settings(folder, {}, {})
    database = Database(settings.database_url)
    signer = read_signer(settings.log_key_file, settings.log_key)
    return Data(database, open_objects(settings), Ledger(database, signer))


@pytest.fixture
def data(folder: Path) -> Data:
    data = open_data(folder)
    data.admit(made_up_agreement())
    data.upload("police", 100)
    return data


@pytest.fixture
def fresh(folder: Path, tmp_path: Path) -> Path:
    """Give what an operator has after the loss of the machine: settings and key."""
    fresh = tmp_path / "fresh"
    fresh.mkdir()
    for name in ("matcher.toml", "log.key"):
        shutil.copy(folder / name, fresh / name)
    return fresh


def test_a_matcher_is_backed_up_and_restored(matcher, folder, data, fresh, tmp_path):
    out = tmp_path / "backup.tar"
    code, said, err = matcher("backup", folder, "--out", out)
    assert code == 0
    assert "holds 2 events of the log and 3 objects of 3,000 bytes" in said
    assert "neither log.key, identity.key nor matcher.toml is in it" in err
    code, said, err = matcher("restore", out, fresh)
    assert code == 0
    assert "with 2 events of the log and 3 objects, was restored" in said
    assert "verify-log" in err
    assert "VERIFIED. Events: 2" in matcher("verify-log", fresh)[1]


def test_what_came_after_the_backup_shows_as_a_rollback(matcher, folder, data, fresh, tmp_path):
    out, earlier = tmp_path / "backup.tar", tmp_path / "earlier.note"
    assert matcher("backup", folder, "--out", out)[0] == 0
    data.open_round(2)
    data.upload("police", 200, round_=2)
    earlier.write_bytes(data.ledger.checkpoint().to_bytes())
    assert matcher("restore", out, fresh)[0] == 0
    assert matcher("verify-log", fresh)[0] == 0
    code, _, err = matcher("verify-log", fresh, "--earlier", earlier)
    assert code == 3
    assert "events were taken away" in err


def test_in_json(matcher, folder, data, fresh, tmp_path):
    out = tmp_path / "backup.tar"
    made = json.loads(matcher("backup", folder, "--out", out, "--format", "json")[1])
    assert made == {
        "file": str(out), "written": True, "events": 2, "objects": 3, "object_bytes": 3000
    }  # fmt: skip
    restored = json.loads(matcher("restore", out, fresh, "--format", "json")[1])
    assert restored["made"].endswith("Z")
    assert (restored["restored"], restored["events"], restored["objects"]) == (True, 2, 3)


def test_dry_runs_write_nothing(matcher, folder, data, fresh, tmp_path):
    out = tmp_path / "backup.tar"
    assert "would hold 2 events" in matcher("backup", folder, "--out", out, "--dry-run")[1]
    assert not out.exists()
    assert matcher("backup", folder, "--out", out)[0] == 0
    before = sorted(fresh.iterdir())
    assert "can be restored" in matcher("restore", out, fresh, "--dry-run")[1]
    assert sorted(fresh.iterdir()) == before


def test_a_cut_backup_exits_with_3_and_changes_nothing(matcher, folder, data, fresh, tmp_path):
    out = tmp_path / "backup.tar"
    assert matcher("backup", folder, "--out", out)[0] == 0
    out.write_bytes(out.read_bytes()[:-12000])
    before = sorted(fresh.iterdir())
    code, said, err = matcher("restore", out, fresh)
    assert (code, said) == (3, "")
    assert "damaged or was cut short" in err
    assert sorted(fresh.iterdir()) == before


def test_a_full_matcher_refuses_with_4(matcher, folder, data, tmp_path):
    out = tmp_path / "backup.tar"
    assert matcher("backup", folder, "--out", out)[0] == 0
    for flag in ((), ("--dry-run",)):
        code, _, err = matcher("restore", out, folder, *flag)
        assert code == 4
        assert "nothing is overwritten" in err


def test_a_backup_needs_the_logs_key(matcher, folder, data, tmp_path):
    (folder / "log.key").unlink()
    code, _, err = matcher("backup", folder, "--out", tmp_path / "backup.tar")
    assert code == 1
    assert "log.key" in err


@pytest.mark.parametrize("name", ["backup", "restore"])
def test_help_has_an_example(matcher, name: str):
    code, out, _ = matcher(name, "--help")
    assert code == 0
    assert f"matcher {name} /" in out
