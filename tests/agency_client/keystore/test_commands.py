"""``init``, ``identity`` and the keystore's part of ``doctor``."""

import json
import re
import sys

import pytest
from click.testing import CliRunner

from agency_client.cli import cli
from agency_client.keystore.store import KEYS_FILE, open_keystore
from tests.agency_client.keystore.test_passphrase import FakeKeyring
from tests.agency_client.keystore.test_wrapping import CHEAP

PASSPHRASE = "canary of a passphrase"


@pytest.fixture
def run(tmp_path):
    (tmp_path / "passphrase").write_text(PASSPHRASE)
    (tmp_path / "passphrase").chmod(0o600)

    def invoke(*words, secret=True, keystore=True):
        more = ["--keystore", str(tmp_path / "keys")] if keystore else []
        more += ["--passphrase-file", str(tmp_path / "passphrase")] if secret else []
        done = CliRunner().invoke(cli, [*words, *more], obj=CHEAP)
        assert PASSPHRASE not in done.output
        return done

    return invoke


def made(run):
    done = run("init", "--name", "police", "--format", "json")
    assert done.exit_code == 0, done.stderr
    return json.loads(done.stdout)


def test_keys_are_made_and_handed_over(run, tmp_path):
    fingerprint = made(run)["fingerprint"]
    assert re.fullmatch(r"([0-9a-f]{4}-){7}[0-9a-f]{4}", fingerprint)
    shown = run("identity", "--out", str(tmp_path / "card.toml"))
    assert shown.exit_code == 0, shown.stderr
    assert fingerprint in shown.stdout
    other = run("identity", "--of", str(tmp_path / "card.toml"), secret=False, keystore=False)
    assert f"name         police\nfingerprint  {fingerprint}" in other.stdout
    own = json.loads(run("identity", "--format", "json").stdout)
    assert own["fingerprint"] == fingerprint
    assert own["signing_key"] in (tmp_path / "card.toml").read_text()
    assert "[[party]]" in run("identity").stdout


def test_a_card_that_was_changed_has_another_fingerprint(run, tmp_path):
    fingerprint = made(run)["fingerprint"]
    card = tmp_path / "card.toml"
    run("identity", "--out", str(card))
    card.write_text(card.read_text().replace('name = "police"', 'name = "polite"'))
    other = run("identity", "--of", str(card), secret=False, keystore=False)
    assert fingerprint not in other.stdout.splitlines()[1]
    card.write_text("[[party]]\nname = 'police'\n")
    assert run("identity", "--of", str(card), secret=False, keystore=False).exit_code == 1


def test_a_dry_run_writes_nothing_and_a_second_init_is_refused(run, tmp_path):
    assert run("init", "--name", "police", "--dry-run").exit_code == 0
    assert not (tmp_path / "keys").exists()
    made(run)
    before = (tmp_path / "keys" / KEYS_FILE).read_bytes()
    done = run("init", "--name", "police")
    assert done.exit_code == 4
    assert (tmp_path / "keys" / KEYS_FILE).read_bytes() == before


def test_init_draws_a_passphrase_for_the_keyring(run, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "keyring", FakeKeyring())
    assert run("init", "--name", "police", "--use-keyring", secret=False).exit_code == 0
    assert run("identity", secret=False).exit_code == 0
    with pytest.raises(Exception, match="passphrase"):
        open_keystore(tmp_path / "keys", PASSPHRASE.encode())


def test_without_a_keyring_init_says_so_and_falls_back(run, monkeypatch):
    monkeypatch.setitem(sys.modules, "keyring", None)
    done = run("init", "--name", "police", "--use-keyring", secret=False)
    assert "the package 'keyring' isn't installed; a passphrase of yours is used" in done.stderr
    # Nobody sits at the test's terminal.
    assert "give --passphrase-file" in done.stderr
    assert done.exit_code == 1


def test_wrong_passphrases_and_damage_have_exit_code_3(run, tmp_path):
    made(run)
    (tmp_path / "passphrase").write_text("another one altogether")
    done = run("identity")
    assert done.exit_code == 3
    assert "the passphrase is another one" in done.stderr
    path = tmp_path / "keys" / KEYS_FILE
    path.write_bytes(path.read_bytes()[:-9])
    assert run("identity").exit_code == 3
    path.unlink()
    assert run("identity").exit_code == 1


def checks(done):
    return {check["name"]: check["passed"] for check in json.loads(done.stdout)["checks"]}


def test_the_doctor_looks_the_keystore_over(run, tmp_path):
    made(run)
    done = run("doctor", "--keys", "--format", "json")
    assert done.exit_code == 0, done.stderr
    assert {"clock", "permissions", "keystore", "keys"} <= set(checks(done))
    (tmp_path / "keys" / KEYS_FILE).chmod(0o644)
    done = run("doctor", "--format", "json")
    assert done.exit_code == 3
    assert checks(done)["permissions"] is False
    assert "chmod -R go=" in done.stderr
    (tmp_path / "keys" / KEYS_FILE).chmod(0o600)
    (tmp_path / "keys" / KEYS_FILE).write_text("{}")
    done = run("doctor", "--keys", "--format", "json")
    assert checks(done)["keystore"] is False


def test_a_clock_that_is_behind_the_keys(run, tmp_path, monkeypatch):
    made(run)
    import os

    os.utime(tmp_path / "keys" / KEYS_FILE, (4e9, 4e9))
    assert checks(run("doctor", "--format", "json"))["clock"] is False


@pytest.mark.parametrize("command", ["init", "identity"])
def test_help_has_an_example(command):
    done = CliRunner().invoke(cli, [command, "--help"])
    assert f"Example:\n    agency-client {command}" in done.output
