"""`agency-client check` as a person meets it."""

import csv
import json
import os
import pty
import re
import stat
import sys

import pytest
from click.testing import CliRunner

from agency_client.cli import cli
from tests.agency_client.conftest import HEADER, ROWS

OTHER_HEADER = "URN,Forename,Middle Name,Surname,DOB,Gender,Address,City,Postcode\n"
BAD = "r4,Canaryname,,Smith,2005-02-77,q,1 High St,Leeds,LS1 1AA\n"
REFUSE = ('{ type = "date", damaged = "keep" }', '{ type = "date" }')


def check(desk, *words, extract="police.csv"):
    agreement = str(desk.folder / "agreement.toml")
    words = ("check", str(desk.folder / extract), "--agreement", agreement, *words)
    return CliRunner().invoke(cli, words)


def as_json(desk, *words, **settings):
    done = check(desk, *words, "--format", "json", **settings)
    return done.exit_code, json.loads(done.stdout)


def on_a_terminal(desk, *words, columns=100, answer=""):
    """Run the client on a terminal of its own; returns the exit code and what it shows."""
    agreement = str(desk.folder / "agreement.toml")
    words = ("check", str(desk.folder / "police.csv"), "--agreement", agreement, *words)
    child, terminal = pty.fork()
    if not child:
        _run_and_exit(words, columns)
    os.write(terminal, answer.encode())
    shown = b""
    while piece := _read(terminal):
        shown += piece
    os.close(terminal)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return code, re.sub(r"\x1b\[[0-9;]*m", "", shown.decode())


def _run_and_exit(words, columns):
    """Run the client in a forked process, which saves the start of a new one."""
    code = 99
    try:
        os.environ |= {"COLUMNS": str(columns), "TERM": "xterm"}
        sys.stdin, sys.stdout, sys.stderr = open(0), open(1, "w"), open(2, "w")  # noqa: SIM115
        cli(words, prog_name="agency-client")
    except SystemExit as end:
        code = end.code or 0
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _read(terminal):
    try:
        return os.read(terminal, 65536)
    except OSError:  # the other end is closed
        return b""


def test_what_can_be_encoded_as_it_is_ends_with_0(desk):
    done = check(desk)
    assert done.exit_code == 0
    assert "It can be encoded as it is." in done.stdout
    assert done.stderr == ""
    assert desk.leftovers() == []


def test_other_headings_need_a_map_and_the_written_one_serves(desk):
    desk.extract(OTHER_HEADER + ROWS)
    done = check(desk)
    assert done.exit_code == 3
    assert "encoding needs a column map" in " ".join(done.stdout.split())
    assert 'given_name = "Forename"' in done.stdout
    assert desk.leftovers() == []
    written = desk.folder / "columns.toml"
    done = check(desk, "--columns-out", str(written))
    assert done.exit_code == 0
    assert stat.S_IMODE(written.stat().st_mode) == 0o600
    done = check(desk, "--columns", str(written))
    assert done.exit_code == 0
    words = desk.arguments(columns="columns.toml")
    assert CliRunner().invoke(cli, words).exit_code == 0


def test_a_file_that_exists_is_kept_unless_forced(desk):
    kept = desk.folder / "columns.toml"
    kept.write_text("mine")
    done = check(desk, "--columns-out", str(kept))
    assert done.exit_code == 1
    assert "--force" in done.stderr
    assert kept.read_text() == "mine"
    assert check(desk, "--columns-out", str(kept), "--force").exit_code == 0
    assert "given_name" in kept.read_text()


def test_on_a_terminal_it_asks_before_replacing(desk):
    kept = desk.folder / "columns.toml"
    kept.write_text("mine")
    _, shown = on_a_terminal(desk, "--columns-out", str(kept), answer="n\n")
    assert "Replace it?" in shown
    assert kept.read_text() == "mine"
    on_a_terminal(desk, "--columns-out", str(kept), answer="y\n")
    assert "given_name" in kept.read_text()


@pytest.mark.parametrize("option", ["--columns-out", "--bad-rows-out"])
def test_no_input_is_overwritten(desk, option):
    before = (desk.folder / "police.csv").read_bytes()
    done = check(desk, option, str(desk.folder / "police.csv"), "--force")
    assert done.exit_code == 1
    assert (desk.folder / "police.csv").read_bytes() == before


def test_damage_that_encoding_takes_does_not_stop_and_refused_damage_does(desk):
    desk.extract(HEADER + ROWS * 1 + BAD)
    code, report = as_json(desk)
    assert [cell["row"] for cell in report["damaged"]] == [5, 5]
    assert not any("refuses" in mend for mend in report["mend"])
    desk.agreement(date=REFUSE)
    code, report = as_json(desk)
    assert code == 3
    assert not report["ready"]
    assert "1 cell of date_of_birth that encoding refuses" in report["mend"][0]


def test_all_damaged_cells_go_to_the_file_asked_for(desk):
    desk.agreement(date=REFUSE)
    many = "".join(BAD.replace("r4", f"b{i}") for i in range(40))
    desk.extract(HEADER + ROWS + many)
    out = desk.folder / "bad.csv"
    done = check(desk, "--bad-rows-out", str(out))
    assert done.exit_code == 3
    assert "70 more" in done.stdout
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    rows = list(csv.DictReader(out.open(encoding="utf-8", newline="")))
    assert len(rows) == 80
    assert rows[0] == {
        "row": "5",
        "column": "date_of_birth",
        "field": "date_of_birth",
        "value": "2005-02-77",
        "reason": "a date that is in no calendar",
        "outcome": "stops the encoding",
    }
    assert "Canaryname" not in out.read_text()


def test_only_a_terminal_sees_values(desk):
    desk.extract(HEADER + ROWS + BAD)
    for done in (check(desk), check(desk, "--format", "json")):
        for value in ("2005-02-77", "Canaryname", "canaryname", "O'Connor", "High St", "r4"):
            assert value not in done.stdout
    _, shown = on_a_terminal(desk)
    assert "2005-02-77" in shown
    assert "Canaryname" not in shown
    _, shown = on_a_terminal(desk, "--sample")
    assert "oconnor" in shown


@pytest.mark.parametrize("words", [["--sample"], ["--sample", "--format", "json"]])
def test_a_sample_is_refused_elsewhere(desk, words):
    done = check(desk, *words)
    assert done.exit_code == 2
    assert "on a terminal" in done.stderr
    assert done.stdout == ""


def test_a_sample_in_json_is_refused_on_a_terminal_too(desk):
    code, shown = on_a_terminal(desk, "--sample", "--format", "json")
    assert code == 2
    assert "oconnor" not in shown


@pytest.mark.parametrize("columns", [60, 80, 120])
def test_lines_fit_the_terminal_and_nothing_moves_its_cursor(desk, columns):
    desk.extract(HEADER + ROWS + "r4,\x1b[2Jx\x07,,Smith,\x1b[31m77,m,1 High St,Leeds,LS1 1AA\n")
    _, shown = on_a_terminal(desk, "--sample", columns=columns)
    assert max(map(len, shown.splitlines())) <= columns
    assert "\x1b" not in shown
    assert "\x07" not in shown
    assert "\\x1b[31m77" in shown


def test_record_ids_that_fail_stop(desk):
    desk.extract(HEADER + ROWS + ROWS.replace("r2", ""))
    code, report = as_json(desk)
    assert code == 3
    assert report["record_ids"] == {"blank": [6], "repeated": [[2, 5], [4, 7]]}
    assert report["rows"]["same"] == [[2, 5], [3, 6], [4, 7]]
    assert any("row 6" in mend for mend in report["mend"])
    assert any("2 record ids stand in several rows" in mend for mend in report["mend"])


def test_alternates_are_no_fault(desk):
    desk.extract(HEADER + ROWS + ROWS.replace("Mary", "Molly"))
    (desk.folder / "columns.toml").write_text('repeats = "alternates"\n')
    assert check(desk).exit_code == 3
    done = check(desk, "--columns", str(desk.folder / "columns.toml"))
    assert done.exit_code == 0
    assert "3 with alternates" in done.stdout


def test_a_title_above_the_headings_is_all_that_is_said(desk):
    desk.extract("Extract of the third quarter,,,,,,,,\n" + HEADER + ROWS)
    code, report = as_json(desk)
    assert code == 3
    assert len(report["mend"]) == 1
    assert "delete the rows above the headings" in report["mend"][0]
    assert "Completeness" not in check(desk).stdout


@pytest.mark.parametrize(
    ("dates", "sentence"),
    [
        (["40616"], "a spreadsheet's day number"),
        (["03/14/2011", "12/25/2010", "03/04/2011"], "have the month first"),
        (["14/03/11"], "a year of two digits"),
        (["March 14, 2011"], "the name of the month first"),
        (["14/03/2011"] * 12 + ["03/14/2011"], "can only be month first"),
    ],
)
def test_dates_that_need_mending(desk, dates, sentence):
    rows = [f'd{i},Mary,,Smith{i},"{date}",f,,,\n' for i, date in enumerate(dates)]
    desk.extract(HEADER + "".join(rows))
    code, report = as_json(desk)
    assert code == 3
    assert any(sentence in mend for mend in report["mend"])


def test_a_generic_agreement_has_ambiguous_dates_mended(desk):
    desk.agreement(profile=('profile = "uk-person/1"', 'profile = "generic/1"'))
    code, report = as_json(desk)
    assert report["profile"] == "generic/1"
    assert code == 0  # 14/03/2011 can't be read otherwise
    desk.extract(HEADER + ROWS.replace("14/03/2011", "04/03/2011"))
    code, report = as_json(desk)
    assert code == 3
    assert any("the day or the month first" in mend for mend in report["mend"])


def test_without_an_agreement_the_standard_fields_are_proposed(desk):
    desk.extract(OTHER_HEADER + ROWS)
    words = ("check", str(desk.folder / "police.csv"), "--format", "json")
    report = json.loads(CliRunner().invoke(cli, words).stdout)
    fields = {own["field"]: own["column"] for own in report["columns"]}
    assert fields["town"] == "City"
    assert fields["record_id"] == "URN"
    assert "no agreement" in report["fields_of"]


def test_a_field_without_a_column_is_to_be_decided_once(desk):
    desk.extract("\n".join(line.rsplit(",", 1)[0] for line in (HEADER + ROWS).splitlines()))
    code, report = as_json(desk)
    assert code == 3
    assert any("No column seems to hold postcode" in mend for mend in report["mend"])
    out = desk.folder / "columns.toml"
    assert check(desk, "--columns-out", str(out)).exit_code == 3
    assert check(desk, "--columns", str(out)).exit_code == 0


def test_a_map_that_does_not_fit_is_a_failure(desk):
    (desk.folder / "columns.toml").write_text('[fields]\ngiven_name = "Nowhere"\n')
    done = check(desk, "--columns", str(desk.folder / "columns.toml"))
    assert done.exit_code == 1
    assert "Nowhere" in done.stderr


def test_giving_and_asking_for_a_map_is_wrong_usage(desk):
    done = check(desk, "--columns", "a.toml", "--columns-out", "b.toml")
    assert done.exit_code == 2


def test_help_has_an_example():
    done = CliRunner().invoke(cli, ["check", "--help"])
    assert "agency-client check police.csv" in done.stdout
