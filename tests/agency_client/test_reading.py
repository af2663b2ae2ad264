"""Workbooks, Parquet files and database queries, read as the CSV file of the same table is."""

import datetime as dt
import decimal
import sqlite3
import zipfile

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from agency_client.extract import read_extract
from agency_client.reading import parquet, sql
from agency_client.reading.source import FileSource, QuerySource, file_source, open_extract
from linkage.errors import InputError, PolicyError

BORN = dt.date(2011, 3, 14)
MIDNIGHT = dt.datetime(2011, 3, 14)  # noqa: DTZ001 - as workbooks have them
MORNING = MIDNIGHT.replace(hour=9, minute=30)


@pytest.fixture
def book(tmp_path):
    workbook = openpyxl.Workbook()
    sheet = workbook.active
    sheet.append(["id", "name ", "born", "note", None])
    sheet.append([None, None, None, None])
    sheet.append([7, "Zo\u00eb", BORN, 1.5])
    sheet.append(["007", "", MORNING, True])
    other = workbook.create_sheet("Other")
    other.append(["id"])
    other.append([12345678901])
    workbook.create_sheet("Empty")
    path = tmp_path / "x.xlsx"
    workbook.save(path)
    return path


def test_a_workbook_has_text_as_people_see_it(book):
    extract = read_extract(book)
    assert extract.header == ("id", "name", "born", "note")
    assert extract.columns == (
        ("7", "007"), ("Zo\u00eb", ""), ("2011-03-14", "2011-03-14 09:30:00"), ("1.5", "TRUE"),
    )  # fmt: skip
    assert extract.row_numbers == (3, 4)


def test_a_sheet_is_named_after_the_file(book):
    named = book.with_name("x.xlsx#Other")
    assert read_extract(named).columns == (("12345678901",),)
    with pytest.raises(InputError, match=r"no sheet 'Others'; its sheets are 'Sheet', 'Other'"):
        read_extract(book.with_name("x.xlsx#Others"))
    with pytest.raises(InputError, match="a header and no records"):
        read_extract(book.with_name("x.xlsx#Empty"))
    book.rename(named)
    assert file_source(named) == FileSource(named)


def test_a_workbook_without_its_ending_is_known_by_its_content(book):
    assert read_extract(book.rename(book.with_suffix(".export"))).header[0] == "id"


def test_a_value_beside_the_table_is_refused(tmp_path):
    workbook = openpyxl.Workbook()
    for row in (["id"], ["1"], ["2", "stray"]):
        workbook.active.append(row)
    workbook.save(tmp_path / "x.xlsx")
    with pytest.raises(InputError, match=r"x\.xlsx, row 3, has a value to the right"):
        read_extract(tmp_path / "x.xlsx")


def cut_short(path):
    path.write_bytes(path.read_bytes()[:-200])


def text_inside(path):
    path.write_text("id,name\n1,a\n")


def empty_archive(path):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("hello.txt", "hello")


def encrypted(path):
    path.write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(2000))


@pytest.mark.parametrize("spoil", [cut_short, text_inside, empty_archive, encrypted])
def test_a_damaged_workbook_is_refused_in_one_sentence(book, spoil):
    spoil(book)
    with pytest.raises(InputError, match=r"x\.xlsx is (not a workbook that can be read|encrypted)"):
        read_extract(book)


def test_a_missing_workbook_is_missing_and_not_damaged(tmp_path):
    for name in ("x.xlsx", "x.parquet", "x.csv"):
        with pytest.raises(FileNotFoundError):
            read_extract(tmp_path / name)


TYPED = {
    "id": pa.array([7, None, 9], pa.int64()),
    "float": pa.array([7.0, None, 7.5]),
    "born": pa.array([BORN, None, BORN]),
    "seen": pa.array([MIDNIGHT, None, MORNING]),
    "cost": pa.array([decimal.Decimal("12.00"), None, decimal.Decimal("12.50")]),
    "town": pa.array(["Leeds", None, "York"]).dictionary_encode(),
    "is": pa.array([True, None, False]),
}


def test_a_parquet_file_has_the_same_text(tmp_path, monkeypatch):
    monkeypatch.setattr(parquet, "PIECE_ROWS", 2)
    pq.write_table(pa.table(TYPED), tmp_path / "x.parquet", row_group_size=2)
    extract = read_extract(tmp_path / "x.parquet")
    assert extract.header == tuple(TYPED)
    assert extract.columns == (
        ("7", "9"), ("7", "7.5"), ("2011-03-14",) * 2, ("2011-03-14", "2011-03-14 09:30:00"),
        ("12", "12.50"), ("Leeds", "York"), ("TRUE", "FALSE"),
    )  # fmt: skip
    assert extract.row_numbers == (2, 4)


def test_a_parquet_file_that_is_none(tmp_path):
    path = tmp_path / "x.parquet"
    pq.write_table(pa.table({"id": ["1"] * 5000, "b": [b"\0"] * 5000}), path)
    with pytest.raises(InputError, match="column 'b' of the type binary"):
        read_extract(path)
    whole = path.read_bytes()
    for content in (whole[:-9], b"id\n1\n", whole[:40] + bytes(40) + whole[80:]):
        path.write_bytes(content)
        with pytest.raises(InputError, match=r"x\.parquet"):
            read_extract(path)
    pq.write_table(pa.table({"id": pa.array([], pa.string())}), path)
    with pytest.raises(InputError, match="a header and no records"):
        read_extract(path)


@pytest.fixture
def database(tmp_path):
    with sqlite3.connect(tmp_path / "x.db") as connection:
        connection.execute("create table people (id integer, name text, share real, photo blob)")
        rows = [(7, "Zo\u00eb", 2.0, None), (None, None, None, None), (8, "100% :x", 0.5, None)]
        connection.executemany("insert into people values (?, ?, ?, ?)", rows)
    (tmp_path / "url").write_text(f"sqlite:///{tmp_path / 'x.db'}\n")
    return tmp_path


def rows_of(folder, query):
    (folder / "q.sql").write_text(query)
    table = open_extract(QuerySource(folder / "q.sql", folder / "url"))
    pieces = list(table.pieces)
    columns = [
        [cell for p in pieces for cell in p.columns[i].to_pylist()]
        for i in range(len(table.header))
    ]
    return table.header, columns, [int(n) for p in pieces for n in p.row_numbers]


def test_a_query_is_read(database, monkeypatch):
    monkeypatch.setattr(sql, "PIECE_ROWS", 1)
    query = "select id, name, share from people where name is null or name not like 'x:y%';\n"
    assert rows_of(database, query) == (
        ("id", "name", "share"), [["7", "8"], ["Zo\u00eb", "100% :x"], ["2", "0.5"]], [2, 4],
    )  # fmt: skip


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("", "q.sql is empty"),
        ("select * from person", "q.sql failed (no such table: person); try it"),
        ("select id as a, name as a from people", "more than one column named 'a'"),
        ("select id, x'00ff' as b from people", "q.sql, row 2, column 2, can't be written"),
        ("select id from people where id > 99", "a header and no records"),
        ("delete from people", "q.sql returns no table"),
    ],
)
def test_a_query_that_gives_no_table(database, query, words):
    with pytest.raises(InputError) as caught:
        rows_of(database, query)
    assert words in str(caught.value)
    with sqlite3.connect(database / "x.db") as connection:
        assert connection.execute("select count(*) from people").fetchone() == (3,)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("", "holds no usable database URL"),
        ("user:hunter2@host", "holds no usable database URL"),
        ("nosuchbase://user:hunter2@host/x", "no usable database URL"),
        ("oracle://user:hunter2@host/x", "needs the Python package"),
        ("sqlite:////nowhere/at/all.db", "can't be reached (unable to open database file)"),
    ],
)
def test_a_url_that_does_not_work_is_not_shown(database, url, words):
    (database / "url").write_text(url)
    (database / "url").chmod(0o600)
    with pytest.raises(InputError) as caught:
        rows_of(database, "select 1 as a")
    assert words in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_a_password_that_others_may_read_is_refused(database):
    (database / "url").write_text("postgresql://user:hunter2@host/x")
    (database / "url").chmod(0o644)
    with pytest.raises(PolicyError, match="chmod 600"):
        rows_of(database, "select 1 as a")
