"""Commands against a matcher that really runs: each party at a desk of its own."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

from agency_client.keystore.store import open_keystore
from agency_client.keystore.witnessed import witnessed
from linkage.audit.checkpoint import open_checkpoint
from linkage.audit.cosignature import verify_cosignature
from linkage.audit.keys import SignatureType, VerifierKey
from linkage.protocol.agreement import parse_agreement
from matcher.app.building import utc_now
from matcher.store.migrating import migrate
from tests.agency_client.parties import PASSPHRASE, ROLES, Office, new_office
from tests.databases import open_database
from tests.linkage.audit.made_up import LOG
from tests.matcher.api.serving import Matcher, running

AGENCIES = [name for name, role in ROLES.items() if role == "agency"]


@pytest.fixture(scope="module")
def unsigned(tmp_path_factory):
    return new_office(tmp_path_factory.mktemp("office"))


@dataclass(frozen=True)
class Live:
    """A matcher that has admitted the agreement, and desks that know the matcher."""

    office: Office
    matcher: Matcher

    def file(self, party: str) -> Path:
        """The party's own copy of the agreement, with nothing beside it at first."""
        path = self.office.folder / f"{party}.desk" / "agreement.toml"
        if not path.exists():
            path.parent.mkdir()
            shutil.copy(self.office.agreement, path)
        return path

    def run(self, party, *words, code=0):
        """Run a command that ends with a code; return standard output and standard error."""
        found = self.office.run(party, *words)
        assert found.exit_code == code, found.output
        return found.stdout, found.stderr

    def sign_all(self):
        for party in ROLES:
            self.run(party, "agreement", "sign", self.file(party), "--yes")

    def store(self, party):
        return open_keystore(self.office.folder / party, PASSPHRASE.encode())

    def pinned(self, party):
        return open_checkpoint(witnessed(self.store(party), LOG.name), LOG.verifier)


@pytest.fixture
def live(unsigned, tmp_path):
    shutil.copytree(unsigned.folder, tmp_path / "office")
    database = open_database(f"sqlite:///{tmp_path / 'matcher.sqlite'}")
    migrate(database)
    with running(database, utc_now, requests_per_second=1000, burst=1000) as matcher:
        found = Live(Office(tmp_path / "office"), matcher)
        where = ("--matcher", matcher.url, "--log-key", str(LOG.verifier))
        # The operator's consent is a file; from then on everything goes over HTTP.
        file = found.file("linker")
        found.run("linker", "agreement", "sign", file, "--yes")
        signature = file.with_name("agreement.linker.signed").read_bytes()
        agreement = parse_agreement(file.read_text(), "it")
        matcher.services.admission.admit(agreement, {"its file": signature})
        for party in ROLES:
            found.run(party, "init", "--name", party, *where)
        yield found
    database.close()


def test_an_agreement_is_signed_and_followed_over_http(live: Live):
    live.run("police", "agreement", "status", live.file("police"), code=75)
    live.sign_all()
    out, err = live.run("police", "agreement", "status", live.file("police"), "--format", "json")
    assert json.loads(out)["state"] == "in force"
    assert "fetched from" in err
    beside = {path.name for path in live.file("police").parent.iterdir()}
    assert {f"agreement.{party}.signed" for party in ROLES} <= beside


def test_the_secret_reaches_all_and_the_round_opens(live: Live):
    live.sign_all()
    for party in AGENCIES:
        live.run(party, "agreement", "status", live.file(party))
    option = {party: ("--agreement", live.file(party)) for party in AGENCIES}
    live.run("care", "secret", "accept", *option["care"], code=75)
    live.run("police", "secret", "create", *option["police"])
    # A second time, after an accident: what arrived stays, and is the same secret.
    _, err = live.run("police", "secret", "create", *option["police"])
    assert "nobody anew" in err
    for party in ("care", "health"):
        live.run(party, "secret", "accept", *option[party])
    live.run("care", "secret", "compare", *option["care"], code=75)
    for party in AGENCIES:
        _, err = live.run(party, "secret", "answers", *option[party])
    assert "round 1 is open" in err
    out, _ = live.run("care", "secret", "compare", *option["care"])
    assert "all agencies would set the same bits" in out


def test_a_client_witnesses_what_it_has_changed(live: Live):
    live.sign_all()
    note = live.matcher.services.ledger.checkpoint()
    last = list(ROLES)[-1]
    identity = live.store(last).identity.public
    key = VerifierKey(last, SignatureType.WITNESS, identity.signing_key.raw)
    assert verify_cosignature(note, key) is not None


def test_the_log_of_a_matcher_is_verified_exported_and_witnessed(live: Live):
    live.sign_all()
    out, _ = live.run("officer", "log", "verify", "--format", "json")
    assert json.loads(out)["verified"] is True
    table = live.office.folder / "log.csv"
    live.run("officer", "log", "export", "--out", table)
    assert "agreement.in-force" in table.read_text(encoding="utf-8-sig")
    out, _ = live.run("officer", "log", "witness")
    assert "witnessed by officer" in out
    names = {line.name for line in live.matcher.services.ledger.checkpoint().signatures}
    assert "officer" in names


def test_every_answer_is_pinned(live: Live):
    live.sign_all()
    live.run("police", "agreement", "status", live.file("police"))
    assert live.pinned("police").size == live.matcher.services.heads.since(0).size


def test_a_log_that_was_set_back_is_found_out(live: Live, tmp_path: Path):
    """The database of before comes back under the same address and key."""
    live.sign_all()
    live.run("police", "agreement", "status", live.file("police"))
    database = live.matcher.services.database
    with database.writing() as connection:
        for table in ("log_cosignatures", "log_checkpoints"):
            connection.exec_driver_sql(f"DELETE FROM {table} WHERE size > 3")
        connection.exec_driver_sql("DELETE FROM log_events WHERE leaf >= 3")
        connection.exec_driver_sql("UPDATE log_head SET size = 3")
    _, err = live.run("police", "agreement", "status", live.file("police"), code=3)
    assert "shows a state of 3 events after one of" in err


def test_another_logs_key_is_refused(live: Live):
    from tests.linkage.audit.made_up import signer

    other = signer(LOG.name, SignatureType.LOG, "another seed").verifier
    words = ("agreement", "status", live.file("care"), "--log-key", str(other))
    _, err = live.run("care", *words, code=3)
    assert "no signature of" in err


def test_a_stranger_is_refused(live: Live):
    live.office.done("stranger", "init", "--name", "stranger")
    where = ("--matcher", live.matcher.url, "--log-key", str(LOG.verifier))
    _, err = live.run("stranger", "agreement", "status", live.file("stranger"), *where, code=4)
    assert "that of no party" in err


def test_nothing_runs_there(live: Live):
    where = ("--matcher", "http://127.0.0.1:9", "--log-key", str(LOG.verifier))
    _, err = live.run("police", "agreement", "status", live.file("police"), *where, code=1)
    assert err.count("\n") == 1
    assert "can't be reached" in err


@pytest.mark.parametrize(
    ("url", "code", "says"),
    [("http://matcher.example", 4, "no TLS"), ("ftp://x", 1, "not the address"),
     ("https://matcher.example/v1", 1, "not the address")],
)  # fmt: skip
def test_an_address_has_tls_and_nothing_more(live: Live, url: str, code: int, says: str):
    where = ("--matcher", url, "--log-key", str(LOG.verifier))
    _, err = live.run("police", "agreement", "status", live.file("police"), *where, code=code)
    assert says in err
