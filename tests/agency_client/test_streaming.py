"""`agency-client encode` on extracts of several pieces, of every form, and with alternates."""

import json
import os
import subprocess
import sys
import time

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from agency_client import piecework, shuffling
from agency_client.cli import cli
from agency_client.reading import text
from hashing.encoder import Encoder
from hashing.secret import LinkageSecret
from linkage.encodings import read_encodings
from linkage.protocol.agreement import parse_agreement
from tests.agency_client.conftest import AGREEMENT, CANARY, HEADER, ROWS

KEEP = '{ type = "date", damaged = "keep" }'
REFUSE = '{ type = "date" }'


def invoke(*words):
    return CliRunner().invoke(cli, words)


@pytest.fixture
def small(monkeypatch):
    """Pieces of 7 rows, and no more than 20 rows in memory."""
    monkeypatch.setattr(text, "PIECE_ROWS", 7)
    monkeypatch.setattr(text, "_BLOCK", 300)
    monkeypatch.setattr(shuffling, "HELD_ROWS", 20)


def people(count):
    return [
        f"n{i},Mary{i % 7},,Smith{i},2011-03-{i % 28 + 1:02},f,{i} High St,Leeds,LS1 {i % 10}AA"
        for i in range(count)
    ]


def outputs(desk):
    out, mapped = desk.outputs
    with out.open("rb") as source:
        encodings = read_encodings(source, out.name)
    return encodings, pq.read_table(mapped)


def bits_by_id(desk):
    encodings, table = outputs(desk)
    ids = dict(zip(*map(pa.ChunkedArray.to_pylist, table.columns), strict=True))
    found = {}
    for row, token in enumerate(encodings.tokens):
        found.setdefault(ids[token.tobytes().hex()], []).append(encodings.bits[row].tobytes())
    return {own: sorted(rows) for own, rows in found.items()}


def expected_bits(rows):
    agreement = parse_agreement(AGREEMENT.read_text(), "a")
    cells = zip(*(row.split(",") for row in rows), strict=True)
    columns = dict(zip(HEADER.strip().split(","), map(list, cells), strict=True))
    encoded = Encoder(agreement.scheme, LinkageSecret(CANARY.encode())).encode_columns(columns)
    found = {}
    for own, bits in zip(columns["record_id"], encoded.bits, strict=True):
        found.setdefault(own, []).append(bits.tobytes())
    return {own: sorted(rows) for own, rows in found.items()}, encoded


def test_many_pieces_are_encoded_as_one_is(desk, small):
    rows = people(100)
    desk.extract(HEADER + "\n".join(rows))
    done = invoke(*desk.arguments(format="json"))
    assert done.exit_code == 0
    expected, whole = expected_bits(rows)
    assert bits_by_id(desk) == expected
    summary = json.loads(done.stdout)
    assert (summary["rows"], summary["records"]) == (100, 100)
    assert [part["fill"] for part in summary["fill"]] == pytest.approx(
        [part.fill for part in whole.fills]
    )
    assert list(summary["null_share"].values()) == pytest.approx(1 - whole.present.mean(axis=0))
    encodings, table = outputs(desk)
    assert [t.tobytes().hex() for t in encodings.tokens] == table["record_token"].to_pylist()
    assert desk.leftovers() == ["out.arrow", "out.map.parquet"]


def test_faults_are_collected_over_all_pieces(desk, small):
    desk.agreement(date=(KEEP, REFUSE))
    bad = [row.replace("2011-03-", "2011-13-") for row in people(60)[20:]]
    desk.extract(HEADER + "\n".join(people(20) + bad))
    done = invoke(*desk.arguments())
    assert done.exit_code == 1
    assert "40 damaged cells: row 22, column 'date_of_birth': '2011-13-21'" in done.stderr
    assert "row 26" in done.stderr
    assert "row 27" not in done.stderr
    assert "and 35 more" in done.stderr
    assert desk.leftovers() == []
    skipped = invoke(*desk.arguments(bad_rows="skip", format="json"))
    assert json.loads(skipped.stdout)["skipped"] == 40
    assert set(bits_by_id(desk)) == {f"n{i}" for i in range(20)}


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({5: " ", 50: ""}, "no record id ('record_id') in rows 7, 52;"),
        ({50: "n3", 51: " n3 ", 3: "n3"}, "more than once, in rows 5, 52, 53;"),
        (dict.fromkeys(range(0, 90, 9), "same"), "rows 2, 11, 20, 29, 38 and 5 more;"),
    ],
)
def test_ids_are_checked_over_all_pieces(desk, small, changed, words):
    rows = people(100)
    for place, own in changed.items():
        rows[place] = own + rows[place][rows[place].index(",") :]
    desk.extract(HEADER + "\n".join(rows))
    done = invoke(*desk.arguments())
    assert done.exit_code == 1
    assert words in done.stderr
    assert desk.leftovers() == []


def test_a_fault_in_the_last_piece_leaves_nothing(desk, small):
    desk.extract(HEADER + "\n".join(people(100)) + "\nx,y\n")
    done = invoke(*desk.arguments())
    assert done.exit_code == 1
    assert "row 102, has 2 cells" in done.stderr
    assert desk.leftovers() == []


def test_rows_with_one_id_are_alternates_where_the_map_says_so(desk, small):
    rows = [f"p{i % 40},{row.split(',', 1)[1]}" for i, row in enumerate(people(100))]
    desk.extract(HEADER + "\n".join(rows))
    (desk.folder / "columns.toml").write_text('repeats = "alternates"\n')
    done = invoke(*desk.arguments(columns="columns.toml", format="json"))
    assert done.exit_code == 0, done.stderr
    summary = json.loads(done.stdout)
    assert (summary["rows"], summary["records"]) == (100, 40)
    encodings, table = outputs(desk)
    assert encodings.header.alternates
    assert table.num_rows == len(set(table["record_token"].to_pylist())) == 40
    assert bits_by_id(desk) == expected_bits(rows)[0]


def test_without_alternates_the_file_says_so(desk):
    assert invoke(*desk.arguments()).exit_code == 0
    assert not outputs(desk)[0].header.alternates


def test_every_form_of_extract_has_the_same_bits(desk):
    assert invoke(*desk.arguments()).exit_code == 0
    expected = bits_by_id(desk)
    cells = [row.split(",") for row in (HEADER + ROWS).splitlines()]
    columns = dict(zip(cells[0], zip(*cells[1:], strict=True), strict=True))
    pq.write_table(pa.table(columns), desk.folder / "police.parquet")
    assert invoke(*desk.arguments(extract="police.parquet")).exit_code == 0
    assert bits_by_id(desk) == expected

    import openpyxl

    workbook = openpyxl.Workbook()
    for row in cells:
        workbook.active.append(row)
    workbook.save(desk.folder / "police.xlsx")
    assert invoke(*desk.arguments(extract="police.xlsx#Sheet")).exit_code == 0
    assert bits_by_id(desk) == expected

    import sqlite3

    with sqlite3.connect(desk.folder / "police.db") as database:
        database.execute(f"create table police ({', '.join(cells[0])})")
        marks = ", ".join("?" * len(cells[0]))
        database.executemany(f"insert into police values ({marks})", cells[1:])
    (desk.folder / "query.sql").write_text("select * from police")
    (desk.folder / "url").write_text(f"sqlite:///{desk.folder / 'police.db'}")
    words = desk.arguments(query="query.sql", database_file="url")
    words.remove(str(desk.folder / "police.csv"))
    assert invoke(*words).exit_code == 0
    assert bits_by_id(desk) == expected


@pytest.mark.parametrize(
    ("extract", "options"),
    [
        (True, {"query": "q.sql", "database_file": "url"}),
        (False, {"query": "q.sql"}),
        (True, {"database_file": "url"}),
        (False, {}),
    ],
)
def test_the_extract_is_a_file_or_a_query(desk, extract, options):
    words = desk.arguments(**options)
    if not extract:
        words.remove(str(desk.folder / "police.csv"))
    assert invoke(*words).exit_code == 2


def test_an_output_never_overwrites_the_workbook_that_is_read(desk):
    (desk.folder / "x.xlsx").write_bytes(b"mine")
    done = invoke(*desk.arguments(extract="x.xlsx#One", out="x.xlsx"))
    assert "another file of this command" in done.stderr
    assert (desk.folder / "x.xlsx").read_bytes() == b"mine"


def test_work_is_handed_on_in_order_and_not_far_ahead(monkeypatch):
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    taken = []

    def pieces():
        for number in range(30):
            taken.append(number)
            yield number

    def work(number):
        time.sleep(0.001 * (number % 3))
        return number * number

    for number, result in enumerate(piecework.in_order(work, pieces())):
        assert result == number * number
        assert len(taken) <= number + 4


def test_a_failing_piece_stops_the_others():
    def work(number):
        if number == 3:
            raise ValueError("three")
        return number

    with pytest.raises(ValueError, match="three"):
        list(piecework.in_order(work, iter(range(10**9))))


MEMORY = """
import resource, sys
from functools import partial
from pathlib import Path
from agency_client import encoding, shuffling
from agency_client.leakage import guard
from agency_client.reading import source, text
from hashing.risk import Plan
# The attack on a sample takes as much of any extract: it would hide what encoding takes.
guard.assess = partial(guard.assess, plan=Plan(own=200, dense=(), pairs_to=0, rounds=1))
text.PIECE_ROWS = shuffling.HELD_ROWS = 4096
folder = Path(sys.argv[1])
encoding.encode_extract(
    encoding.EncodeRequest(
        source.file_source(folder / "police.csv"), folder / "agreement.toml", "health",
        folder / "secret.key", folder / "out.arrow", folder / "out.map.parquet",
        overruled="these people are invented",
    ),
    lambda step: None,
)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


def test_memory_does_not_grow_with_the_extract(desk):
    """The encodings of 160,000 more rows are 65 MB, which are never in memory at once."""
    # One arena: what the allocator holds back for each thread would blur the difference.
    environment = {**os.environ, "MALLOC_ARENA_MAX": "1"}
    peaks = []
    for count in (8_000, 168_000):
        desk.extract(HEADER + "\n".join(people(count)))
        done = subprocess.run(
            [sys.executable, "-c", MEMORY, str(desk.folder)],
            capture_output=True, encoding="utf-8", check=True, env=environment,
        )  # fmt: skip
        peaks.append(int(done.stdout))
    assert peaks[1] < peaks[0] + 45, peaks


def test_two_runs_have_no_token_in_common(desk):
    invoke(*desk.arguments())
    first = {token.tobytes() for token in outputs(desk)[0].tokens}
    invoke(*desk.arguments())
    assert not first & {token.tobytes() for token in outputs(desk)[0].tokens}


def test_the_plain_and_the_threaded_path_agree_on_damaged_rows(desk, small):
    desk.agreement(date=(KEEP, REFUSE))
    rows = people(50)
    rows[11] = rows[11].replace("2011-03-", "2011-99-")
    desk.extract(HEADER + "\n".join(rows))
    assert invoke(*desk.arguments(bad_rows="skip")).exit_code == 0
    good = [row for number, row in enumerate(rows) if number != 11]
    assert bits_by_id(desk) == expected_bits(good)[0]
    assert np.unique(outputs(desk)[0].tokens, axis=0).shape == (49, 16)
