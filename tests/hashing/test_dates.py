import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hashing.dates import standardise_date
from hashing.tokenise import date_parts

DATES = st.dates(dt.date(1900, 1, 2), dt.date(2100, 12, 31))
FORMS = [
    "%Y-%m-%d",
    "%Y/%m/%d",
    "%Y.%m.%d",
    "%Y%m%d",
    "%d/%m/%Y",
    "%d-%m-%Y",
    "%d.%m.%Y",
    "%d %m %Y",
    "%d-%b-%Y",
    "%d %B %Y",
    "%d %b, %Y",
    "%d%b%Y",
    "%Y-%m-%dT%H:%M:%S",
    "%Y-%m-%d %H:%M:%S.%f",
    "%d/%m/%Y %H:%M",
    "%Y-%m-%dT%H:%M:%SZ",
    "%Y-%m-%dT%H:%M:%S+01:00",
]


@given(DATES, st.sampled_from(FORMS), st.sampled_from([str, str.upper, str.lower]))
def test_every_form_gives_the_same_eight_digits(date, form, case):
    written = case(dt.datetime.combine(date, dt.time(10, 5)).strftime(form))
    assert standardise_date(f" {written} ") == (date.strftime("%Y%m%d"), "")


@given(DATES)
def test_leading_zeros_are_not_needed(date):
    written = f"{date.day}/{date.month}/{date.year}"
    assert standardise_date(written) == (date.strftime("%Y%m%d"), "")


@pytest.mark.parametrize(
    ("written", "standard"),
    [
        ("14th March 2011", "20110314"),
        ("1st Sept 2011", "20110901"),
        ("____0101", "____0101"),
        ("199606__", "199606__"),
        ("00/03/2011", "201103__"),
        ("2011-00-00", "2011____"),
        ("xx/xx/2011", "2011____"),
        ("XX/03/2011", "201103__"),
        ("??/Mar/2011", "201103__"),
        ("?/3/2011", "201103__"),
        ("14/03/????", "____0314"),
        ("2011-??-14", "2011__14"),
        ("29/02/____", "____0229"),
        ("199_-06-01", "199_0601"),
        ("2011", "2011____"),
        ("2011-03", "201103__"),
        ("01/01/2011", "20110101"),
        ("2012-02-29", "20120229"),
        ("\uff11\uff14/\uff10\uff13/2011", "20110314"),
        ("2011\u201303\u201314", "20110314"),
        ("", ""),
        ("  ", ""),
        ("________", ""),
        ("0000-00-00", ""),
        ("??/??/????", ""),
        ("1900-01-01", ""),
        ("01/01/1900", ""),
        ("01-Jan-1900 00:00:00", ""),
        ("not known", ""),
        ("N/K", ""),
    ],
)
def test_sound_and_missing_dates(written, standard):
    assert standardise_date(written) == (standard, "")


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("2005-02-77", "20050277"),
        ("1983-22-29", "19832229"),
        ("77/02/2005", "20050277"),
        ("03/14/2011", "20111403"),
        ("a9721222", "_9721222"),
        ("2005-02-29", "20050229"),
        ("31/04/2011", "20110431"),
        ("1899-12-31", "18991231"),
        ("2101-01-01", "21010101"),
        ("2005-13-00", "200513__"),
        ("14/03/11", ""),
        ("14-Mar-11", ""),
        ("2011021", ""),
        ("2011-02-021", ""),
        ("March 2011", ""),
        ("14/Foo/2011", ""),
        ("40 years", ""),
        ("-", ""),
        ("19.00.01.01", ""),
    ],
)
def test_damaged_dates_keep_what_is_in_place(written, kept):
    cell = standardise_date(written)
    assert cell.damage
    assert cell.value == kept


def test_a_year_of_two_digits_is_named_as_the_fault():
    assert "two digits" in standardise_date("14/03/11").damage


@given(st.text() | st.text("0123456789-/._?xX:T ", max_size=20))
def test_any_text_gives_eight_characters_or_none_and_stays_as_it_is(text):
    cell = standardise_date(text)
    assert cell.value == "" or (len(cell.value) == 8 and set(cell.value) <= set("0123456789_"))
    assert cell.value.strip("_") or not cell.value
    assert standardise_date(cell.value).value == cell.value


@pytest.mark.parametrize(
    ("date", "parts"),
    [
        ("20110413", ["y2011", "m04", "d13", "s0413"]),
        ("20111304", ["y2011", "m13", "d04", "s0413"]),
        ("____0413", ["m04", "d13", "s0413"]),
        ("201104__", ["y2011", "m04"]),
        ("199_04_3", ["m04"]),
        ("199_____", []),
    ],
)
def test_date_parts_are_those_wholly_known(date, parts):
    assert date_parts(date) == parts
