"""``agency-client log witness``: a party signs for what it saw, and for one history only."""

import pytest

from agency_client.keystore.witnessed import LOGS_FOLDER
from linkage.audit.bundle import BundleHead, bundle_lines
from linkage.audit.checkpoint import open_checkpoint
from linkage.audit.cosignature import verify_cosignature
from linkage.audit.keys import LogKeys, parse_verifier_key
from linkage.audit.notes import SignedNote, parse_note
from tests.agency_client.parties import PASSPHRASE as PASSPHRASE_TEXT
from tests.agency_client.parties import Office
from tests.linkage.audit.made_up import LOG as LOG_SIGNER
from tests.linkage.audit.made_up import LyingLog, events

EVENTS = events(12)
KEYS = LogKeys(LOG_SIGNER.verifier)


@pytest.fixture
def office(tmp_path):
    office = Office(tmp_path)
    (tmp_path / "passphrase").write_text(PASSPHRASE_TEXT)
    (tmp_path / "passphrase").chmod(0o600)
    office.done("police", "init", "--name", "police")
    (tmp_path / "keys.txt").write_text(str(KEYS))
    return office


def bundle_of(office, name, entries):
    log = LyingLog(entries)
    path = office.folder / name
    path.write_bytes(log.bundle(note=log.note(witnesses=()), keys=KEYS))
    return path


def witness(office, bundle, out="out.note", *more):
    words = ["--keys", office.folder / "keys.txt", "--out", office.folder / out]
    return office.run("police", "log", "witness", bundle, *words, *more)


def test_what_was_witnessed_counts_as_a_witness(office):
    bundle = bundle_of(office, "log.txt", EVENTS[:8])
    done = witness(office, bundle)
    assert done.exit_code == 0, done.output
    assert "8 events" in done.stdout
    assert "verified and witnessed by police" in done.stdout
    note = parse_note((office.folder / "out.note").read_bytes())
    key = parse_verifier_key(office.done("police", "identity")["witness_key"])
    assert verify_cosignature(note, key).witness == "police"
    (office.folder / "cosigned.txt").write_bytes(
        b"".join(bundle_lines(BundleHead(KEYS, note), EVENTS[:8]))
    )
    (office.folder / "both.txt").write_text(f"{KEYS}{key}\n")
    verified = office.plain(
        "log", "verify", office.folder / "cosigned.txt", "--keys", office.folder / "both.txt"
    )
    assert verified.exit_code == 0, verified.output
    assert "1 of 1 witnesses" in verified.stdout


def test_the_log_signs_what_is_sent_back_wherever_its_line_stood(office):
    log = LyingLog(EVENTS)
    signed = log.note()
    turned = SignedNote(signed.text, signed.signatures[::-1])
    assert not turned.signatures[0].is_of(KEYS.log)
    path = office.folder / "log.txt"
    path.write_bytes(log.bundle(note=turned, keys=KEYS))
    assert witness(office, path).exit_code == 0
    assert open_checkpoint((office.folder / "out.note").read_bytes(), KEYS.log).size == 12


def test_a_log_that_grew_is_witnessed_again(office):
    for count in (3, 3, 8, 12):
        done = witness(office, bundle_of(office, "log.txt", EVENTS[:count]))
        assert done.exit_code == 0, done.output


@pytest.mark.parametrize(
    "entries", [EVENTS[:5], EVENTS[1:10], [*EVENTS[:3], *EVENTS[4:]]], ids=["back", "split", "fork"]
)
def test_another_history_is_never_signed_for(office, entries):
    assert witness(office, bundle_of(office, "log.txt", EVENTS[:9])).exit_code == 0
    done = witness(office, bundle_of(office, "other.txt", entries), "other.note")
    assert done.exit_code == 3
    assert not (office.folder / "other.note").exists()
    # What was seen stays what was seen.
    assert witness(office, bundle_of(office, "log.txt", EVENTS[:9])).exit_code == 0


def test_a_dry_run_verifies_and_leaves_nothing(office):
    done = witness(office, bundle_of(office, "log.txt", EVENTS), "out.note", "--dry-run")
    assert done.exit_code == 0
    assert not (office.folder / "out.note").exists()
    assert not (office.folder / "police" / LOGS_FOLDER).exists()


def test_a_changed_memory_is_noticed(office):
    witness(office, bundle_of(office, "log.txt", EVENTS[:4]))
    (memory,) = (office.folder / "police" / LOGS_FOLDER).iterdir()
    memory.write_bytes(memory.read_bytes().replace(b"a", b"b", 1))
    assert witness(office, bundle_of(office, "log.txt", EVENTS)).exit_code == 3
