"""``agency-client agreement``: written, checked, signed by all, and in force."""

import copy
import json
import re
import shlex
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from agency_client.agreement_templates import TEMPLATES, new_agreement
from agency_client.agreement_words import agreement_in_words
from agency_client.cli import cli
from linkage.protocol.agreement import parse_agreement
from linkage.protocol.binding import unsettled
from linkage.protocol.sections.disclosure import Disclosure
from tests.agency_client.parties import ROLES, new_office, sign_all
from tests.linkage.protocol.agreements import AGREEMENT
from tests.linkage.protocol.agreements import ROLES as PARTIES
from tests.linkage.protocol.parties import POLICE, identity

TODAY = datetime.now(UTC).date()


@pytest.fixture(scope="module")
def signed(tmp_path_factory):
    """An agreement that everybody has signed; tests leave it as it is."""
    office = new_office(tmp_path_factory.mktemp("office"))
    sign_all(office)
    return office


@pytest.fixture
def office(tmp_path):
    return new_office(tmp_path, {"police": "agency", "care": "agency"})


@pytest.mark.parametrize("template", TEMPLATES)
def test_templates_are_whole_and_need_only_cards_and_law(template):
    cards = [(role, own.public) for own, role in PARTIES.items()]
    agreement = parse_agreement(new_agreement(template, "trial", cards, TODAY), "new.toml")
    left = unsettled(agreement)
    if template == "generic":
        assert {sentence.split()[0] for sentence in left} == {
            "agreement.purpose", "agreement.lawful_basis", "agreement.statutory_gateway",
            "agreement.purpose_codes",
        }  # fmt: skip
    else:
        assert left == []
    bare = parse_agreement(new_agreement(template, "trial", [], TODAY), "new.toml")
    assert any("no keys of police" in sentence for sentence in unsettled(bare))


def test_a_party_may_have_two_roles_and_only_one_card():
    both = [("agency", POLICE.public), ("dpo", POLICE.public)]
    agreement = parse_agreement(new_agreement("safeguarding-uk", "t", both, TODAY), "new.toml")
    assert agreement.party[0].roles == ("agency", "dpo")
    with pytest.raises(Exception, match="two different cards of 'police'"):
        new_agreement(
            "generic",
            "t",
            [("agency", POLICE.public), ("dpo", identity("police", 9).public)],
            TODAY,
        )


def test_everybody_signs_and_it_is_in_force(signed):
    found = signed.plain("agreement", "status", signed.agreement, "--format", "json")
    assert found.exit_code == 0, found.output
    standing = json.loads(found.stdout)
    assert standing["state"] == "in force"
    assert standing["missing"] == []
    assert set(standing["signed"]) == set(ROLES)
    text = signed.plain("agreement", "status", signed.agreement)
    assert "in force" in text.stdout


def test_check_says_in_words_what_is_allowed(signed):
    done = signed.plain("agreement", "check", signed.agreement)
    assert done.exit_code == 0, done.output
    words = " ".join(done.stdout.split())
    for part in (
        "given_name, surname, date_of_birth go to hub once 2 of police, care, health have approved",
        "and 3 of them for protected people", "Counts below 10 are withheld",
        "Encodings after 100 days", "date_of_birth, a date coarsened to year",
        "The event meeting, to the month, without its place, one of mase, mace (meetings, version",
        "The event missing_episode, to the month, with its outward postcode and a keyed token in",
        "people are joined by same_placement, without its date, with a keyed token in place of",
        "known to at least 2 agencies with risk.high",
    ):  # fmt: skip
        assert part in words
    table = signed.plain("agreement", "show", signed.agreement, "--format", "json")
    shown = json.loads(table.stdout)
    agreement = parse_agreement(signed.agreement.read_text(), "a")
    assert shown["digest"] == agreement.digest()
    canonical = signed.plain("agreement", "show", signed.agreement, "--canonical")
    assert canonical.stdout_bytes == agreement.content()
    assert agreement.identity("police").fingerprint in done.stdout


OTHERWISE = {
    "fields": ("surname",), "recipients": ("care",), "quorum": 1, "rule": (),
    "approvers": ("police",), "protected_quorum": 2, "expires_days": 7, "least_batch": 2,
    "most_batch": 77, "least_probability": 0.75, "several_records": True, "open_proposals": 5,
    "lookups_per_day": 9,
}  # fmt: skip


def unchecked(own, name, value):
    """A copy with another value, whatever the rules of agreements say of it."""
    changed = copy.copy(own)
    object.__setattr__(changed, name, value)
    return changed


@pytest.mark.parametrize("setting", [own.name for own in fields(Disclosure)])
def test_whoever_signs_is_told_every_setting_of_disclosures(setting):
    terms = AGREEMENT.disclosure
    assert getattr(terms, setting) != OTHERWISE[setting]
    changed = unchecked(terms, setting, OTHERWISE[setting])
    told = agreement_in_words(unchecked(AGREEMENT, "disclosure", changed))
    assert told["Who is named to whom"] != agreement_in_words(AGREEMENT)["Who is named to whom"]


@pytest.mark.parametrize(
    ("quorum", "told"),
    [
        (None, "have approved; nobody protected is proposed."),
        (2, "have approved, the same for protected people."),
        (3, "have approved, and 3 of them for protected people."),
    ],
)
def test_whoever_signs_is_told_what_holds_for_protected_people(quorum, told):
    terms = unchecked(AGREEMENT.disclosure, "protected_quorum", quorum)
    words = agreement_in_words(unchecked(AGREEMENT, "disclosure", terms))
    assert told in words["Who is named to whom"][0]


def test_a_changed_agreement_is_no_longer_signed(signed, tmp_path):
    changed = tmp_path / "agreement.toml"
    changed.write_text(signed.agreement.read_text().replace("quorum = 2", "quorum = 1", 1))
    done = signed.plain(
        "agreement", "status", changed, signed.folder / "agreement.police.signed",
    )  # fmt: skip
    assert done.exit_code == 3
    assert "'police'" in done.stderr
    assert "step 7" in done.stderr


def test_a_new_version_shows_what_differs_and_replaces_the_old(signed, tmp_path):
    digest = parse_agreement(signed.agreement.read_text(), "a").digest()
    text = signed.agreement.read_text().replace("link = 0.5 ", "link = 0.6 ")
    newer = tmp_path / "newer.toml"
    newer.write_text(text)
    wrong = signed.plain("agreement", "check", newer, "--previous", signed.agreement)
    assert wrong.exit_code == 3
    assert "doesn't follow version 1" in wrong.stderr
    assert digest in wrong.stderr
    newer.write_text(text.replace("version = 1\n", f'version = 2\nprevious = "{digest}"\n', 1))
    right = signed.plain("agreement", "check", newer, "--previous", signed.agreement)
    assert right.exit_code == 0, right.output
    assert "matching.link: 0.5 → 0.6" in right.stdout
    arguments = ["agreement", "status", signed.agreement, "--successor", newer]
    assert signed.plain(*arguments).exit_code == 0
    sign_all(signed, file=newer)
    replaced = signed.plain(*arguments)
    assert replaced.exit_code == 4
    assert "replaced" in replaced.stdout


def test_what_is_missing_stops_signing_and_a_dry_run_writes_nothing(office, signed, tmp_path):
    done = office.plain("agreement", "check", office.agreement)
    assert done.exit_code == 3
    assert "There are no keys of matcher" in done.stderr
    assert office.run("police", "agreement", "sign", office.agreement, "--yes").exit_code == 4
    out = tmp_path / "out.signed"
    dry = signed.run(
        "police", "agreement", "sign", signed.agreement, "--dry-run", "--out", out,
    )  # fmt: skip
    assert dry.exit_code == 0, dry.output
    assert not out.exists()
    # Nobody answers the question.
    assert signed.run("police", "agreement", "sign", signed.agreement, "--out", out).exit_code == 1
    assert not out.exists()


def test_unsigned_and_future_agreements_are_not_ready(office, signed, tmp_path):
    done = office.plain("agreement", "status", office.agreement)
    assert done.exit_code == 75
    assert "by nobody" in done.stdout
    some = signed.plain(
        "agreement", "status", signed.agreement, signed.folder / "agreement.police.signed"
    )
    assert some.exit_code == 75
    assert "care" in some.stderr
    later = tmp_path / "later.toml"
    start = (TODAY + timedelta(30)).isoformat()
    later.write_text(signed.agreement.read_text().replace(f"starts = {TODAY}", f"starts = {start}"))
    sign_all(signed, file=later)
    done = signed.plain("agreement", "status", later)
    assert done.exit_code == 75
    assert start in done.stderr


def test_new_overwrites_nothing_and_can_be_dry(office, tmp_path):
    before = office.agreement.read_text()
    words = ["agreement", "new", "--template", "generic", "--id", "x", "--out"]
    assert office.plain(*words, office.agreement).exit_code == 4
    assert office.agreement.read_text() == before
    assert office.plain(*words, tmp_path / "b.toml", "--dry-run").exit_code == 0
    assert not (tmp_path / "b.toml").exists()
    assert office.plain(*words[:-3], "--id", 'a"b', "--out", tmp_path / "b.toml").exit_code == 1


def test_every_command_in_the_readme_is_one():
    readme = Path("README.md").read_text(encoding="utf-8")
    section = readme.split("## Work under a signed agreement")[1].split("\n## ")[0]
    blocks = re.findall(r"^```(\w*)\n(.*?)^```$", section, re.DOTALL | re.MULTILINE)
    typed = "".join(text for language, text in blocks if language in {"", "sh"})
    lines = [shlex.split(line, comments=True) for line in typed.replace("\\\n", " ").splitlines()]
    assert len(lines) > 10
    for words in lines:
        assert words[0] == "agency-client"
        command, rest = cli, words[1:]
        while isinstance(command, click.Group):
            command, rest = command.get_command(click.Context(command), rest[0]), rest[1:]
        command.make_context("it", rest).close()


def test_signatures_of_another_file_beside_it_are_not_its_own(signed, tmp_path):
    for path in signed.folder.glob("agreement.*"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "agreement.v2.police.signed").write_bytes(b"of agreement.v2.toml")
    assert signed.plain("agreement", "status", tmp_path / "agreement.toml").exit_code == 0
    (tmp_path / "agreement.v2.signed").write_bytes(b"of nobody")
    assert signed.plain("agreement", "status", tmp_path / "agreement.toml").exit_code == 3


@pytest.mark.parametrize("command", ["new", "check", "show", "sign", "status"])
def test_help_has_an_example(command):
    done = CliRunner().invoke(cli, ["agreement", command, "--help"])
    assert f"Example:\n    agency-client agreement {command}" in done.output
