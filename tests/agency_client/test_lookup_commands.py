"""Lookups from desk to desk: asked, compared, answered, opened."""

from __future__ import annotations

import csv
import json
import shutil
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from unittest.mock import Mock, patch

import pytest
from click.testing import CliRunner
from sqlalchemy import update

from agency_client.cli import cli
from agency_client.cli.lookup_text import visible
from agency_client.keystore.store import open_keystore
from agency_client.keystore.vault import SecretRecord, StoredSecret, keep_secret
from agency_client.lookups.book import LookupBook
from agency_client.matcher_api.connection import Connection
from linkage.errors import UnavailableError
from linkage.protocol.agreement import Agreement, parse_agreement
from linkage.protocol.lookups.content import Decision, verify_decision
from linkage.protocol.lookups.messages import verify_answer
from linkage.protocol.standing import sign_agreement
from matcher.agreements.standings import Standings
from matcher.app.building import utc_now
from matcher.lookups import rows
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
    agreement: Agreement

    @property
    def digest(self) -> str:
        return self.agreement.digest()

    def file(self, party: str) -> Path:
        return self.office.folder / f"{party}.desk" / "agreement.toml"

    def run(self, party, *words, code=0, **more):
        where = ["--matcher", self.matcher.url, "--log-key", str(LOG.verifier)]
        words = [*map(str, words), "--agreement", str(self.file(party)), *where]
        found = CliRunner().invoke(cli, [*words, *self.office.keys(party)], obj=CHEAP, **more)
        assert code in (None, found.exit_code), found.output
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
    found = Desks(office, matcher, None, agreement)
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


def test_the_decision_is_kept_and_can_be_shown_to_an_auditor(desks: Desks):
    lookup = desks.ask(KNOWN)
    words = ("lookup", "answer", lookup, "--nothing", "--yes")
    desks.run("care", *words, code=2)  # it matches, so there must be a reason
    desks.done("care", *words, "--reason", "The family is under protection")
    desks.end(lookup)
    shown = desks.done("care", "lookup", "show", lookup)
    decision = shown["decision"]
    assert (shown["state"], decision["outcome"]) == ("closed", "refused")
    note = desks.office.folder / "care" / "lookups" / f"{lookup}.json"
    assert b"protection" not in note.read_bytes()
    said = Decision(lookup, decision["at"], "refused", 0, "The family is under protection")
    answer = signed_answer(desks, lookup, "care")
    verify_decision(answer.decision, bytes.fromhex(decision["salt"]), said)


def signed_answer(desks: Desks, lookup: str, agency: str):
    with desks.matcher.services.database.reading() as connection:
        own = rows.require(connection, desks.digest, lookup)
        content, _ = rows.answers_to(connection, lookup)[agency]
    return verify_answer(content, "it", desks.agreement, own.asker, own.request)[1]


def test_all_lookups_are_answered_at_once_also_those_that_match(desks: Desks):
    known, unknown = desks.ask(KNOWN), desks.ask(UNKNOWN)
    planned = desks.done("health", "lookup", "answer", "--all-empty", "--dry-run")
    assert set(planned["answered"]) == {known, unknown}
    done = desks.done("health", "lookup", "answer", "--all-empty")
    assert set(done["answered"]) == {known, unknown}
    assert done["matching"] == [known]
    again = desks.run("health", "lookup", "answer", "--all-empty").stdout
    assert "0 answered with nothing" in again
    assert f"look at {known[:16]}" in again
    outcomes = {
        own: desks.done("health", "lookup", "show", own)["decision"]["outcome"]
        for own in (known, unknown)
    }
    assert outcomes == {known: "undecided", unknown: "nothing"}
    # Whoever looks at it afterwards may still release.
    desks.done("health", "lookup", "answer", known, *desks.extract("health"), "--yes")
    for lookup in (known, unknown):
        desks.end(lookup)
    assert list(desks.done("police", "lookup", "open", known)["released"]) == ["health"]
    opened = desks.run("police", "lookup", "open", unknown).stdout
    assert "released by nobody" in opened
    assert "no answer came from care" in opened


def test_what_would_leave_is_shown_first_and_goes_only_if_it_may(desks: Desks):
    lookup = desks.ask(KNOWN, "--field", "surname")
    words = ("lookup", "answer", lookup, *desks.extract("care"))
    refused = desks.run("care", *words, input="n\n")
    assert f"surname          {PEOPLE[KNOWN]['surname']}" in refused.stderr
    assert PEOPLE[KNOWN]["given_name"] not in refused.stderr
    assert "nothing was sent" in refused.stderr
    desks.run("care", *words, "--dry-run")
    desks.run("care", *words, "--record", "care-77", code=1)
    wrong = ("--extract", desks.extract("care")[1], *desks.extract("health")[2:])
    _ = desks.run("care", "lookup", "answer", lookup, *wrong, "--yes", code=1)
    assert desks.done("care", "lookup", "list")["lookups"][0]["answered"] is False
    desks.end(lookup)
    desks.run("care", *words, "--yes", code=4)
    assert "released by nobody" in desks.run("police", "lookup", "open", lookup).stdout


def test_a_person_comes_from_a_file_too_and_is_one(desks: Desks):
    path = desks.office.folder / "person.csv"
    why = ("--reference", "A meeting", "--purpose", "missing-children", "--necessity", "Missing")
    path.write_text(table(PEOPLE[KNOWN], PEOPLE[1]))
    found = desks.run("police", "lookup", "ask", path, *why, code=1)
    assert "one person" in found.stderr
    path.write_text(table(PEOPLE[KNOWN] | {"date_of_birth": "", "address": ""}))
    desks.run("police", "lookup", "ask", path, *why, "--dry-run")
    path.write_text(table(dict.fromkeys(PEOPLE[KNOWN], "") | {"given_name": "Ada"}))
    found = desks.run("police", "lookup", "ask", path, *why, code=1)
    assert "too little" in found.stderr
    path.write_text(table(PEOPLE[KNOWN] | {"date_of_birth": "2011-02-77"}))
    found = desks.run("police", "lookup", "ask", path, *why, "--dry-run", code=None)
    assert "2011-02-77" not in found.output
    path.write_text("given_name,surname\nAda,Byron\n")
    found = desks.run("police", "lookup", "ask", path, *why, code=1)
    assert "has no column" in found.stderr
    columns = desks.office.folder / "columns.toml"
    absent = sorted(set(desks.agreement.scheme.fields) - {"given_name", "surname"})
    columns.write_text(f"absent = {absent}\n".replace("'", '"'))
    given = desks.run(
        "police", "lookup", "ask", path, *why, "--columns", columns, "--within", "30m", "--dry-run"
    )
    assert "nothing was sent" in given.stderr
    desks.run("police", "lookup", "ask", path, *why, "--within", "soon", code=2)
    # Only agencies that may receive names may ask, and a necessity names nobody.
    path.write_text(table(PEOPLE[KNOWN]))
    desks.run("health", "lookup", "ask", path, *why, code=4)
    named = (*why[:4], "--necessity", "Born on 2011-03-04")
    found = desks.run("police", "lookup", "ask", path, *named, code=1)
    assert "say it in other words" in found.stderr


def test_nobody_opens_what_isn_t_theirs_or_isn_t_over(desks: Desks):
    lookup = desks.ask(KNOWN)
    desks.run("police", "lookup", "open", lookup, code=75)
    desks.run("care", "lookup", "open", lookup, code=4)
    desks.run("police", "lookup", "answer", lookup, "--nothing", "--yes", code=4)
    desks.run("police", "lookup", "open", "0" * 64, code=1)
    desks.run("police", "lookup", "show", lookup[:5], code=1)
    text = desks.run("care", "lookup", "show", lookup, *desks.extract("care")[2:]).stdout
    assert "care-0" in text
    assert lookup[:16] in desks.run("police", "lookup", "list").stdout
    desks.end(lookup)


def test_a_matcher_that_hands_over_an_earlier_answer_is_found_out(desks: Desks):
    lookup = desks.ask(KNOWN)
    desks.done("care", "lookup", "answer", "--all-empty")
    with desks.matcher.services.database.reading() as connection:
        earlier, _ = rows.answers_to(connection, lookup)["care"]
    desks.done("care", "lookup", "answer", lookup, *desks.extract("care"), "--yes")
    with desks.matcher.services.database.writing() as connection:
        rows.put_answer(connection, lookup, "care", earlier)
    desks.end(lookup)
    assert desks.done("police", "lookup", "open", lookup)["released"] == {}
    found = desks.run("care", "lookup", "show", lookup, code=3)
    assert "handed over another answer" in found.stderr


def test_a_matcher_that_swaps_an_answer_after_the_end_is_found_out(desks: Desks):
    lookup = desks.ask(KNOWN)
    desks.done("care", "lookup", "answer", "--all-empty")
    with desks.matcher.services.database.reading() as connection:
        earlier, _ = rows.answers_to(connection, lookup)["care"]
    desks.done("care", "lookup", "answer", lookup, *desks.extract("care"), "--yes")
    desks.end(lookup)
    assert list(desks.done("police", "lookup", "open", lookup)["released"]) == ["care"]
    with desks.matcher.services.database.writing() as connection:
        _, leaf = rows.answers_to(connection, lookup)["care"]
        rows.put_answer(connection, lookup, "care", earlier)
        rows.enter_answer(connection, lookup, "care", leaf)
    found = desks.run("police", "lookup", "open", lookup, code=3)
    assert "is entered in the log as something else" in found.stderr
    with desks.matcher.services.database.writing() as connection:
        rows.enter_answer(connection, lookup, "care", leaf - 1)
    desks.run("police", "lookup", "open", lookup, code=3)


def test_everybody_sees_in_the_log_when_the_answers_were_handed_over(desks: Desks):
    lookup = desks.ask(KNOWN)
    desks.done("care", "lookup", "answer", "--all-empty")
    assert desks.done("care", "lookup", "show", lookup)["opened"] is None
    desks.end(lookup)
    # Whether or not it has answered, and before and after the asker was handed the answers.
    for party in ("care", "health"):
        assert desks.done(party, "lookup", "show", lookup)["opened"] is None
    desks.done("police", "lookup", "open", lookup)
    seen = {desks.done(own, "lookup", "show", lookup)["opened"] for own in HELD}
    assert len(seen) == 1
    assert None not in seen
    assert "opened     by police at" in desks.run("health", "lookup", "show", lookup).stdout


def test_a_matcher_that_hands_over_answers_without_the_log_is_found_out(desks: Desks):
    lookup = desks.ask(KNOWN)
    desks.done("care", "lookup", "answer", "--all-empty")
    desks.end(lookup)
    with patch("matcher.lookups.service.Lookups._open"):
        for command in ("open", "show"):
            found = desks.run("police", "lookup", command, lookup, code=3)
            assert "isn't entered in the log" in found.stderr
    desks.done("police", "lookup", "open", lookup)
    with desks.matcher.services.database.writing() as connection:
        _, answered = rows.answers_to(connection, lookup)["care"]
        rows.enter_opening(connection, lookup, answered)
    for party, command in (("police", "open"), ("care", "show"), ("health", "show")):
        found = desks.run(party, "lookup", command, lookup, code=3)
        assert "The handing over of the answers is entered in the log as" in found.stderr


def test_what_another_party_has_written_does_nothing_to_a_terminal():
    assert visible("Ada\x1b[2J\u202eByron\n") == "Ada\ufffd[2J\ufffdByron\ufffd"


def test_a_request_that_may_have_been_lost_is_sent_again(desks: Desks, monkeypatch):
    """It is the same request, so that it counts once."""
    before = len(desks.done("police", "lookup", "list")["lookups"])
    send, broken = Connection.send, []

    def breaking(self, method, path, body=None, sink=None):
        answer = send(self, method, path, body, sink)
        if method == "POST" and path.endswith("/lookups") and not broken:
            broken.append(path)
            raise UnavailableError("The connection broke off; try again.")
        return answer

    monkeypatch.setattr(Connection, "send", breaking)
    lookup = desks.ask(UNKNOWN)
    assert broken
    assert len(desks.done("police", "lookup", "list")["lookups"]) == before + 1
    desks.end(lookup)


def test_the_matcher_has_nothing_of_anybody_in_the_clear(desks: Desks):
    lookup = desks.ask(KNOWN)
    desks.done("care", "lookup", "answer", lookup, *desks.extract("care"), "--yes")
    desks.end(lookup)
    desks.done("police", "lookup", "open", lookup)
    kept = b"".join(path.read_bytes() for path in desks.office.folder.parent.glob("matcher.sql*"))
    assert b"A child is missing" in kept
    for value in (PEOPLE[KNOWN]["given_name"], PEOPLE[KNOWN]["address"]):
        assert value.encode() not in kept


def test_an_answer_that_did_not_arrive_accuses_nobody(desks: Desks, monkeypatch):
    lookup = desks.ask(KNOWN)
    desks.done("care", "lookup", "answer", "--all-empty")
    words = ("lookup", "answer", lookup, *desks.extract("care"), "--yes")
    with monkeypatch.context() as patch:
        lost = UnavailableError("The connection broke off; try again.")
        patch.setattr(LookupBook, "answer", Mock(side_effect=lost))
        desks.run("care", *words, code=1)
    desks.end(lookup)
    assert "hasn't acknowledged" in desks.run("care", "lookup", "show", lookup).stdout
