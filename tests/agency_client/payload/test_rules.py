"""The coarse forms: each is what it says, and none lets more through."""

import re
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agency_client.payload.rules import (
    attribute_rule,
    first_day_rule,
    name_rule,
    outward_rule,
    tens_rule,
    term_rule,
)
from linkage.protocol.sections.payload import Attribute, Payload, Vocabulary

TODAY = date(2026, 9, 20)
DAYS = st.dates(date(1900, 1, 2), TODAY)
WRITTEN = ("%Y-%m-%d", "%d/%m/%Y", "%d %B %Y", "%Y%m%d")
NEXT = {"month": 1, "quarter": 3, "year": 12}


@given(DAYS, st.sampled_from(WRITTEN), st.sampled_from(["day", *NEXT]))
def test_a_date_travels_as_the_first_day_of_its_period(day, form, coarsening):
    cell = first_day_rule("uk-person/1", coarsening, TODAY)(day.strftime(form))
    assert not cell.damage
    start = date.fromisoformat(cell.value)
    if coarsening == "day":
        assert start == day
        return
    months = start.year * 12 + start.month - 1
    assert (start.day, months % NEXT[coarsening]) == (1, 0)
    assert months <= day.year * 12 + day.month - 1 < months + NEXT[coarsening]


@given(st.integers(1, 3000))
def test_a_date_in_the_future_never_travels(later):
    day = (TODAY + timedelta(days=later)).isoformat()
    for coarsening in ("day", *NEXT):
        cell = first_day_rule("uk-person/1", coarsening, TODAY)(day)
        assert (cell.value, cell.damage) == ("", "a date in the future")


@given(st.text() | st.from_regex(r"[A-Za-z]{1,2}[0-9][A-Za-z0-9]? ?[0-9][A-Za-z]{2}"))
def test_of_a_postcode_no_more_than_its_outward_code_travels(text):
    cell = outward_rule(text)
    assert re.fullmatch(r"([A-Z]{1,2}[0-9][A-Z0-9]?|GIR)?", cell.value)
    assert not (cell.value and cell.damage)


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("ec1a 1bb", "EC1A"), ("M1 1AE", "M1"), ("w1a", "W1A"), ("GIR 0AA", "GIR"), ("", ""),
        ("not known", ""), ("ZZ99 3VZ", ""), ("12 High Street", None), ("Mary Smith", None),
        ("75001", None), ("D02 X285", None),
    ],
)  # fmt: skip
def test_postcodes(written, value):
    cell = outward_rule(written)
    assert (cell.value or None) == (value or None)
    assert bool(cell.damage) == (value is None)


@given(st.floats(-1e12, 1e12).map(lambda own: f"{own:.3f}"))
def test_a_number_is_among_the_ten_from_its_lowest_on(text):
    lowest = int(tens_rule(text).value)
    assert lowest % 10 == 0
    assert lowest <= float(text) < lowest + 10


def test_numbers_as_people_write_them():
    found = [tens_rule(text) for text in ("47", " 1,234 ", "-3", "n/a", "", "about 40", "1,23")]
    assert [cell.value for cell in found] == ["40", "1230", "-10", "", "", "", ""]
    assert [bool(cell.damage) for cell in found] == [False] * 5 + [True] * 2


def test_terms_are_read_by_code_or_by_meaning_and_attributes_by_their_type():
    vocabulary = Vocabulary("1", {"at_risk": "At risk of harm", "safe": "No concern"})
    payload = Payload(
        attributes={
            "concern": Attribute("category", vocabulary="risk"),
            "born": Attribute("date", coarsen="quarter"),
        },
        vocabularies={"risk": vocabulary},
    )
    rule = attribute_rule(payload.attributes["concern"], payload, "uk-person/1", TODAY)
    for text in ("at_risk", "At Risk", "AT-RISK", "at risk of harm"):
        assert rule(text).value == term_rule(vocabulary)(text).value == "at_risk"
    assert rule("unsafe").damage == "none of the terms at_risk, safe"
    born = attribute_rule(payload.attributes["born"], payload, "uk-person/1", TODAY)
    assert born("14/03/2011").value == "2011Q1"
    assert name_rule([], "associations")("recruiter").damage.endswith("which has none")
