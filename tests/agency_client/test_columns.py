import pytest

from agency_client.columns import ColumnMap, parse_column_map, record_ids, resolve_columns
from agency_client.extract import Extract
from linkage.errors import InputError

FIELDS = ("given_name", "surname")


def extract(*header, ids=("1", "2")):
    columns = tuple(tuple(ids) for _ in header)
    return Extract("x.csv", header, columns, tuple(range(2, 2 + len(ids))))


def resolve(header, **settings):
    return resolve_columns(extract(*header), FIELDS, ColumnMap(**settings))


def test_names_are_matched_whatever_their_capitals_and_spaces():
    found = resolve(["Surname", "GIVEN NAME", "Record-ID", "other"])
    assert found.record_id == 2
    assert found.fields == {"given_name": 1, "surname": 0}


def test_a_map_names_columns_and_what_is_absent():
    found = resolve(["URN", "surname"], record_id="URN", absent=("given_name",))
    assert found.fields == {"given_name": None, "surname": 1}
    found = resolve(["URN", "Fam", "surname", "Forename"], record_id="urn",
                    fields={"given_name": "forename", "surname": "Fam"})  # fmt: skip
    assert found.fields == {"given_name": 3, "surname": 1}


@pytest.mark.parametrize(
    ("header", "settings", "words"),
    [
        (["record_id", "surname", "givenname"], {}, r"'given_name' \(did you mean 'givenname'\?\)"),
        (["record_id", "surname"], {}, "no column 'given_name'; .*--columns.*absent"),
        (["URN", "a"], {}, "no column 'record_id', 'given_name', 'surname'; its columns are"),
        (["record_id", "surname", "Surname ", "given_name"], {}, None),
        (["record_id", "SURNAME", "Surname", "given_name"], {}, "either of which could be"),
        (["record_id", "given_name", "surname"], {"fields": {"born": "x"}}, "names 'born'"),
        (["record_id", "given_name", "surname"], {"absent": ("born",)}, "names 'born'"),
        (["record_id", "given_name", "surname"],
         {"absent": ("surname",), "fields": {"surname": "surname"}}, "both maps"),
        (["record_id", "name"], {"fields": {"given_name": "name", "surname": "name"}}, "taken for"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused(header, settings, words):
    if words is None:
        assert resolve(header, **settings).fields["surname"] == 1
        return
    with pytest.raises(InputError, match=words):
        resolve(header, **settings)


def test_no_suggestion_of_a_column_that_is_already_taken():
    with pytest.raises(InputError) as caught:
        resolve_columns(
            extract("record_id", "middle_name"), ("given_name", "middle_name"), ColumnMap()
        )
    assert "did you mean" not in str(caught.value)


@pytest.mark.parametrize(
    ("ids", "words"),
    [
        (["1", "", "2"], "no record id .* in row 3;"),
        ([" "] * 9, "rows 2, 3, 4, 5, 6 and 4 more;"),
        (["1", "2", "1 "], "more than once, in rows 2, 4;"),
    ],
)
def test_record_ids_are_there_and_unique(ids, words):
    table = extract("record_id", "given_name", "surname", ids=ids)
    with pytest.raises(InputError, match=words):
        record_ids(table, resolve_columns(table, FIELDS, ColumnMap()))


def test_a_map_is_read_from_toml():
    text = 'record_id = "URN"\nabsent = ["surname"]\n[fields]\ngiven_name = "Forename"\n'
    expected = ColumnMap("URN", ("surname",), {"given_name": "Forename"})
    assert parse_column_map(text, "m.toml") == expected


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("record_id = ", "m.toml is not valid TOML"),
        ('record = "URN"', "record: not a known setting"),
        ("record_id = 3", "record_id: Input should be a valid string"),
        ("absent = 'surname'", "absent"),
        ("[fields]\nsurname = 1", "fields.surname"),
    ],
)
def test_a_faulty_map_is_refused(text, words):
    with pytest.raises(InputError, match=words):
        parse_column_map(text, "m.toml")
