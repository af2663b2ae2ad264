"""The compiled scanner splits as the standard library's reader does, wherever a block ends."""

import csv
import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agency_client.extract import read_extract
from agency_client.reading import pieces, scanner, text
from agency_client.reading.text import DELIMITERS
from linkage.errors import InputError

CELLS = st.text('ab,;"\n\r \u00e9', max_size=6)
TABLES = st.lists(st.lists(CELLS, min_size=2, max_size=2), min_size=1, max_size=8)
RAW = st.text('ab,"\n\r\u00e9', max_size=60)


def plain(content):
    """What `csv` makes of a file: filled rows and their numbers, or the first fault's words."""
    reader = csv.reader(io.StringIO(content, newline=""), strict=True)
    rows = []
    try:
        for number, row in enumerate(reader, 1):
            if any(row) and len(row) != 2:
                return f"row {number}, has {len(row)} cells"
            if any(row):
                rows.append((number, row))
    except csv.Error:
        return f"line {reader.line_num}, is not readable as CSV"
    return rows[1:] or "a header and no records"


def swift(folder, content):
    path = folder / "x.csv"
    path.write_bytes(b"h,g\n" + content.encode())
    try:
        extract = read_extract(path)
    except InputError as error:
        return str(error)
    rows = zip(*extract.columns, strict=True)
    return [(number, list(row)) for number, row in zip(extract.row_numbers, rows, strict=True)]


def assert_alike(folder, content, monkeypatch):
    expected = plain("h,g\n" + content)
    for block in (1, 3, 1 << 22):
        monkeypatch.setattr(text, "_BLOCK", block)
        found = swift(folder, content)
        if isinstance(expected, str):
            assert expected in found
        else:
            assert found == expected


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
@settings(max_examples=60)
@given(table=TABLES, ends=st.booleans())
def test_what_csv_writes_is_read(tmp_path_factory, newline, table, ends):
    sink = io.StringIO(newline="")
    csv.writer(sink, lineterminator=newline).writerows(table)
    content = sink.getvalue() if ends else sink.getvalue().removesuffix(newline)
    with pytest.MonkeyPatch.context() as monkeypatch:
        assert_alike(tmp_path_factory.mktemp("x"), content, monkeypatch)


@settings(max_examples=200)
@given(content=RAW)
def test_whatever_is_written_is_read_as_csv_reads_it(tmp_path_factory, content):
    with pytest.MonkeyPatch.context() as monkeypatch:
        assert_alike(tmp_path_factory.mktemp("x"), content, monkeypatch)


@pytest.mark.parametrize(
    "content",
    [
        '1,"a"b',
        '1,"a"b\n',
        '1,"a" ',
        '1,"a',
        '"1",""',
        '1,"a"\r',
        ",,,\n1,2",
        '"",""\n1,2',
        '1,""""',
    ],
)
def test_odd_endings(tmp_path, content):
    with pytest.MonkeyPatch.context() as monkeypatch:
        assert_alike(tmp_path, content, monkeypatch)


def test_pieces_join_without_a_seam(tmp_path, monkeypatch):
    monkeypatch.setattr(text, "PIECE_ROWS", 7)
    rows = [f'{i},"a ""{i}""\n{"x" * (i % 5)}"' if i % 3 else f"{i},\u00e9{i}" for i in range(100)]
    content = "\n\n".join(rows)
    assert swift(tmp_path, content) == plain("h,g\n" + content)


def test_a_cell_longer_than_csv_allows_is_refused_with_its_line(tmp_path):
    found = swift(tmp_path, "1,a\n2," + "b" * (csv.field_size_limit() + 1))
    assert "line 3, is not readable as CSV (field larger" in found
    long = "\u00e9" * (csv.field_size_limit() // 2 + 9)
    assert swift(tmp_path, f"1,a\n2,{long}\n3,b") == [
        (2, ["1", "a"]),
        (3, ["2", long]),
        (4, ["3", "b"]),
    ]


def test_a_quotation_mark_that_is_never_closed_does_not_read_the_whole_file(tmp_path, monkeypatch):
    monkeypatch.setattr(text, "_BLOCK", 1 << 16)
    path = tmp_path / "x.csv"
    path.write_text('h,g\n1,"a\n' + "2,b\n" * 500_000)
    with pytest.raises(InputError, match="is not readable as CSV"):
        read_extract(path)


@pytest.mark.parametrize("delimiter", DELIMITERS)
def test_the_scanner_takes_every_delimiter(delimiter):
    data = scanner.np.frombuffer(f'"a{delimiter}b"{delimiter}c\n'.encode(), "u1")
    found = scanner.scan(data, delimiter, 2, 5, ends=True)
    assert [column.to_pylist() for column in found.columns] == [[f"a{delimiter}b"], ["c"]]
    assert (found.used, found.seen, found.lines, found.stopped) == (len(data), 1, 1, False)


def test_pieces_are_of_a_bounded_size(tmp_path):
    path = tmp_path / "x.csv"
    path.write_text("h,g\n" + "1,2\n" * (pieces.PIECE_ROWS + 3))
    sizes = [len(piece) for piece in text.open_text(path).pieces]
    assert sizes == [pieces.PIECE_ROWS, 3]
