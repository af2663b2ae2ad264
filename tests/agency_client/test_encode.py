"""`agency-client encode` as a person meets it."""

import json
import os
import stat
from hashlib import sha256

import numpy as np
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from agency_client.cli import cli
from agency_client.encoding import EncodeRequest, encode_extract
from agency_client.leakage_files import summary_beside
from agency_client.reading.source import file_source
from hashing.encoder import Encoder
from hashing.secret import LinkageSecret
from linkage.encodings import read_encodings
from linkage.errors import LinkageError
from linkage.protocol.agreement import parse_agreement
from tests.agency_client.conftest import AGREEMENT, CANARY, HEADER, ROWS

KEEP = '{ type = "date", damaged = "keep" }'
REFUSE = '{ type = "date" }'


def invoke(*words):
    return CliRunner().invoke(cli, words)


def read_outputs(desk):
    out, mapped = desk.outputs
    with out.open("rb") as source:
        encodings = read_encodings(source, out.name)
    table = pq.read_table(mapped).to_pydict()
    return encodings, dict(zip(table["record_token"], table["record_id"], strict=True))


def by_record(desk):
    encodings, ids = read_outputs(desk)
    tokens = [token.tobytes().hex() for token in encodings.tokens]
    return {ids[token]: encodings.bits[row] for row, token in enumerate(tokens)}


def test_the_map_restores_every_record(desk):
    many = [
        f"n{i},Mary{i % 7},,Smith{i},2011-03-14,f,{i} High St,Leeds,LS1 1AA\n" for i in range(190)
    ]
    desk.extract(HEADER + "".join(many))
    assert invoke(*desk.arguments()).exit_code == 0
    encodings, ids = read_outputs(desk)
    assert encodings.header.agency == "health"
    tokens = [token.tobytes().hex() for token in encodings.tokens]
    assert len(set(tokens)) == 190
    assert set(tokens) == set(ids)
    assert list(ids) == tokens  # the map is in the order of the encodings ...
    assert sorted(ids.values()) == sorted(row.split(",")[0] for row in many)
    assert list(ids.values()) != [
        row.split(",")[0] for row in many
    ]  # ... which isn't the extract's
    agreement = parse_agreement(AGREEMENT.read_text(), "a")
    cells = zip(*(row.strip().split(",") for row in many), strict=True)
    columns = dict(zip(HEADER.strip().split(","), cells, strict=True))
    expected = Encoder(agreement.scheme, LinkageSecret(CANARY.encode())).encode_columns(columns)
    found = by_record(desk)
    for row, own in enumerate(columns["record_id"]):
        np.testing.assert_array_equal(found[own], expected.bits[row])


def test_the_same_people_in_another_layout_have_the_same_bits(desk):
    assert invoke(*desk.arguments()).exit_code == 0
    first = by_record(desk)
    rows = [line.split(",") for line in (HEADER + ROWS).splitlines()]
    turned = [";".join(reversed(row)) for row in rows]
    desk.extract(
        "\ufeff"
        + "\r\n".join([turned[0].upper(), *turned[1:]]).replace("O'Connor", "O\u2019CONNOR")
    )
    assert invoke(*desk.arguments()).exit_code == 0
    second = by_record(desk)
    assert first.keys() == second.keys()
    for own, bits in first.items():
        np.testing.assert_array_equal(bits, second[own])


def test_json_is_the_only_thing_on_standard_output(desk):
    done = desk.run(*desk.arguments(format="json"))
    assert done.returncode == 0
    assert done.stderr == ""
    summary = json.loads(done.stdout)
    assert summary["rows"] == 3
    assert summary["skipped"] == 0
    assert summary["null_share"]["DP"] == pytest.approx(1 / 3)
    assert {part["group"] for part in summary["fill"]} == {"GSY", "GD", "SD", "GP", "SP", "DP"}
    assert len(summary["scheme_digest"]) == 64
    assert summary["out"].endswith("out.arrow")
    assert summary["map"].endswith("out.map.parquet")


def test_the_encodings_name_their_leakage_report(desk):
    for _ in range(2):
        assert invoke(*desk.arguments()).exit_code == 0
        _, record = desk.reports
        encodings, _ = read_outputs(desk)
        assert encodings.header.leakage == sha256(record.read_bytes()).hexdigest()
        told = summary_beside(desk.outputs[0], encodings.header.leakage)
        assert told.verdict == json.loads(record.read_bytes())["verdict"]


def test_the_outputs_are_the_owners_alone(desk):
    invoke(*desk.arguments())
    for path in desk.outputs:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_damaged_cells_are_counted_and_quoted_without_their_neighbours(desk):
    desk.agreement(date=(KEEP, REFUSE))
    bad = "".join(f"b{i},Secretname,,Hidden,2005-02-{70 + i},m,,,\n" for i in range(8))
    desk.extract(HEADER + ROWS + bad)
    done = invoke(*desk.arguments())
    assert done.exit_code == 1
    assert "8 damaged cells: row 5, column 'date_of_birth': '2005-02-70'" in done.stderr
    assert "and 3 more" in done.stderr
    assert "--bad-rows skip" in done.stderr
    assert "Secretname" not in done.stderr
    assert "Hidden" not in done.stderr
    assert desk.leftovers() == []


def test_skipped_rows_are_left_out_and_counted(desk):
    desk.agreement(date=(KEEP, REFUSE))
    desk.extract(HEADER + "b0,A,,B,2005-02-77,m,,,\n" + ROWS)
    done = invoke(*desk.arguments(bad_rows="skip", format="json"))
    assert done.exit_code == 0
    assert "1 row with damaged cells was left out" in done.stderr
    assert json.loads(done.stdout)["skipped"] == 1
    assert set(by_record(desk)) == {"r1", "r2", "r3"}


def test_nothing_is_left_where_every_row_is_bad(desk):
    desk.agreement(date=(KEEP, REFUSE))
    desk.extract(HEADER + "b0,A,,B,2005-02-77,m,,,\n")
    assert invoke(*desk.arguments(bad_rows="skip")).exit_code == 1
    assert desk.leftovers() == []


def test_windows_1252_is_encoded_with_a_warning(desk):
    desk.extract((HEADER + ROWS).encode("cp1252"))
    done = invoke(*desk.arguments(format="json"))
    assert done.exit_code == 0
    assert "police.csv is not in UTF-8 (see line 4)" in done.stderr


def test_an_undiffused_group_is_warned_of(desk):
    group = (
        '\n[[scheme.group]]\nname = "CLK"\nlength = 512\n'
        'parts = [{ label = "all", features = ["given", "surname"] }]\n'
    )
    next_group = '[[scheme.group]]\nname = "GD"'
    desk.agreement(group=(next_group, group + next_group))
    done = invoke(*desk.arguments())
    assert done.exit_code == 0
    assert "CLK undiffused" in done.stderr


def test_columns_are_mapped(desk):
    desk.extract((HEADER + ROWS).replace("record_id", "URN").replace("surname", "Family"))
    (desk.folder / "columns.toml").write_text('record_id = "URN"\n[fields]\nsurname = "Family"\n')
    assert invoke(*desk.arguments(columns="columns.toml")).exit_code == 0
    assert set(by_record(desk)) == {"r1", "r2", "r3"}


def spoil_header(desk):
    desk.extract((HEADER + ROWS).replace("given_name", "forename"))


def spoil_encoding(desk):
    desk.extract(b"record_id,given_name\n1,\x81\n")


def spoil_empty(desk):
    desk.extract(b"")


def spoil_date(desk):
    desk.agreement(date=(KEEP, REFUSE))
    desk.extract(HEADER + "r1,Mary,,Smith,soon,f,,,\n")


def spoil_ids(desk):
    desk.extract(HEADER + ROWS + ROWS.splitlines()[0] + "\n")


def spoil_short_secret(desk):
    (desk.folder / "secret.key").write_text("canary-short")


def spoil_open_secret(desk):
    (desk.folder / "secret.key").chmod(0o644)


def spoil_agreement(desk):
    desk.agreement(key=('profile = "uk-person/1"', 'profile = "uk-person/1"\ncolour = "red"'))


def spoil_fill(desk):
    desk.agreement(fill=('version = "x6-t6"', 'version = "x6-t6"\nrequired_fill = [0.9, 1.0]'))


def spoil_extract(desk):
    (desk.folder / "police.csv").unlink()


def spoil_nothing(desk):
    pass


FAILURES = [
    (spoil_header, {}, 1, "no column 'given_name'"),
    (spoil_encoding, {}, 1, "police.csv, line 2,"),
    (spoil_empty, {}, 1, "police.csv is empty"),
    (spoil_date, {}, 1, "row 2, column 'date_of_birth': 'soon'"),
    (spoil_ids, {}, 1, "rows 2, 5"),
    (spoil_short_secret, {}, 4, "at least 32"),
    (spoil_open_secret, {}, 4, "chmod 600"),
    (spoil_agreement, {}, 1, "not a known setting"),
    (spoil_fill, {}, 3, "is filled to"),
    (spoil_extract, {}, 1, "No such file"),
    (spoil_nothing, {"agency": "polcie"}, 1, "'polcie' is not a party"),
    (spoil_nothing, {"out": "nowhere/out.arrow"}, 1, "nowhere"),
    (spoil_nothing, {"out": "police.csv"}, 1, "another file of this command"),
    (spoil_nothing, {"out": "secret.key"}, 1, "another file of this command"),
    (spoil_nothing, {"out": "."}, 1, "not a file"),
    (spoil_nothing, {"map_out": "out.arrow"}, 1, "another file of this command"),
    (spoil_nothing, {"overrule": "born 14/03/2011"}, 1, "can't go on record"),
    (spoil_nothing, {"agency": None}, 2, "--agency"),
    (spoil_nothing, {"format": "xml"}, 2, "--format"),
]


@pytest.mark.parametrize(
    ("spoil", "options", "code", "words"), FAILURES, ids=[words for *_, words in FAILURES]
)
def test_a_failure_is_one_sentence_and_leaves_nothing(desk, spoil, options, code, words):
    spoil(desk)
    before = (desk.folder / "secret.key").read_bytes()
    done = invoke(*desk.arguments(**options))
    assert done.exit_code == code
    assert words in done.stderr
    assert done.stdout == ""
    assert "canary" not in done.stderr
    if code != 2:
        assert len(done.stderr.splitlines()) == 1
        assert done.stderr.startswith("agency-client: ")
    assert desk.leftovers() == []
    assert (desk.folder / "secret.key").read_bytes() == before


@pytest.mark.parametrize(
    ("spoil", "options", "code"),
    [(spoil_date, {}, 1), (spoil_nothing, {"agency": None}, 2), (spoil_fill, {}, 3),
     (spoil_short_secret, {}, 4)],
)  # fmt: skip
def test_a_process_ends_with_the_exit_code_and_no_traceback(desk, spoil, options, code):
    spoil(desk)
    done = desk.run(*desk.arguments(**options))
    assert done.returncode == code
    assert done.stdout == ""
    assert done.stderr
    assert "Traceback" not in done.stderr
    assert "canary" not in done.stderr
    assert desk.leftovers() == []


def test_a_fault_of_our_own_shows_no_data(desk, monkeypatch):
    def fail(*_args, **_kwargs):
        raise RuntimeError("Mary Smith")

    monkeypatch.setattr("agency_client.encoding.open_extract", fail)
    result = invoke(*desk.arguments())
    assert result.exit_code == 1
    assert "RuntimeError" in result.stderr
    assert "Mary" not in result.output
    monkeypatch.setenv("CONCORD_DEBUG", "1")
    assert "Traceback" in invoke(*desk.arguments()).stderr


def test_an_interrupt_leaves_nothing_and_ends_with_130(desk, monkeypatch):
    def interrupt(*_args, **_kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr("agency_client.writing.write_encodings", interrupt)
    result = invoke(*desk.arguments())
    assert result.exit_code == 130
    assert desk.leftovers() == []


def test_a_full_disk_leaves_the_earlier_outputs(desk, monkeypatch):
    assert invoke(*desk.arguments()).exit_code == 0
    before = [path.read_bytes() for path in desk.outputs]

    def fail(*_args, **_kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("agency_client.writing.write_encodings", fail)
    result = invoke(*desk.arguments())
    assert result.exit_code == 1
    assert "No space left on device" in result.stderr
    assert [path.read_bytes() for path in desk.outputs] == before
    assert desk.leftovers() == ["out.arrow", "out.map.parquet"]


def test_the_secret_is_in_no_output(desk):
    done = desk.run(*desk.arguments(), env={**os.environ, "CONCORD_DEBUG": "1"})
    assert done.returncode == 0
    written = b"".join(path.read_bytes() for path in desk.outputs)
    shown = (done.stdout + done.stderr).encode() + written
    for form in (CANARY.encode(), CANARY.encode().hex().encode()):
        assert form not in shown


def test_the_encodings_hold_no_identifier(desk):
    invoke(*desk.arguments())
    written = desk.outputs[0].read_bytes().lower()
    for cell in (b"mary", b"connor", b"hassan", b"ls11aa", b"high street", b"20110314"):
        assert cell not in written


def test_an_earlier_output_is_replaced(desk):
    first = invoke(*desk.arguments())
    before = desk.outputs[0].read_bytes()
    second = invoke(*desk.arguments())
    assert (first.exit_code, second.exit_code) == (0, 0)
    assert desk.outputs[0].read_bytes() != before
    assert desk.leftovers() == ["out.arrow", "out.map.parquet"]


def test_every_step_that_fails_raises_an_error_people_can_read(desk):
    folder = desk.folder
    request = EncodeRequest(
        file_source(folder / "police.csv"), folder / "agreement.toml", "nobody",
        folder / "secret.key", folder / "a", folder / "b",
    )  # fmt: skip
    with pytest.raises(LinkageError):
        encode_extract(request, lambda _step: None)


@pytest.mark.parametrize("words", [[], ["encode"], ["secret"], ["secret", "create"]])
def test_every_command_has_help_with_an_example(words):
    result = invoke(*words, "--help")
    assert result.exit_code == 0
    assert "Example:\n    agency-client" in result.output


def test_a_secret_is_made_and_used(desk):
    made = desk.folder / "secret.key"
    made.unlink()
    assert desk.run("secret", "create", "--out", str(made)).returncode == 0
    assert desk.run(*desk.arguments()).returncode == 0
    again = desk.run("secret", "create", "--out", str(made))
    assert again.returncode == 4
    assert made.read_text().strip() not in again.stderr + again.stdout
