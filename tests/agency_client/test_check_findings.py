"""What `agency-client check` finds in the values."""

import csv
import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agency_client.checking.completeness import completeness, placeholders
from agency_client.checking.contents import look_at
from agency_client.checking.damage import damaged_cells, damaged_csv
from agency_client.checking.duplicates import check_record_ids, same_rows
from agency_client.checking.formats import (
    DATE_LIKE,
    EXCEL_DAY,
    OTHER,
    date_format,
    day_month_order,
    formats,
)
from agency_client.checking.preview import changes, samples
from agency_client.checking.table import STANDARD_FIELDS, FieldPlan, checked_fields
from agency_client.extract import Extract
from hashing.dates import standardise_date
from linkage.protocol.scheme import SchemeField


def fields_of(columns, **types):
    header, cells = tuple(columns), tuple(map(tuple, columns.values()))
    rows = tuple(range(2, 2 + len(cells[0])))
    extract = Extract("x.csv", header, cells, rows)
    kinds = {name: SchemeField(**types[name]) for name in columns}
    plan = FieldPlan("uk-person/1", kinds, frozenset(), "a test")
    places = {name: place for place, name in enumerate(header)}
    return checked_fields(extract, plan, places), extract


def one(values, **kind):
    (field,), _ = fields_of({"f": values}, f=kind)
    return field


@given(
    st.lists(
        st.sampled_from(["", " ", "unknown", "14/03/2011", "2011-03-14", "31/02/2011", "n/a"])
        | st.text(max_size=6),
        min_size=1,
    )
)
def test_the_counts_add_up_to_the_rows(values):
    own = completeness(one(values, type="date"))
    assert own.filled + own.blank + own.placeholders + own.damaged == len(values)
    assert own.blank == sum(not value.strip() for value in values)


def test_completeness_counts_each_kind_of_cell():
    values = ["14/03/2011", "2011-03-14", "", " ", "unknown", "31/02/2011", "01/01/1900"]
    own = completeness(one(values, type="date"))
    counts = (own.filled, own.blank, own.placeholders, own.damaged, own.distinct)
    assert counts == (2, 2, 2, 1, 1)


def test_placeholders_are_named():
    dates = ["01/01/1900", "unknown", "0000-00-00", "14/03/2011"]
    found = {own.what: own.count for own in placeholders(one(dates, type="date"))}
    assert found == {"1 January 1900": 1, "a word for unknown": 1, "zeros or marks for unknown": 1}
    codes = placeholders(one(["ZZ99 3VZ", "zz99 3wz", "LS1 1AA", "n/k"], type="postcode"))
    assert [(own.what[:4], own.count) for own in codes] == [("ZZ99", 2), ("a wo", 1)]
    numbers = placeholders(one(["0000000000", "943 476 5919"], type="nhs_number"))
    assert [own.what for own in numbers] == ["one digit repeated"]


@pytest.mark.parametrize(("new_years", "suspect"), [(2, False), (4, False), (20, True)])
def test_too_many_new_years_days_are_suspect(new_years, suspect):
    days = [f"2011-{1 + i % 12:02}-{2 + i % 27:02}" for i in range(200)]
    found = placeholders(one(days + ["2003-01-01"] * new_years, type="date"))
    assert [own.taken_as_missing for own in found] == [False] * suspect


def test_one_day_that_half_the_column_has_is_suspect():
    days = [f"20{i // 28:02}-03-{1 + i % 28:02}" for i in range(100)]
    found = placeholders(one(days + ["2011-05-05"] * 30, type="date"))
    assert [own.what for own in found] == ["one and the same day, on 23% of whole dates"]


@pytest.mark.parametrize(
    ("written", "label"),
    [
        ("2011-03-14", "2011-03-14"),
        ("3/4/2011", "14/03/2011"),
        ("14/03/2011 00:00:00", "14/03/2011 with a time"),
        ("2011-03-14T10:00:00Z", "2011-03-14 with a time"),
        ("14 March 2011", "14-Mar-2011"),
        ("March 14, 2011", "March 14, 2011"),
        ("14/03/11", "14/03/11 (year of two digits)"),
        ("20110314", "20110314"),
        ("40616", EXCEL_DAY),
        ("40616.0", EXCEL_DAY),
        ("2011", "2011 (year alone)"),
        ("xx/03/2011", "14/??/2011 (part unknown)"),
        ("77", OTHER),
        ("soon", OTHER),
    ],
)
def test_date_formats(written, label):
    assert date_format(written) == label


@given(st.dates().map(str) | st.text("0123456789/-. MarTt:", max_size=14))
def test_what_standardises_as_a_whole_date_has_a_format(written):
    cell = standardise_date(written)
    if cell.value.isdecimal() and not cell.damage:
        assert date_format(written) in DATE_LIKE


def test_formats_are_counted_per_cell():
    shares = formats("date", {"14/03/2011": 90, "3/4/2010": 5, "2011-03-14": 4, "": 50, "?": 1})
    assert [(own.label, own.count) for own in shares][:2] == [("14/03/2011", 95), ("2011-03-14", 4)]
    shares = formats("postcode", {"LS1 1AA": 3, "ls11aa": 2, "1012": 1})
    assert [own.count for own in shares] == [3, 2, 1]


def test_day_and_month_order():
    order = day_month_order(
        {"14/03/2011": 7, "03/14/2011": 2, "03/04/2011": 5, "4/4/2011": 9, "2011-03-04": 9, "": 1}
    )
    assert (order.day_first, order.month_first, order.either) == (7, 2, 5)


def test_record_ids_that_fail():
    extract = Extract("x", ("id",), (("a", "", "b", " a", " "),), (2, 3, 5, 6, 7))
    found = check_record_ids(extract, 0)
    assert found.blank == (3, 7)
    assert found.repeated == ((2, 6),)
    assert check_record_ids(extract, None).repeated == ()


def test_rows_the_same_once_standardised():
    columns = {
        "name": ["Mary", "MARY ", "Ali", "", "mary", "unknown", ""],
        "born": ["14/03/2011", "2011-03-14", "x1", "", "2011-03-15", "n/a", "x1"],
    }
    fields, extract = fields_of(columns, name={"type": "name"}, born={"type": "date"})
    found = same_rows(fields, extract.row_numbers)
    assert found.same == ((2, 3),)
    assert found.empty == (5, 7)


@given(st.lists(st.tuples(*[st.sampled_from(["", "a", "A", "b"])] * 2), min_size=1, max_size=20))
def test_same_rows_are_those_with_equal_values(rows):
    columns = dict(zip("xy", zip(*rows, strict=True), strict=True))
    fields, extract = fields_of(columns, x={"type": "text"}, y={"type": "text"})
    found = same_rows(fields, extract.row_numbers)
    groups = {}
    for number, row in zip(extract.row_numbers, rows, strict=True):
        groups.setdefault(tuple(cell.lower() for cell in row), []).append(number)
    empty = groups.pop(("", ""), [])
    assert found.empty == tuple(empty)
    assert sorted(found.same) == sorted(tuple(g) for g in groups.values() if len(g) > 1)


def test_every_damaged_cell_is_listed_with_its_place():
    columns = {
        "born": ["2005-02-77", "14/03/2011", "soon", "2005-02-77"],
        "sex": ["Q", "f", "", "m"],
    }
    fields, extract = fields_of(
        columns, born={"type": "date", "damaged": "keep"}, sex={"type": "sex"}
    )
    found = damaged_cells(fields, extract.row_numbers)
    assert [(cell.row, cell.column, cell.value) for cell in found] == [
        (2, "born", "2005-02-77"),
        (2, "sex", "Q"),
        (4, "born", "soon"),
        (5, "born", "2005-02-77"),
    ]
    assert [cell.outcome for cell in found[:2]] == ["kept in part", "stops the encoding"]
    assert "soon" not in repr(found)


def test_the_list_is_a_csv_that_runs_nothing():
    columns = {"sex": ["=cmd|' /C calc'!A0", 'a,"b"\nc', "@q", "-q"]}
    fields, extract = fields_of(columns, sex={"type": "sex"})
    rows = list(csv.reader(io.StringIO(damaged_csv(damaged_cells(fields, extract.row_numbers)))))
    assert rows[0] == ["row", "column", "field", "value", "reason", "outcome"]
    assert [row[3] for row in rows[1:]] == ["'=cmd|' /C calc'!A0", 'a,"b"\nc', "'@q", "'-q"]


def test_changes_are_counted_and_sampled():
    values = ["mary", "MARY", "MARY", "O'Neil", "Zo\u00eb", "Mr John", "unknown", ""]
    field = one(values, type="name")
    assert dict(changes(field).counts) == {
        "unchanged": 1,
        "small letters": 2,
        "spaces and punctuation": 1,
        "accents off": 1,
        "titles and suffixes off": 1,
        "taken as missing": 1,
    }
    shown = {sample.before: sample.after for sample in samples(field)}
    assert shown == {
        "MARY": "mary", "O'Neil": "oneil", "Zo\u00eb": "zoe", "Mr John": "john", "unknown": "",
    }  # fmt: skip
    assert "Mr John" not in repr(samples(field))


def test_a_sample_shows_what_is_kept_of_damage():
    for damaged, after in (("keep", "20050277"), ("missing", ""), ("refuse", "")):
        (sample,) = samples(one(["2005-02-77"], type="date", damaged=damaged))
        assert sample.after == after


def test_contents_are_weighed_by_how_often_values_occur():
    found = look_at(["2011-03-14"] * 9 + ["soon", "", "unknown"])
    assert found.filled == 11
    assert found.distinct == 3
    assert found.shares["date"] == pytest.approx(0.9)
    assert found.looks_like() == "date"
    assert look_at(["", " "]).shares == {}
    assert look_at(["943 476 5919", "9434765919"]).looks_like() == "nhs_number"
    assert look_at(["a@b.org", "c@d.co.uk"]).looks_like() == "email"
    assert look_at(["0113 496 0123", "+44 7700 900123"]).looks_like() == "phone"


def test_the_standard_fields_are_in_the_profile():
    extract = Extract("x", ("a",), (("v",),), (2,))
    for name in STANDARD_FIELDS.fields:
        (field,) = checked_fields(extract, STANDARD_FIELDS, {name: 0})
        assert np.array_equal(field.counts, [1])
