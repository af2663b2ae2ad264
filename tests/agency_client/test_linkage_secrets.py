"""The secret under a signed agreement: made, accepted, compared, and used to encode."""

import json
import re
import secrets
import shutil
from dataclasses import replace

import pytest
from click.testing import CliRunner

from agency_client.cli import cli
from agency_client.keystore.store import open_keystore
from agency_client.keystore.vault import load_secret
from linkage.protocol.agreement import parse_agreement
from linkage.protocol.handshake import sign_answers, verify_answers
from linkage.protocol.secret_messages import seal_secret, sign_commitment
from tests.agency_client.parties import PASSPHRASE, ROLES, Office, new_office, sign_all

AGENCIES = [name for name, role in ROLES.items() if role == "agency"]
MATERIAL = b"canary-of-the-secret-in-32-bytes"


@pytest.fixture(scope="module")
def agreed(tmp_path_factory):
    office = new_office(tmp_path_factory.mktemp("office"))
    sign_all(office)
    return office


@pytest.fixture
def office(agreed, tmp_path):
    """An agreement in force, and nobody with a secret yet."""
    shutil.copytree(agreed.folder, tmp_path / "office")
    return Office(tmp_path / "office")


@pytest.fixture
def sealed(office, monkeypatch):
    drawn = secrets.token_bytes
    monkeypatch.setattr(secrets, "token_bytes", lambda n: MATERIAL if n == 32 else drawn(n))
    office.done("police", "secret", "create", "--agreement", office.agreement)
    monkeypatch.setattr(secrets, "token_bytes", drawn)
    return office


def store(office, party):
    return open_keystore(office.folder / party, PASSPHRASE.encode())


def agreement_of(office):
    return parse_agreement(office.agreement.read_text(), "agreement.toml")


def command(office, party, name, *words):
    return office.run(party, "secret", name, *words, "--agreement", office.agreement)


def accept_all(office):
    for party in ("care", "health"):
        assert command(office, party, "accept").exit_code == 0


def test_all_agencies_come_to_hold_one_secret(sealed):
    accept_all(sealed)
    held = [load_secret(store(sealed, party), agreement_of(sealed)) for party in AGENCIES]
    assert {bytes(own.material) for own in held} == {MATERIAL}
    assert {own.record.creator for own in held} == {"police"}
    said = [json.loads(command(sealed, p, "status", "--format", "json").stdout) for p in AGENCIES]
    assert len({own["known_answers"] for own in said}) == 1
    assert "made by police" in command(sealed, "care", "status").stdout


def test_the_secret_is_in_no_file_and_on_no_screen(sealed):
    accept_all(sealed)
    for path in sealed.folder.rglob("*"):
        if path.is_file():
            assert MATERIAL not in path.read_bytes()
    for name in ("status", "create", "accept"):
        done = command(sealed, "police" if name == "create" else "care", name)
        assert MATERIAL.decode() not in done.output
        assert MATERIAL.hex() not in done.output
    held = load_secret(store(sealed, "care"), agreement_of(sealed))
    assert "canary" not in repr(held)
    with held.lent() as lent:
        assert "canary" not in repr(lent)
    assert bytes(held.material) == bytes(32)
    with pytest.raises(ValueError, match="wiped"):
        lent.derive(b"x", 32)


def test_accepting_twice_is_the_same_and_another_secret_is_refused(sealed):
    accept_all(sealed)
    assert command(sealed, "care", "accept").exit_code == 0
    # Health draws one of its own for the same epoch, in a keystore that has none.
    shutil.rmtree(sealed.folder / "health" / "secrets")
    assert command(sealed, "health", "create").exit_code == 0
    before = load_secret(store(sealed, "care"), agreement_of(sealed)).material
    done = command(sealed, "care", "accept")
    assert done.exit_code == 4
    assert "another secret" in done.stderr
    assert load_secret(store(sealed, "care"), agreement_of(sealed)).material == before


def test_a_creator_who_seals_another_secret_than_it_commits_to_is_caught(sealed):
    agreement, police = agreement_of(sealed), store(sealed, "police").identity
    care = agreement.identity("care")
    path = sealed.folder / "agreement.secret.care.sealed"
    path.write_bytes(seal_secret(agreement, care, MATERIAL[::-1], police))
    done = command(sealed, "care", "accept")
    assert done.exit_code == 3
    assert "'police'" in done.stderr
    assert "committed" in done.stderr
    assert not (sealed.folder / "care" / "secrets").exists()


def test_a_commitment_of_somebody_else_or_changed_is_refused(sealed):
    agreement = agreement_of(sealed)
    path = sealed.folder / "agreement.secret.commitment"
    whole = path.read_bytes()
    path.write_bytes(sign_commitment(agreement, "0" * 64, store(sealed, "linker").identity))
    assert command(sealed, "care", "accept").exit_code == 3
    path.write_bytes(whole[:-1])
    assert command(sealed, "care", "accept").exit_code == 3
    path.unlink()
    assert command(sealed, "care", "accept").exit_code == 1


def test_anothers_sealed_secret_does_not_open(sealed):
    done = command(sealed, "care", "accept", sealed.folder / "agreement.secret.health.sealed")
    assert done.exit_code == 3
    assert "recipient health, not for care (step 3)" in done.stderr


def test_only_agencies_of_an_agreement_in_force_have_a_secret(sealed):
    assert command(sealed, "linker", "create").exit_code == 4
    assert command(sealed, "analyst", "accept", "x").exit_code == 4
    assert command(sealed, "care", "status").exit_code == 1
    (sealed.folder / "agreement.officer.signed").unlink()
    done = command(sealed, "care", "accept")
    assert done.exit_code == 75
    assert "officer" in done.stderr


def test_dry_runs_write_nothing(office):
    before = sorted(office.folder.rglob("*"))
    assert command(office, "police", "create", "--dry-run").exit_code == 0
    assert sorted(office.folder.rglob("*")) == before
    assert command(office, "police", "create").exit_code == 0
    before = sorted(office.folder.rglob("*"))
    assert command(office, "care", "accept", "--dry-run").exit_code == 0
    assert command(office, "police", "answers", "--dry-run").exit_code == 0
    assert sorted(office.folder.rglob("*")) == before


def test_creating_again_seals_the_same_secret_again(sealed):
    sealed_file = sealed.folder / "agreement.secret.care.sealed"
    first = sealed_file.read_bytes()
    sealed_file.unlink()
    again = json.loads(command(sealed, "police", "create", "--format", "json").stdout)
    assert again["drawn"] is False
    assert sealed_file.read_bytes() != first
    assert command(sealed, "care", "accept").exit_code == 0
    assert bytes(load_secret(store(sealed, "care"), agreement_of(sealed)).material) == MATERIAL


def test_a_damaged_or_swapped_secret_in_the_keystore_is_refused(sealed):
    accept_all(sealed)
    own, other = (sealed.folder / name / "secrets" / "trial.1.json" for name in ("care", "health"))
    whole = own.read_bytes()
    own.write_bytes(whole[:-5])
    assert command(sealed, "care", "status").exit_code == 3
    own.write_bytes(other.read_bytes())
    assert command(sealed, "care", "status").exit_code == 3
    own.write_bytes(whole)
    own.rename(own.with_name("trial.2.json"))
    text = sealed.agreement.read_text().replace("version = 1\nepoch = 1", "version = 2\nepoch = 2")
    text = text.replace("# previous = ", "previous = ").replace(
        '"..."', f'"{agreement_of(sealed).digest()}"'
    )
    replace_agreement(sealed, text)
    done = command(sealed, "care", "status")
    assert done.exit_code == 3
    assert "another agreement or epoch" in done.stderr


def replace_agreement(office, text):
    """Put another agreement, signed by all, in the place of the one that is there."""
    office.agreement.write_text(text)
    for path in office.folder.glob("*.signed"):
        path.unlink()
    sign_all(office)


def test_an_agreement_that_was_replaced_is_not_gone_back_to(sealed):
    first = sealed.agreement.read_text()
    kept = {path: path.read_bytes() for path in sealed.folder.glob("agreement.*")}
    second = first.replace("version = 1\n", "version = 2\n").replace(
        '# previous = "..."', f'previous = "{agreement_of(sealed).digest()}"'
    )
    replace_agreement(sealed, second)
    assert command(sealed, "police", "create").exit_code == 0
    accept_all(sealed)
    for path, content in kept.items():
        path.write_bytes(content)
    for name in ("accept", "status", "answers", "create"):
        done = command(sealed, "care", name)
        assert done.exit_code == 4
        assert "worked under version 2" in done.stderr
    replace_agreement(sealed, second.replace("link = 0.5 ", "link = 0.6 "))
    done = command(sealed, "care", "status")
    assert done.exit_code == 4
    assert "two agreements 'trial' of version 2" in done.stderr


def test_the_handshake_passes_and_names_the_odd_one_out(sealed):
    accept_all(sealed)
    assert command(sealed, "care", "answers").exit_code == 0
    assert plain_compare(sealed).exit_code == 75
    for party in ("police", "health"):
        assert command(sealed, party, "answers").exit_code == 0
    done = plain_compare(sealed)
    assert done.exit_code == 0, done.output
    # Care's program is another: the same secret and scheme, other bits.
    agreement = agreement_of(sealed)
    path = sealed.folder / "agreement.care.answers"
    _, answers = verify_answers(path.read_bytes(), "it", agreement, 1)
    odd = replace(answers, answers="0" * 64, versions=answers.versions | {"jellyfish": "0.1"})
    path.write_bytes(sign_answers(odd, store(sealed, "care").identity))
    done = plain_compare(sealed)
    assert done.exit_code == 3
    assert "'care' standardises or encodes otherwise (jellyfish 0.1 where" in done.stderr
    # Care has another secret.
    (sealed.folder / "care" / "secrets" / "trial.1.json").unlink()
    kept = {path: path.read_bytes() for path in sealed.folder.glob("agreement.secret.*")}
    assert command(sealed, "care", "create").exit_code == 0
    for own, content in kept.items():
        own.write_bytes(content)
    assert command(sealed, "care", "answers").exit_code == 0
    done = plain_compare(sealed)
    assert done.exit_code == 3
    assert "'care' has another linkage secret" in done.stderr
    assert re.search(r"'(police|health)'", done.stderr) is None


def plain_compare(office):
    return office.plain("secret", "compare", "--agreement", office.agreement)


def test_answers_of_another_round_are_refused(sealed):
    assert command(sealed, "police", "answers", "--round", 2).exit_code == 0
    done = plain_compare(sealed)
    assert done.exit_code == 3
    assert "round 2 and not 1" in done.stderr


@pytest.mark.parametrize("name", ["create", "accept", "status", "answers", "compare"])
def test_help_has_an_example(name):
    done = CliRunner().invoke(cli, ["secret", name, "--help"])
    assert f"Example:\n    agency-client secret {name}" in done.output


def test_create_needs_one_of_its_two_forms(office):
    assert office.plain("secret", "create").exit_code == 2
    words = ["secret", "create", "--out", office.folder / "s.key"]
    assert office.plain(*words, "--agreement", office.agreement).exit_code == 2
    assert office.plain(*words, "--dry-run").exit_code == 0
    assert not (office.folder / "s.key").exists()
    assert office.plain(*words).exit_code == 0
    assert len((office.folder / "s.key").read_text().strip()) == 64
