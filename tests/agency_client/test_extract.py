import pytest
from hypothesis import given
from hypothesis import strategies as st

from agency_client.extract import read_extract
from linkage.errors import InputError


def read(tmp_path, content, name="x.csv"):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_extract(path)


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("bom", ["", "\ufeff"])
def test_every_delimiter_newline_and_bom(tmp_path, delimiter, newline, bom):
    rows = [["id", "name"], ["1", "Zo\u00eb"], ["02", ""]]
    extract = read(tmp_path, bom + newline.join(map(delimiter.join, rows)))
    assert extract.header == ("id", "name")
    assert extract.columns == (("1", "02"), ("Zo\u00eb", ""))
    assert extract.row_numbers == (2, 3)
    assert extract.warnings == ()


def test_quotes_newlines_and_blank_lines_count_as_a_spreadsheet_counts(tmp_path):
    extract = read(tmp_path, 'id,note\n\n1,"a, ""b""\nc"\n\n2,d\n\n')
    assert extract.columns == (("1", "2"), ('a, "b"\nc', "d"))
    assert extract.row_numbers == (3, 5)


def test_the_delimiter_is_not_taken_from_quoted_text(tmp_path):
    assert read(tmp_path, '"a,b,c,d";e\n1;2\n').header == ("a,b,c,d", "e")


def test_one_column_needs_no_delimiter(tmp_path):
    assert read(tmp_path, "id\n1\n2\n").columns == (("1", "2"),)


def test_windows_1252_is_read_with_a_warning(tmp_path):
    extract = read(tmp_path, "id,name\n1,Ann\n2,Zo\u00eb \u2019\n".encode("cp1252"))
    assert extract.columns[1] == ("Ann", "Zo\u00eb \u2019")
    assert "line 3" in extract.warnings[0]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "x.csv is empty"),
        (b" \n\n", "x.csv is empty"),
        (b"\xef\xbb\xbf", "a header and no records"),
        (b"id,name\n", "a header and no records"),
        (b"id,name\n\n\n", "a header and no records"),
        ("id,name\n1,a\n".encode("utf-16"), "UTF-16"),
        ("id,name\n1,a\n".encode("utf-16-le"), "NUL bytes on line 1"),
        (b"id,name\n1,a\0b\n", "NUL bytes on line 2"),
        (b"PK\x03\x04\x00\x00", "NUL bytes on line 1"),
        (b"id,name\n1,a\n2,\x81\xff\n", "line 3, has bytes"),
        (b"id,name\n1,a\n2,b,c\n", "row 3, has 3 cells and the header has 2"),
        (b"id,name\n\n1\n", "row 3, has 1 cells"),
        (b'id,name\n1,"a\n2,b\n', "line 3, is not readable as CSV"),
        (b'id,name\n1,"a"b\n', "line 2, is not readable as CSV"),
        (b"id,name,id\n1,2,3\n", "more than one column named 'id'"),
    ],
)
def test_what_is_not_a_table_of_text_is_refused_with_its_place(tmp_path, content, words):
    with pytest.raises(InputError, match=words) as caught:
        read(tmp_path, content)
    assert str(caught.value).startswith("x.csv")


@given(content=st.binary(max_size=60) | st.text('id,;\t|"\n\r1\ufeff\u00e9', max_size=60))
def test_any_content_is_a_table_or_an_error_in_a_sentence(tmp_path_factory, content):
    try:
        extract = read(tmp_path_factory.mktemp("any"), content)
    except InputError:
        return
    assert len(extract) > 0
    assert {len(column) for column in extract.columns} == {len(extract)}
