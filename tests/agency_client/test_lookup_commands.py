"""Lookups from desk to desk: asked, compared, answered, opened."""

from __future__ import annotations

import csv
import json
import shutil
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from unittest.mock import patch

import pytest
from click.testing import CliRunner
from sqlalchemy import update

from agency_client.cli import cli
from agency_client.keystore.store import open_keystore
from agency_client.keystore.vault import SecretRecord, StoredSecret, keep_secret
from linkage.protocol.agreement import Agreement, parse_agreement
from linkage.protocol.standing import sign_agreement
from matcher.agreements.standings import Standings
from matcher.app.building import utc_now
from matcher.lookups.comparing import Comparing
from matcher.store.migrating import migrate
from matcher.store.tables import lookups
from tests.agency_client.keystore.test_wrapping import CHEAP
from tests.agency_client.parties import PASSPHRASE, ROLES, Office, new_office
from tests.databases import open_database
from tests.linkage.audit.made_up import LOG
from tests.matcher.api.serving import Matcher, running
from tests.matcher.lookups.known_people import MATERIAL, agencies_of, made_up_people
from tests.matcher.runs.matchers import Matcher as Runner
from tests.matcher.runs.matchers import never

PEOPLE = made_up_people(240)
KNOWN, UNKNOWN = 0, 215
"""Somebody known to care and health, and somebody nobody knows."""
HELD = {
    "police": list(range(20, 200)),
    "care": [KNOWN, *range(40, 200)],
    "health": [KNOWN, *range(60, 210)],
}


@dataclass
class Desks:
    """Agencies whose uploads are linked, each with its own copy of the agreement."""

    office: Office
    matcher: Matcher
    comparing: Comparing

    def file(self, party: str) -> Path:
        return self.office.folder / f"{party}.desk" / "agreement.toml"

    def run(self, party, *words, code=0, **more):
        where = ["--matcher", self.matcher.url, "--log-key", str(LOG.verifier)]
        words = [*map(str, words), "--agreement", str(self.file(party)), *where]
        found = CliRunner().invoke(cli, [*words, *self.office.keys(party)], obj=CHEAP, **more)
        assert found.exit_code == code, found.output
        return found

    def done(self, party, *words, **more):
        return json.loads(self.run(party, *words, "--format", "json", **more).stdout)

    def ask(self, number, *words, party="police"):
        """Ask for a person, and let the worker compare."""
        reference = ("--reference", "Strategy meeting", "--purpose", "missing-children")
        necessity = ("--necessity", "A child is missing")
        asked = ("lookup", "ask", "-", *reference, *necessity, *words)
        found = self.done(party, *asked, input=table(PEOPLE[number]))
        while self.comparing.compare_next():
            pass
        return found["id"]

    def end(self, lookup):
        """Let the lookup's time be over."""
        with self.matcher.services.database.writing() as connection:
            connection.execute(update(lookups).where(lookups.c.id == lookup).values(until=1))

    def extract(self, party):
        folder = self.office.folder
        return ("--extract", folder / f"{party}.csv", "--map", folder / f"{party}.map.parquet")


def table(*people):
    """People as CSV."""
    sink = StringIO()
    writer = csv.writer(sink)
    writer.writerow(people[0])
    writer.writerows(person.values() for person in people)
    return sink.getvalue()


def furnish(folder: Path, matcher: Matcher, office: Office) -> Desks:
    """Let everybody sign and hold the secret; link what the agencies have pushed."""
    agreement = parse_agreement(office.agreement.read_text(), "it")
    found = Desks(office, matcher, None)
    for party in ROLES:
        found.file(party).parent.mkdir()
        shutil.copy(office.agreement, found.file(party))
    put_in_force(matcher, agreement, office)
    runner = Runner(matcher.services.database, folder / "runner", matcher.clock)
    runner.open_round(agreement.digest(), 1)
    for own in agencies_of(agreement.scheme, PEOPLE, HELD).values():
        own.write(office.folder)
        runner.commit(agreement.digest(), 1, own.encodings)
    with patch("matcher.runs.linking.render", lambda *_: "<html>"):
        assert runner.worker().run_next(never)
    standings = Standings(matcher.clock)
    services = matcher.services
    found.comparing = Comparing(
        services.database, runner.objects, runner.open_upload, standings, matcher.clock
    )
    return found


def put_in_force(matcher: Matcher, agreement: Agreement, office: Office) -> None:
    own = agreement.agreement
    for party in ("linker", *(name for name in ROLES if name != "linker")):
        store = open_keystore(office.folder / party, PASSPHRASE.encode())
        signature = sign_agreement(agreement, store.identity)
        if party == "linker":
            matcher.services.admission.admit(agreement, {"its file": signature})
        else:
            matcher.services.admission.sign(agreement, party, signature)
        if party in HELD:
            record = SecretRecord(own.id, own.epoch, "police", "ab" * 32)
            keep_secret(store, agreement, StoredSecret(record, bytearray(MATERIAL)))


@pytest.fixture(scope="module")
def desks(tmp_path_factory):
    folder = tmp_path_factory.mktemp("lookups")
    (folder / "office").mkdir()
    office = new_office(folder / "office")
    text = office.agreement.read_text()
    for old, new in (
        ('roles = ["agency"]', 'roles = ["agency", "recipient"]'),
        ('recipients = ["hub"]', 'recipients = ["care", "hub", "police"]'),
        ("lookups_per_day = 5", "lookups_per_day = 50"),
    ):
        assert old in text
        text = text.replace(old, new)
    office.agreement.write_text(text)
    database = open_database(f"sqlite:///{folder / 'matcher.sqlite'}")
    migrate(database)
    with running(database, utc_now, requests_per_second=1000, burst=1000) as matcher:
        yield furnish(folder, matcher, office)
    database.close()


def test_one_person_is_asked_for_released_and_opened(desks: Desks):
    lookup = desks.ask(KNOWN)
    for party in ("care", "health"):
        assert [one["id"] for one in desks.done(party, "lookup", "list")["lookups"]] == [lookup]
        assert desks.done(party, "lookup", "show", lookup[:8])["matches"] == 1
    answered = desks.done("care", "lookup", "answer", lookup[:8], *desks.extract("care"), "--yes")
    assert answered == {"id": lookup, "outcome": "released", "records": 1}
    reason = ("--nothing", "--reason", "The family is under protection", "--yes")
    desks.done("health", "lookup", "answer", lookup, *reason)
    desks.run("police", "lookup", "open", lookup, code=75)
    desks.end(lookup)
    opened = desks.done("police", "lookup", "open", lookup[:8])
    [row] = opened["released"]["care"]
    assert row["surname"] == PEOPLE[KNOWN]["surname"]
    assert (opened["answered"], opened["silent"]) == (["care", "health"], [])
    assert list(opened["released"]) == ["care"]
