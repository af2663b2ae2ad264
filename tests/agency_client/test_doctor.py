import json
from datetime import UTC, datetime, timedelta

import pytest
from click.testing import CliRunner

import agency_client.doctor as doctor_module
from agency_client.cli import cli
from agency_client.doctor import diagnose
from agency_client.ready_schemes import ready_scheme
from linkage.protocol.agreement import parse_agreement
from tests.agency_client.conftest import AGREEMENT, CANARY

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)


def arguments(desk, *more, secret="secret.key"):
    words = ["doctor", "--agreement", str(desk.folder / "agreement.toml")]
    words += ["--keystore", str(desk.folder / "none")]
    words += ["--secret-file", str(desk.folder / secret)] if secret else []
    return [*words, *more]


def run(desk, *more, **changes):
    return CliRunner().invoke(cli, arguments(desk, *more, **changes))


def answers(desk, **changes):
    done = run(desk, "--format", "json", **changes)
    assert done.exit_code == 0, done.stderr
    return json.loads(done.stdout)


def agreement():
    return parse_agreement(AGREEMENT.read_text(encoding="utf-8"), "a")


def test_all_is_well(desk):
    found = answers(desk)
    assert found["passed"]
    assert {check["name"] for check in found["checks"]} == {
        "python", "clock", "self-test", "secret",
    }  # fmt: skip
    assert found["known_answers_short"].replace(" ", "") == found["known_answers"][:32]
    assert found["secret"] == "own"
    assert set(found["versions"]) >= {"python", "unicode", "cryptography", "jellyfish", "numpy"}


def test_text_shows_what_to_read_out_and_no_secret(desk):
    done = run(desk)
    assert done.exit_code == 0
    assert answers(desk)["known_answers_short"] in done.stdout
    assert CANARY not in done.output
    assert CANARY.encode().hex() not in done.output
    assert done.stderr == ""


def test_two_agencies_agree_and_a_changed_secret_or_scheme_is_noticed(desk):
    first = answers(desk)["known_answers_short"]
    same = run(desk, "--expect", first, "--format", "json")
    assert same.exit_code == 0
    assert json.loads(same.stdout)["checks"][-1]["passed"]
    (desk.folder / "other.key").write_text(CANARY + "!")
    (desk.folder / "other.key").chmod(0o600)
    other = run(desk, "--expect", first, secret="other.key")
    assert other.exit_code == 3
    assert "compare the scheme's digest" in other.stderr
    desk.agreement(bits=("bits_per_token = 31", "bits_per_token = 30"))
    assert run(desk, "--expect", first).exit_code == 3


def test_without_a_secret_everything_else_is_compared(desk):
    found = answers(desk, secret=None)
    assert found["secret"] == "public test secret"
    assert found["known_answers"] != answers(desk)["known_answers"]
    assert "public test secret" in run(desk, secret=None).stdout


def test_a_secret_that_others_can_read(desk):
    (desk.folder / "secret.key").chmod(0o644)
    done = run(desk, "--format", "json")
    assert done.exit_code == 3
    assert "chmod 600" in done.stderr
    found = json.loads(done.stdout)
    assert found["known_answers"] is None
    assert not found["passed"]


def test_files_that_are_not_there_or_not_usable(desk):
    assert run(desk, secret="none.key").exit_code == 1
    assert run(desk, "--expect", "12 34").exit_code == 1
    assert "isn't one" in run(desk, "--expect", "xyz").stderr
    desk.agreement(bits=("bits_per_token = 31", "bits_per_token = 0"))
    assert run(desk).exit_code == 1


@pytest.mark.parametrize(
    ("moment", "passed"),
    [(datetime(1970, 1, 1, tzinfo=UTC), False), (datetime(2200, 1, 1, tzinfo=UTC), False),
     (NOW, True)],
)  # fmt: skip
def test_the_clock(moment, passed):
    found = {
        check.name: check for check in diagnose(agreement(), None, None, lambda: moment).checks
    }
    assert found["clock"].passed == passed


def test_a_clock_that_is_behind_the_secret(desk):
    made = datetime.fromtimestamp((desk.folder / "secret.key").stat().st_mtime, UTC)
    for behind, passed in ((timedelta(hours=1), True), (timedelta(days=2), False)):
        found = diagnose(
            agreement(), desk.folder / "secret.key", None, lambda behind=behind: made - behind
        )
        assert {check.name: check.passed for check in found.checks}["clock"] == passed


def test_an_old_python(monkeypatch):
    monkeypatch.setattr(doctor_module, "LEAST_PYTHON", (99, 0))
    found = diagnose(agreement(), None, None, lambda: NOW)
    assert [check.name for check in found.checks if not check.passed] == ["python"]


def test_an_installation_that_sets_other_bits(monkeypatch, desk):
    """As if a library had changed: the self-test is the default scheme's golden digest."""
    other = ready_scheme("x6-private")
    monkeypatch.setattr(doctor_module, "ready_scheme", lambda _name: other)
    done = run(desk)
    assert done.exit_code == 3
    assert "self-test" in done.stdout
    assert "other bits" in done.stderr


def test_help_has_an_example():
    assert (
        "Example:\n    agency-client doctor" in CliRunner().invoke(cli, ["doctor", "--help"]).output
    )
