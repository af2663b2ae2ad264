"""``agency-client log``: what a data protection officer sees, and what a regulator gets."""

import csv
import json
import re
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from agency_client.cli import cli
from agency_client.log_export import COLUMNS, harmless
from linkage.audit.events import event_bytes
from linkage.audit.verification import STEPS
from tests.linkage.audit.made_up import KEYS, WITNESSES, LyingLog, event, events

LOG = LyingLog(events(30))


class Desk:
    """A folder with a bundle, the keys, and commands to run there."""

    def __init__(self, folder):
        self.folder = folder
        self.write("log.txt", LOG.bundle())
        self.write("keys.txt", f"# from the operator, by post\r\n\r\n{KEYS}".encode())

    def write(self, name, data):
        (self.folder / name).write_bytes(data)
        return str(self.folder / name)

    def run(self, command, bundle="log.txt", *more, keys="keys.txt"):
        words = ["log", command, str(self.folder / bundle), *more]
        return CliRunner().invoke(
            cli, [*words, *(["--keys", str(self.folder / keys)] if keys else [])]
        )

    def verify(self, bundle="log.txt", *more, keys="keys.txt"):
        done = self.run("verify", bundle, *more, "--format", "json", keys=keys)
        return done.exit_code, json.loads(done.stdout)


@pytest.fixture
def desk(tmp_path):
    return Desk(tmp_path)


def test_a_whole_log_is_verified_in_words(desk):
    done = desk.run("verify")
    assert done.exit_code == 0, done.stderr
    assert "VERIFIED. Nothing in this log was changed, added or taken away" in done.stdout
    assert (
        "2 of 2 witnesses saw this same state: care (2026-03-02 10:00 UTC), police" in done.stdout
    )
    for words in ("events  30", "2026-03-02 09:00 UTC to 2026-03-03 14:00 UTC"):
        assert words in done.stdout
    for verb, count in {"collection": 1, "disclosure": 3, "erasure": 1, "decision": 8}.items():
        assert re.search(rf"^  {verb} +{count}   \w", done.stdout, re.MULTILINE)
    assert "decisions not to share: 5" in done.stdout
    assert re.search(r"^  police +10$", done.stdout, re.MULTILINE)
    assert "No check can show what was never entered" in done.stdout
    assert done.stderr == ""


def test_a_whole_log_is_verified_for_programs(desk):
    code, found = desk.verify()
    assert code == 0
    assert found["verified"] is True
    assert found["failure"] is found["advice"] is None
    assert [step["name"] for step in found["steps"]] == list(STEPS)
    assert [step["outcome"] for step in found["steps"]] == ["ok"] * 6 + ["not checked"]
    assert found["bundle"]["size"] == found["bundle"]["summary"]["events"] == 30
    assert found["bundle"]["summary"]["by_verb"]["combination"] == 1
    assert found["bundle"]["witnesses"][0]["witness"] == "care"


def test_an_altered_log_fails_and_says_where(desk):
    desk.write("bad.txt", LOG.bundle().replace(b'"records":70}', b'"records":71}'))
    done = desk.run("verify", "bad.txt")
    assert done.exit_code == 3
    assert "agency-client: bad.txt failed verification at step 6 (root)" in done.stderr
    assert "NOT VERIFIED" in done.stdout
    assert re.search(r"^6 root +FAILED +.*events 1 to 30", done.stdout, re.MULTILINE)
    assert re.search(r"^7 earlier +not reached", done.stdout, re.MULTILINE)
    assert "What to do: Get the bundle again." in done.stdout
    assert "collection" not in done.stdout  # no counts of what wasn't verified


def test_a_damaged_event_is_named(desk):
    desk.write("bad.txt", LOG.bundle().replace(b'"records":70}', b'"records":-7}'))
    code, found = desk.verify("bad.txt")
    assert code == 3
    assert found["failure"]["step"] == "events"
    assert found["failure"]["event"] == 8
    assert found["failure"]["kind"] == "MalformedError"
    assert found["bundle"] is None


def test_without_keys_nothing_is_verified(desk):
    done = desk.run("verify", keys=None)
    assert done.exit_code == 3
    assert "NOT VERIFIED. The log agrees with itself" in done.stdout
    assert KEYS.log.fingerprint in done.stdout
    assert "--keys" in done.stderr
    code, found = desk.verify(keys=None)
    assert (code, found["verified"], found["own_keys"]) == (3, False, False)
    desk.write("bad.txt", b"not a bundle\n")
    done = desk.run("verify", "bad.txt", keys=None)
    assert done.exit_code == 3
    assert "step 1 (form)" in done.stderr


def test_an_earlier_checkpoint_or_bundle_must_be_contained(desk):
    true, other = LyingLog(LOG.entries[:20]), LyingLog(events(20, first=1))
    for name, data in (("old.txt", true.bundle()), ("old.note", true.note().to_bytes())):
        old = desk.write(name, data)
        done = desk.run("verify", "log.txt", "--earlier", old)
        assert done.exit_code == 0
        assert "The first 20 events are those that you had verified before." in done.stdout
    for name, data in (("fork.txt", other.bundle()), ("fork.note", other.note().to_bytes())):
        code, found = desk.verify("log.txt", "--earlier", desk.write(name, data))
        assert code == 3
        assert (found["failure"]["step"], found["failure"]["kind"]) == ("earlier", "ForkError")
        assert "evidence" in found["advice"]
    done = desk.run("verify", "log.txt", "--earlier", desk.write("no.txt", b"nothing"))
    assert done.exit_code == 3
    assert "no.txt, the earlier state, can't be used" in done.stderr


def test_missing_witnesses_fail_unless_fewer_are_asked_for(desk):
    desk.write("one.txt", LOG.bundle(note=LOG.note(witnesses=WITNESSES[:1])))
    code, found = desk.verify("one.txt")
    assert (code, found["failure"]["step"]) == (3, "witnesses")
    done = desk.run("verify", "one.txt", "--witnesses", "1")
    assert done.exit_code == 0
    assert "1 of 2 witnesses saw this same state: care" in done.stdout
    desk.write("none.txt", LOG.bundle(note=LOG.note(witnesses=())))
    code, found = desk.verify("none.txt", "--witnesses", "0")
    assert (code, found["steps"][2]["outcome"]) == (0, "not checked")
    done = desk.run("verify", "one.txt", "--witnesses", "3")
    assert done.exit_code == 1
    assert "3 witnesses can't be asked for" in done.stderr


def test_no_witness_keys_are_no_witnesses(desk):
    desk.write("log-key.txt", f"{KEYS.log}\n".encode())
    code, found = desk.verify(keys="log-key.txt")
    assert code == 0
    assert found["steps"][2]["outcome"] == "not checked"
    assert "whether the operator has signed for another history" in found["verdict"]
    assert "only the operator vouches" in found["steps"][2]["meaning"]
    assert "keys that you didn't give: 2." in desk.run("verify", keys="log-key.txt").stdout


@pytest.mark.parametrize("content", [b"", b"# nothing\n", b"gibberish\n", b"\xff\xfe\n"])
def test_a_file_without_usable_keys_is_an_input_error(desk, content):
    desk.write("bad-keys.txt", content)
    done = desk.run("verify", keys="bad-keys.txt")
    assert done.exit_code == 1
    assert "bad-keys.txt" in done.stderr


def test_clocks_that_ran_backwards_are_mentioned(desk):
    desk.write("late.txt", LyingLog([*events(3), event_bytes(event(1))]).bundle())
    assert "earlier time than one ahead of them: 1." in desk.run("verify", "late.txt").stdout


def test_an_empty_log_has_no_period(desk):
    desk.write("empty.txt", LyingLog([]).bundle())
    done = desk.run("verify", "empty.txt")
    assert done.exit_code == 0
    assert "period" not in done.stdout


def rows(path):
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def test_export_as_csv(desk):
    out = desk.folder / "log.csv"
    done = desk.run("export", "log.txt", "--out", str(out))
    assert done.exit_code == 0, done.stderr
    assert "30 verified events written" in done.stdout
    table = rows(out)
    assert list(table[0]) == list(COLUMNS)
    assert [row["number"] for row in table] == [str(number) for number in range(1, 31)]
    row = table[17]
    assert row["kind"] == "disclosure.released"
    assert row["verb"] == "disclosure"
    assert row["not_shared"] == "no"
    assert table[14]["not_shared"] == "yes"
    assert row["at"] == "2026-03-03T02:00:00Z"
    assert row["recipients"] == "care, health"
    assert row["counts"] == "clusters 17, records 170"
    assert row["digests"] == f"message {event(17).digests['message']}"
    assert row["agreement_version"] == "2"
    assert stat.S_IMODE(out.stat().st_mode) == 0o600


def test_export_as_json(desk):
    out = desk.folder / "log.json"
    done = desk.run("export", "log.txt", "--out", str(out), "--format", "json")
    assert json.loads(done.stdout) == {"events": 30, "out": str(out)}
    found = json.loads(out.read_text(encoding="utf-8"))
    assert found["checkpoint"]["size"] == 30
    assert found["events"][17] == {"number": 18, "not_shared": False} | event(17).to_json()
    desk.write("empty.txt", LyingLog([]).bundle())
    desk.run("export", "empty.txt", "--out", str(out))
    assert json.loads(out.read_text(encoding="utf-8"))["events"] == []


def test_a_log_that_fails_is_not_exported(desk):
    out = desk.folder / "log.csv"
    out.write_text("what was there")
    desk.write("bad.txt", LOG.bundle().replace(b'"records":70}', b'"records":71}'))
    for suffix in ("csv", "json"):
        done = desk.run("export", "bad.txt", "--out", str(desk.folder / f"log.{suffix}"))
        assert done.exit_code == 3
        assert "bad.txt failed verification at step 6 (root)" in done.stderr
    assert out.read_text() == "what was there"
    assert sorted(path.name for path in desk.folder.iterdir()) == [
        "bad.txt", "keys.txt", "log.csv", "log.txt",
    ]  # fmt: skip


def test_a_dry_run_verifies_and_writes_nothing(desk):
    out = desk.folder / "log.csv"
    done = desk.run("export", "log.txt", "--out", str(out), "--dry-run")
    assert done.exit_code == 0
    assert "30 verified events would be written" in done.stdout
    assert not out.exists()
    desk.write("bad.txt", LOG.bundle()[:-5])
    assert desk.run("export", "bad.txt", "--out", str(out), "--dry-run").exit_code == 3


def test_other_suffixes_inputs_and_missing_keys_are_refused(desk):
    done = desk.run("export", "log.txt", "--out", str(desk.folder / "log.xlsx"))
    assert (done.exit_code, "must end in .csv or .json" in done.stderr) == (1, True)
    desk.write("log.csv", LOG.bundle())
    done = desk.run("export", "log.csv", "--out", str(desk.folder / "log.csv"))
    assert (done.exit_code, "another file of this command" in done.stderr) == (1, True)
    assert (desk.folder / "log.csv").read_bytes() == LOG.bundle()
    assert desk.run("export", "log.txt", "--out", "x.csv", keys=None).exit_code == 2


# Spreadsheets also split at other separators than the comma, and trim spaces and quotes.
PIECES = re.compile(r"[,;\t|\r\n]")
STARTS = ("=", "+", "-", "@", "＝", "＋", "－", "＠")


def runs_a_formula(text):
    return any(piece.lstrip(' \t"').startswith(STARTS) for piece in PIECES.split(text))


@pytest.mark.parametrize(
    "cell",
    [
        "=1+1", "+1", "-1", "@sum", "\t=1", "\r=1", " =1", '"=1', "a;=1", "a,=1", "a|+1", "x\n=1",
        "＝1", "=cmd|' /C calc'!A0", 'a;"=1', "''=1", "=",
    ],
)  # fmt: skip
def test_formulas_are_made_harmless(cell):
    assert runs_a_formula(cell) or cell.startswith("''")
    assert not runs_a_formula(harmless(cell))


@given(st.text(st.sampled_from("=+-@;,|\t\r\n\"' a1＝＋－＠")))
def test_no_text_is_a_formula_any_more(cell):
    safe = harmless(cell)
    assert not runs_a_formula(safe)
    assert safe.replace("'", "") == cell.replace("'", "")


@pytest.mark.parametrize("text", ["risk 5-6 of 10", "a=b", "police, care", "3 of 4; see minutes"])
def test_ordinary_text_is_left_alone(text):
    assert harmless(text) == text


def test_formulas_in_a_log_reach_no_cell(desk):
    evil = event(14, justification="=HYPERLINK(1)", purpose="@evil", lawful_basis='ok;"=1+1')
    desk.write("evil.txt", LyingLog([event_bytes(evil)]).bundle())
    out = desk.folder / "evil.csv"
    assert desk.run("export", "evil.txt", "--out", str(out)).exit_code == 0
    row = rows(out)[0]
    assert row["justification"] == "'=HYPERLINK(1)"
    assert row["purpose"] == "'@evil"
    text = out.read_text(encoding="utf-8-sig")
    assert not runs_a_formula(text)


def test_a_missing_bundle_is_a_sentence(desk):
    done = desk.run("verify", "none.txt")
    assert done.exit_code == 1
    assert "none.txt: No such file" in done.stderr


def test_endless_lines_take_no_memory(desk):
    desk.write("long.txt", LOG.bundle() + b"x" * 50_000_000)
    code, found = desk.verify("long.txt")
    assert (code, found["failure"]["event"]) == (3, 31)


@pytest.mark.parametrize("command", [[], ["verify"], ["export"]])
def test_help_has_an_example(command):
    done = CliRunner().invoke(cli, ["log", *command, "--help"])
    assert "agency-client log" in done.stdout
    assert "Example" in done.stdout


def test_the_commands_of_the_readme_work(desk, monkeypatch):
    monkeypatch.chdir(desk.folder)
    desk.write("last-quarter.txt", LyingLog(LOG.entries[:20]).bundle())
    readme = Path(__file__).parents[2] / "README.md"
    section = readme.read_text(encoding="utf-8").split("## Verify the log")[1].split("\n## ")[0]
    commands = re.findall(r"^agency-client (.+)$", section, re.MULTILINE)
    assert len(commands) == 3
    for words in commands:
        if words.startswith("log witness"):  # it needs keys; see test_log_witness.py
            continue
        done = CliRunner().invoke(cli, words.split())
        assert done.exit_code == 0, done.stderr


def test_it_runs_from_the_shell(desk):
    words = [sys.executable, "-c", "from agency_client.cli import main; main()", "log", "verify"]
    folder = desk.folder
    done = subprocess.run(
        [*words, str(folder / "log.txt"), "--keys", str(folder / "keys.txt")],
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
