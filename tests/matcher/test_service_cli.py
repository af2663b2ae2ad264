"""``matcher init``, ``migrate`` and ``verify-log`` as an operator runs them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from sqlalchemy import text

from linkage.audit.keys import parse_verifier_key
from matcher.cli import cli
from matcher.config.loading import load_settings
from matcher.config.log_key import read_signer
from matcher.ledger.ledger import Ledger
from matcher.store.database import Database
from matcher.store.migrating import needed_version
from tests.linkage.audit.made_up import LOG, event

NAME = "concord.example/north-east"


@pytest.fixture
def folder(tmp_path: Path, matcher) -> Path:
    folder = tmp_path / "service"
    assert matcher("init", folder, "--log-name", NAME)[0] == 0
    return folder


@pytest.fixture
def running(folder: Path, matcher) -> tuple[Path, Ledger, Database]:
    """Give a matcher with three events."""
    assert matcher("migrate", folder)[0] == 0
    settings = load_settings(folder, {}, {})
    database = Database(settings.database_url)
    ledger = Ledger(database, read_signer(settings.log_key_file, settings.log_key))
    for number in range(3):
        with ledger.recording() as recording:
            recording.append(event(number))
    return folder, ledger, database


def test_init_says_the_public_key_and_what_comes_next(tmp_path: Path, matcher):
    folder = tmp_path / "service"
    code, out, err = matcher("init", folder, "--log-name", NAME)
    key = load_settings(folder, {}, {}).log_key
    assert (code, err) == (0, "")
    assert str(key) in out
    assert key.fingerprint in out
    assert f"matcher migrate {folder}" in out


def test_init_never_says_the_private_key(tmp_path: Path, matcher):
    folder = tmp_path / "service"
    said = "".join(map(str, matcher("init", folder, "--format", "json")))
    said += (folder / "matcher.toml").read_text(encoding="utf-8")
    secret = "".join((folder / "log.key").read_text(encoding="ascii").splitlines()[1:-1])
    assert len(secret) == 64
    assert secret[-40:] not in said


def test_init_in_json(tmp_path: Path, matcher):
    _, out, _ = matcher("init", tmp_path / "new", "--log-name", NAME, "--format", "json")
    made = json.loads(out)
    key = parse_verifier_key(made["verifier_key"])
    assert (made["made"], made["log"], made["fingerprint"]) == (True, NAME, key.fingerprint)


def test_init_names_the_log_after_machine_and_folder(tmp_path: Path, matcher):
    code, out, _ = matcher("init", tmp_path / "new", "--format", "json")
    assert code == 0
    assert json.loads(out)["log"].endswith("/new")


@pytest.mark.parametrize("form", ["text", "json"])
def test_a_dry_init_makes_nothing(tmp_path: Path, matcher, form: str):
    code, out, _ = matcher("init", tmp_path / "new", "--dry-run", "--format", form)
    assert code == 0
    assert ("would be made" in out) if form == "text" else (json.loads(out)["made"] is False)
    assert not list(tmp_path.iterdir())


def test_init_overwrites_nothing(folder: Path, matcher):
    before = (folder / "log.key").read_bytes()
    code, out, err = matcher("init", folder, "--log-name", NAME)
    assert (code, out) == (1, "")
    assert "is not empty and nothing is overwritten" in err
    assert (folder / "log.key").read_bytes() == before


def test_migrate_says_what_it_did(folder: Path, matcher):
    _, out, _ = matcher("migrate", folder, "--dry-run", "--format", "json")
    assert json.loads(out) == {"from": None, "to": needed_version(), "dry_run": True}
    assert not (folder / "matcher.sqlite").exists()
    assert "would be brought from version none" in matcher("migrate", folder, "--dry-run")[1]
    said = f"was brought from version none to {needed_version()}"
    assert said in matcher("migrate", folder)[1]
    assert "nothing to do" in matcher("migrate", folder)[1]


def test_a_newer_database_is_refused_with_words(running, matcher):
    folder, _, database = running
    with database.writing() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    for command in ("migrate", "verify-log"):
        code, out, err = matcher(command, folder)
        assert (code, out) == (1, "")
        assert "a newer release has made" in err


def test_migrate_on_either_database(
    folder: Path, matcher, database_url: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("CONCORD_DATABASE_URL", database_url)
    assert matcher("migrate", folder)[0] == 0
    assert "VERIFIED. Events: 0" in matcher("verify-log", folder)[1]
    assert not (folder / "matcher.sqlite").exists()


def test_verify_log_says_what_it_verified(running, matcher):
    folder, ledger, _ = running
    code, out, err = matcher("verify-log", folder)
    assert (code, err) == (0, "")
    assert "VERIFIED. Events: 3; checkpoints: 3; cosignatures: 0." in out
    assert "show only with --earlier" in out
    _, out, _ = matcher("verify-log", folder, "--format", "json")
    verified = json.loads(out)
    assert (verified["verified"], verified["events"], verified["log"]) == (True, 3, NAME)
    assert verified["root"] == ledger.checkpoint().text.splitlines()[2]
    assert sum(verified["by_verb"].values()) == 3


def test_verify_log_needs_no_private_key(running, matcher):
    folder, _, _ = running
    (folder / "log.key").unlink()
    assert matcher("verify-log", folder)[0] == 0


def test_verify_log_exits_with_3_and_names_the_event(running, matcher):
    folder, _, database = running
    with database.writing() as connection:
        connection.execute(text("UPDATE log_events SET event = x'7b7d' WHERE leaf = 1"))
    code, out, err = matcher("verify-log", folder, "--format", "json")
    assert code == 3
    assert "Event 2 of the stored log" in err
    assert json.loads(out)["verified"] is False
    assert matcher("verify-log", folder)[:2] == (3, "")


def test_verify_log_with_an_earlier_state(running, matcher, tmp_path: Path):
    folder, ledger, database = running
    earlier = tmp_path / "earlier.txt"
    earlier.write_bytes(ledger.checkpoint().to_bytes())
    code, out, _ = matcher("verify-log", folder, "--earlier", earlier)
    assert code == 0
    assert "--earlier" not in out
    with database.writing() as connection:
        for statement in (
            "DELETE FROM log_events WHERE leaf = 2",
            "UPDATE log_sorts SET count = count - 1"
            " WHERE id = (SELECT sort FROM log_index WHERE leaf = 2)",
            "DELETE FROM log_index WHERE leaf = 2",
            "DELETE FROM log_sorts WHERE count = 0",
            "DELETE FROM log_nodes WHERE level = 0 AND position = 2",
            "DELETE FROM log_checkpoints WHERE size = 3",
            "UPDATE log_head SET size = 2",
        ):
            connection.execute(text(statement))
    assert matcher("verify-log", folder)[0] == 0
    code, _, err = matcher("verify-log", folder, "--earlier", earlier)
    assert code == 3
    assert "the bundle is older, or events were taken away" in err


def test_verify_log_by_another_key_fails(running, matcher):
    folder, _, _ = running
    code, _, err = matcher("verify-log", folder, "--verifier-key", LOG.verifier)
    assert code == 3
    assert "There is no signature of" in err
    code, _, err = matcher("verify-log", folder, "--verifier-key", "nonsense")
    assert code == 1
    assert "the flag for log.verifier_key" in err


@pytest.mark.parametrize("word", ["migrate", "verify-log"])
def test_a_folder_without_settings_is_said(tmp_path: Path, matcher, word: str):
    code, _, err = matcher(word, tmp_path)
    assert code == 1
    assert "make one with 'matcher init'" in err


def test_verify_log_before_migrate_is_said(folder: Path, matcher):
    code, _, err = matcher("verify-log", folder)
    assert code == 1
    assert "run 'matcher migrate'" in err


@pytest.mark.parametrize("name", ["init", "migrate", "verify-log"])
def test_help_has_an_example(matcher, name: str):
    assert name in cli.commands
    code, out, _ = matcher(name, "--help")
    assert code == 0
    assert f"matcher {name} /srv/concord" in out
