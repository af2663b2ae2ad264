"""The column map that `agency-client check` proposes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agency_client.checking.columns_proposal import columns_toml, propose_columns
from agency_client.checking.headings import RECORD_ID, SYNONYMS, Match, heading_words, match
from agency_client.checking.table import STANDARD_FIELDS
from agency_client.columns import ColumnMap, parse_column_map, resolve_columns
from agency_client.extract import Extract

GOOD = {
    "given_name": "Mary Ali Zoë",
    "surname": "Smith Hassan Jones",
    "date_of_birth": "14/03/2011 2005-02-07 3/4/2010",
    "sex": "F M F",
    "postcode": "LS1_1AA ls11ab LS2_3CD",
    "record_id": "a1 a2 a3",
    "address": "1_High_St 2_Low_Rd 3_Mid_Ln",
    "town": "Leeds York Leeds",
    "middle_name": "Ann Bo Cy",
}


def extract_of(columns):
    cells = tuple(
        tuple(cell.replace("_", " ") for cell in values.split()) for values in columns.values()
    )
    return Extract("x.csv", tuple(columns), cells, (2, 3, 4))


def proposed(columns, fields=("given_name", "surname", "date_of_birth", "sex", "postcode")):
    types = STANDARD_FIELDS.types()
    kinds = {name: types.get(name, "text") for name in fields}
    found = propose_columns(extract_of(columns), kinds, british=True)
    return {own.field: own for own in found.columns}, found


def heading_of(own, columns):
    return None if own.column is None else list(columns)[own.column]


@pytest.mark.parametrize(
    ("heading", "field"),
    [
        ("FORENAME", "given_name"),
        ("First-Name", "given_name"),
        ("childsFirstName", "given_name"),
        ("Legal forename", "given_name"),
        ("Family_Name", "surname"),
        ("Last name", "surname"),
        ("Middle Name(s)", "middle_name"),
        ("D.O.B.", "date_of_birth"),
        ("DateOfBirth", "date_of_birth"),
        ("Child's DOB", "date_of_birth"),
        ("M/F", "sex"),
        ("person_gender_code", "sex"),
        ("POST CODE", "postcode"),
        ("home_postal-code", "postcode"),
        ("Town/City", "town"),
        ("NHS No.", "nhs_number"),
        ("Unique Pupil Number", "upn"),
        ("URN", RECORD_ID),
        ("Case No", RECORD_ID),
        ("local_patient_id", RECORD_ID),
    ],
)
def test_usual_headings_are_known(heading, field):
    assert match(heading, field) >= Match.SYNONYM
    others = [name for name in SYNONYMS if name != field]
    assert all(match(heading, other) < Match.SYNONYM for other in others)


@pytest.mark.parametrize(
    ("heading", "field"),
    [
        ("Mother's surname", "surname"),
        ("School postcode", "postcode"),
        ("Previous address", "address"),
        ("Place of birth", "date_of_birth"),
        ("Velocity", "town"),
        ("Area code", "sex"),
        ("NHS number", RECORD_ID),
        ("School ID", RECORD_ID),
        ("Surnamed", "surname"),
        ("", "surname"),
    ],
)
def test_other_headings_are_not(heading, field):
    assert match(heading, field) == Match.NONE


def test_an_agreements_own_field_names_are_known_by_what_they_mean():
    assert match("Town", "city") == Match.SYNONYM
    assert match("City", "city") == Match.SAME
    assert match("Favourite colour", "colour_code") == Match.NONE


@given(st.text())
def test_any_heading_can_be_read(heading):
    assert all(heading_words(heading))
    for field in SYNONYMS:
        match(heading, field)


def test_usual_headings_with_fitting_contents_are_sure():
    columns = {
        "Case No": GOOD["record_id"],
        "Forename": GOOD["given_name"],
        "Family name": GOOD["surname"],
        "DOB": GOOD["date_of_birth"],
        "Gender": GOOD["sex"],
        "Post Code": GOOD["postcode"],
        "Mother's surname": GOOD["surname"],
    }
    found, whole = proposed(columns)
    assert {heading_of(own, columns) for own in found.values()} == set(columns) - {
        "Mother's surname"
    }
    assert {own.confidence for own in found.values()} == {"sure"}
    assert [unused.heading for unused in whole.unused] == ["Mother's surname"]
    assert "100% of its values look like dates" in found["date_of_birth"].reason


def test_contents_tell_what_headings_do_not():
    columns = {
        "Col1": GOOD["record_id"],
        "Forename": GOOD["given_name"],
        "Surname": GOOD["surname"],
        "Col4": GOOD["date_of_birth"],
        "Col5": GOOD["sex"],
        "Col6": GOOD["postcode"],
    }
    found, _ = proposed(columns)
    guessed = {name for name, own in found.items() if own.confidence == "guess"}
    assert guessed == {RECORD_ID, "date_of_birth", "sex", "postcode"}
    assert heading_of(found["date_of_birth"], columns) == "Col4"
    assert heading_of(found[RECORD_ID], columns) == "Col1"


def test_a_date_of_something_else_is_no_birth():
    columns = {"Date of referral": GOOD["date_of_birth"], "Created": GOOD["date_of_birth"]}
    found, _ = proposed(columns)
    assert found["date_of_birth"].column is None
    assert found["date_of_birth"].confidence == "none"


def test_contents_that_speak_against_the_heading_are_said():
    columns = {"DOB": GOOD["surname"], "Birth date": GOOD["date_of_birth"]}
    found, _ = proposed(columns)
    assert heading_of(found["date_of_birth"], columns) == "Birth date"
    found, _ = proposed({"DOB": GOOD["surname"]})
    assert found["date_of_birth"].confidence == "guess"
    assert "but only 0%" in found["date_of_birth"].reason


def test_two_columns_that_are_as_likely_are_left_to_a_person():
    columns = {"Forename": "Mary_ _ _", "First name": GOOD["given_name"], "id": "1 2 3"}
    columns["Forename"] = "Mary Ali _"
    found, whole = proposed(columns)
    own = found["given_name"]
    assert own.confidence == "undecided"
    assert heading_of(own, columns) == "First name"  # the fuller one
    assert own.rivals == (0,)
    text = columns_toml(whole, tuple(columns), "x.csv", reasons=True)
    assert '\n# given_name = "First name"' in text
    assert "given_name" not in parse_column_map(text, "x").fields


def test_unknown_values_do_not_count_against_a_column():
    found, _ = proposed({"DOB": "unknown n/a 14/03/2011"})
    assert found["date_of_birth"].confidence == "sure"


def test_no_column_is_used_twice_and_blank_headings_never():
    columns = {"": GOOD["date_of_birth"], "Name": GOOD["given_name"], "Surname": GOOD["surname"]}
    found, whole = proposed(columns)
    used = [own.column for own in found.values() if own.column is not None]
    assert len(used) == len(set(used))
    assert 0 not in used
    assert [unused.heading for unused in whole.unused] == ["(no heading, column 1)", "Name"]


def test_two_fields_do_not_share_a_column():
    columns = {"Surname": GOOD["surname"]}
    found, _ = proposed(columns, ("last_name", "surname"))
    assert heading_of(found["surname"], columns) == "Surname"
    assert found["last_name"].confidence == "none"


def test_foreign_postal_codes_are_not_held_to_the_british_form():
    extract = extract_of({"Postcode": "10115 1012AB K1A0B1"})
    found = propose_columns(extract, {"postcode": "postcode"}, british=False)
    assert found.columns[1].confidence == "sure"


HEADINGS = st.lists(
    st.text(min_size=1, max_size=20).map(str.strip).filter(bool)
    | st.sampled_from(["DOB", "Forename", "Sur\nname", 'a "b" \\ c', "x\x7fy", "Surname", "id"]),
    min_size=1,
    max_size=8,
    unique=True,
)


@given(HEADINGS, st.booleans())
def test_the_proposed_file_reads_back_as_the_proposal(headings, reasons):
    cells = tuple(("v1", "v2", "v3") for _ in headings)
    extract = Extract("x\n.csv", tuple(headings), cells, (2, 3, 4))
    fields = ("given_name", "surname", "date_of_birth")
    types = {name: STANDARD_FIELDS.types()[name] for name in fields}
    proposal = propose_columns(extract, types, british=True)
    text = columns_toml(proposal, extract.header, extract.name, reasons=reasons)
    read = parse_column_map(text, "columns.toml")
    settled = [own for own in proposal.columns if own.confidence not in {"undecided", "none"}]
    expected = {own.field: headings[own.column] for own in settled if own.field != RECORD_ID}
    assert read.fields == expected
    assert set(read.absent) == {f.field for f in proposal.columns[1:] if f.column is None}
    ids = [headings[own.column] for own in settled if own.field == RECORD_ID]
    assert read.record_id == (ids[0] if ids else ColumnMap().record_id)


def test_the_proposed_file_is_what_encoding_resolves():
    columns = {"Case No": GOOD["record_id"], "Forename": GOOD["given_name"]}
    fields = ("given_name", "surname")
    _, whole = proposed(columns, fields)
    text = columns_toml(whole, tuple(columns), "x.csv", reasons=True)
    resolved = resolve_columns(extract_of(columns), fields, parse_column_map(text, "c"))
    assert resolved.record_id == 0
    assert resolved.fields == {"given_name": 1, "surname": None}
