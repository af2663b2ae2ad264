"""``matcher purge`` as an operator runs it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from sqlalchemy import insert

from matcher.config.loading import load_settings
from matcher.config.log_key import read_signer
from matcher.ledger.ledger import Ledger
from matcher.objects.opening import open_objects
from matcher.store.database import Database
from matcher.store.tables import lookups
from tests.matcher.service_data import Data, made_up_agreement


@pytest.fixture
def folder(tmp_path: Path, matcher) -> Path:
    folder = tmp_path / "service"
    assert matcher("init", folder, "--log-name", "concord.example/north-east")[0] == 0
    assert matcher("migrate", folder)[0] == 0
    return folder


@pytest.fixture
def data(folder: Path) -> Data:
    """Give an upload of 1970, and a run of it."""
    settings = load_settings(folder, {}, {})
    database = Database(settings.database_url)
    signer = read_signer(settings.log_key_file, settings.log_key)
    data = Data(database, open_objects(settings), Ledger(database, signer))
    data.admit(made_up_agreement())
    data.run([data.upload("police", 100)], 200)
    return data


def test_a_dry_run_erases_nothing(matcher, folder: Path, data: Data):
    before = list(data.objects.list())
    code, out, _ = matcher("purge", folder, "--dry-run", "--format", "json")
    assert code == 0
    assert json.loads(out) == {
        "dry_run": True, "uploads": 1, "runs": 1, "in_use": 0, "expired": 0,
        "disclosures": 0, "ended": 0, "lookups": 0, "payloads": 0, "cohorts": 0, "unfinished": 0,
    }  # fmt: skip
    assert "would be erased: 1 uploads" in matcher("purge", folder, "--dry-run")[1]
    assert list(data.objects.list()) == before


def test_a_purge_erases_and_the_log_verifies(matcher, folder: Path, data: Data):
    code, out, err = matcher("purge", folder)
    assert (code, err) == (0, "")
    assert "erased: 1 uploads, the files of 1 runs" in out
    assert not list(data.objects.list())
    code, out, _ = matcher("verify-log", folder, "--format", "json")
    assert code == 0
    assert json.loads(out)["by_verb"]["erasure"] == 2


def test_a_purge_closes_and_erases_lookups(matcher, folder: Path, data: Data):
    with data.database.writing() as connection:
        connection.execute(
            insert(lookups).values(
                id="ab" * 32, agreement=data.agreement, asker="police", request=b"it", lodged=0,
                until=1, state="lodged",
            )
        )  # fmt: skip
    for flags in (("--dry-run",), ()):
        code, out, _ = matcher("purge", folder, *flags, "--format", "json")
        assert (code, json.loads(out)["lookups"]) == (0, 1)
    assert "0 lookups" in matcher("purge", folder)[1]
    assert matcher("verify-log", folder)[0] == 0


def test_what_a_run_uses_is_left_with_75(matcher, folder: Path, data: Data):
    data.run(data.uploads, 300, "running")
    for flag in ((), ("--dry-run",)):
        code, out, err = matcher("purge", folder, *flag)
        assert code == 75
        assert "0 uploads" in out
        assert "purge again when they have ended" in err


def test_help_has_an_example(matcher):
    code, out, _ = matcher("purge", "--help")
    assert code == 0
    assert "matcher purge /srv/concord" in out
