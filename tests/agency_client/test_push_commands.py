"""``push`` and ``status`` from the command line, against a matcher on loopback."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import delete, insert

from agency_client.cli import cli
from agency_client.keystore.store import create_keystore, open_keystore
from agency_client.leakage_files import record_path, summary_beside
from agency_client.signatures import signature_path
from linkage.protocol.agreement import parse_agreement
from linkage.protocol.result import RunResult, result_bytes
from linkage.protocol.standing import sign_agreement
from linkage.receipts import verify_receipt
from matcher.objects.folder import Folder
from matcher.store.migrating import migrate
from matcher.store.tables import results
from tests.agency_client.keystore.test_wrapping import CHEAP
from tests.agency_client.test_leakage_files import LEAKY, REASON, REPORT, beside
from tests.databases import open_database
from tests.linkage.audit.made_up import LOG
from tests.linkage.protocol.agreements import ROLES, TEXT
from tests.linkage.protocol.parties import POLICE
from tests.matcher.api.serving import Clock, Matcher, running
from tests.matcher.service_data import Data
from tests.matcher.uploading import file_of, open_round

PASSPHRASE = b"canary of a passphrase"


class Office:
    """The police's desk: a keystore, the agreement with its signatures, and a matcher."""

    def __init__(self, folder: Path, matcher: Matcher) -> None:
        self.folder = folder
        self.matcher = matcher
        self.passphrase = folder / "passphrase"
        self.passphrase.write_bytes(PASSPHRASE)
        self.passphrase.chmod(0o600)
        create_keystore(folder / "keys", "police", PASSPHRASE, CHEAP)
        own = open_keystore(folder / "keys", PASSPHRASE).identity
        text = TEXT
        for old, new in (
            (POLICE.public.signing_key, own.public.signing_key),
            (POLICE.public.sealing_key, own.public.sealing_key),
        ):
            text = text.replace(str(old), str(new))
        self.agreement = folder / "agreement.toml"
        today = datetime.now(UTC).year
        text = text.replace("2026-01-01", f"{today}-01-01").replace("2026-12-31", f"{today}-12-31")
        self.agreement.write_text(text, encoding="utf-8")
        self.agreed = parse_agreement(text, "agreement.toml")
        self.parties = [own, *(party for party in ROLES if party.name != "police")]

    def sign(self) -> None:
        """Everybody signs; nobody's signature is beside the agreement."""
        for own in self.parties:
            content = sign_agreement(self.agreed, own)
            self.matcher.services.admission.sign(self.agreed, own.name, content)

    def run(self, *words: object) -> Result:
        common = [
            "--agreement", self.agreement, "--keystore", self.folder / "keys",
            "--passphrase-file", self.passphrase, "--matcher", self.matcher.url,
            "--log-key", LOG.verifier,
        ]  # fmt: skip
        return CliRunner().invoke(cli, [str(word) for word in (*words, *common)], obj=CHEAP)


@pytest.fixture
def matcher(tmp_path: Path) -> Iterator[Matcher]:
    """Give a matcher on SQLite alone: the client knows nothing of databases."""
    database = open_database(f"sqlite:///{tmp_path / 'matcher.sqlite'}")
    migrate(database)
    with running(database, Clock(datetime.now(UTC).replace(microsecond=0))) as found:
        yield found


@pytest.fixture
def office(tmp_path: Path, matcher: Matcher) -> Office:
    found = Office(tmp_path, matcher)
    matcher.admit(found.agreed)
    return found


@pytest.fixture
def ready(office: Office) -> Office:
    office.sign()
    open_round(office.matcher.services.database, 1, office.agreed)
    return office


def file_at(office: Office, data: bytes | None = None) -> Path:
    path = office.folder / "police.arrow"
    path.write_bytes(file_of("police") if data is None else data)
    return path


def test_push_and_status(ready: Office):
    path = file_at(ready)
    before = ready.run("status", "--format", "json")
    assert before.exit_code == 75
    assert json.loads(before.stdout)["upload"] is None
    done = ready.run("push", path, "--format", "json")
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert (told["round"], told["rows"]) == (1, 2000)
    receipt = Path(told["receipt"])
    verified = verify_receipt(receipt.read_bytes(), "it", ready.agreed, "police", LOG.verifier)
    assert verified.manifest.upload == told["upload"]
    assert verified.checkpoint.size == told["log_size"]
    assert signature_path(ready.agreement, "care").exists()

    after = ready.run("status", "--format", "json")
    assert after.exit_code == 75
    assert json.loads(after.stdout) == {
        "agreement": ready.agreed.digest(), "state": "in force", "round": 1,
        "upload": {"id": told["upload"], "state": "committed", "reason": ""},
        "run": None, "finished": False,
    }  # fmt: skip
    assert "others have yet to push" in after.stderr
    receipt.unlink()
    dry = ready.run("push", path, "--dry-run", "--format", "json")
    assert json.loads(dry.stdout)["sha256"] == told["sha256"]
    assert (dry.exit_code, receipt.exists()) == (0, False)
    again = ready.run("push", path)
    assert receipt.exists()
    assert again.exit_code == 0
    assert "committed in round 1: 2,000 rows" in again.stdout


def test_what_came_of_the_leakage_report_is_signed_for(ready: Office):
    _, digest = beside(ready.folder, LEAKY, REASON)
    path = file_at(ready, file_of("police", leakage=digest))
    done = ready.run("push", path, "--format", "json")
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert told["leakage"] == "overruled"
    receipt = Path(told["receipt"]).read_bytes()
    manifest = verify_receipt(receipt, "it", ready.agreed, "police", LOG.verifier).manifest
    assert manifest.leakage == summary_beside(path, digest)
    assert "leakage report: overruled" in ready.run("push", path).stdout


def test_without_its_own_leakage_report_nothing_is_sent(ready: Office):
    _, digest = beside(ready.folder, REPORT)
    path = file_at(ready, file_of("police", leakage=digest))
    beside(ready.folder, LEAKY, REASON)
    other = ready.run("push", path)
    assert (other.exit_code, "written by another run" in other.stderr) == (3, True)
    record_path(path).unlink()
    for words in ((), ("--dry-run",)):
        missing = ready.run("push", path, *words)
        assert (missing.exit_code, "Put it back beside" in missing.stderr) == (3, True)
    assert json.loads(ready.run("status", "--format", "json").stdout)["upload"] is None
    # A file of an earlier release names no report, whatever lies beside it.
    older = ready.run("push", file_at(ready))
    assert (older.exit_code, "none came with the file" in older.stdout) == (0, True)


def test_a_run_without_your_upload_is_not_yours(ready: Office):
    """The operator has started one before this agency pushed."""
    services, digest = ready.matcher.services, ready.agreed.digest()
    others = Data(services.database, Folder(ready.folder / "objects"), services.ledger, digest)
    run = others.run([], at=1)
    with services.database.writing() as connection:
        connection.execute(delete(results))
    assert ready.run("push", file_at(ready)).exit_code == 0
    found = ready.run("status", "--format", "json")
    assert (found.exit_code, json.loads(found.stdout)["finished"]) == (75, False)
    assert "the run of round 1 is without your upload" in found.stderr

    result = RunResult(digest, 1, run, "2026-03-02T09:00:00Z", ("care", "police"), 2000)
    with services.database.writing() as connection:
        values = {"run": run, "agency": "police", "content": result_bytes(result)}
        connection.execute(insert(results).values(**values))
    found = ready.run("status", "--format", "json")
    assert (found.exit_code, json.loads(found.stdout)["finished"]) == (0, True)


def test_why_not_is_said_with_its_exit_code(ready: Office):
    refused = ready.run("push", file_at(ready, file_of("care")))
    assert (refused.exit_code, "was encoded as 'care'" in refused.stderr) == (4, True)
    damaged = ready.run("push", file_at(ready, file_of("police")[:-50]))
    assert damaged.exit_code == 3
    early = ready.run("push", file_at(ready), "--round", "2")
    assert (early.exit_code, "Round 2 isn't open" in early.stderr) == (75, True)
    assert ready.run("push", file_at(ready)).exit_code == 0
    other = ready.run("push", file_at(ready, file_of("police", seed=1)))
    assert (other.exit_code, "next round" in other.stderr) == (4, True)
    open_round(ready.matcher.services.database, 2, ready.agreed)
    assert ready.run("push", file_at(ready, file_of("police", seed=1))).exit_code == 0


def test_nothing_is_pushed_before_all_have_signed(office: Office):
    assert office.run("push", file_at(office)).exit_code == 75
    found = office.run("status")
    assert (found.exit_code, "unsigned" in found.stdout) == (75, True)


def test_nothing_is_pushed_before_a_round_is_open(office: Office):
    office.sign()
    pushed = office.run("push", file_at(office))
    assert (pushed.exit_code, "No round is open" in pushed.stderr) == (75, True)
    assert "no round is open" in office.run("status").stderr


def test_a_file_the_matcher_refuses_is_refused_with_its_reason(ready: Office):
    """Altered where only whoever reads all of it can see that."""
    data = file_of("police")
    middle = len(data) // 2
    path = file_at(ready, data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :])
    pushed = ready.run("push", path)
    assert (pushed.exit_code, "altered or cut short" in pushed.stderr) == (3, True)
    assert not (ready.folder / "police.arrow.receipt").exists()
    assert "refused: It is not a whole file" in ready.run("status").stdout


def test_a_matcher_that_is_not_there_is_said(ready: Office, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("time.sleep", lambda _: None)
    ready.matcher.url = "http://127.0.0.1:9"
    pushed = ready.run("push", file_at(ready))
    assert (pushed.exit_code, "can't be reached" in pushed.stderr) == (1, True)


@pytest.mark.parametrize("command", ["push", "status"])
def test_a_matcher_must_be_named(ready: Office, command: str):
    words = [command, *([str(file_at(ready))] if command == "push" else [])]
    words += ["--agreement", str(ready.agreement), "--keystore", str(ready.folder / "keys")]
    words += ["--passphrase-file", str(ready.passphrase)]
    assert CliRunner().invoke(cli, words, obj=CHEAP).exit_code == 2
