import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hashing.folding import fold
from hashing.postcodes import outward
from hashing.profiles import UK_PERSON_1 as BY_TYPE
from hashing.standardise import standardise
from tests.hashing.schemes import one_part

EXAMPLES = {
    "name": {
        "Mary": "mary",
        "  MARY   Anne ": "mary anne",
        "Mary-Anne": "mary anne",
        "O'Connor": "oconnor",
        "O\u2019Connor": "oconnor",
        "O\u00b4Connor": "oconnor",
        "D`Arcy": "darcy",
        "Zo\u00eb": "zoe",
        "Zoe\u0308": "zoe",
        "Bj\u00f8rn \u0141ukasz": "bjorn lukasz",
        "Gro\u00df": "gross",
        "\u00c6thelred \u00deor": "aethelred thor",
        "\u0130lkay": "ilkay",
        "Y\u0131ld\u0131z": "yildiz",
        "Nguy\u1ec5n V\u0103n \u0110\u1ee9c": "nguyen van duc",
        "\uff2d\uff21\uff32\uff39": "mary",
        "Mr. John Smith": "john smith",
        "Rev Dr Jane Doe": "jane doe",
        "John Smith Jr.": "john smith",
        "Henry King III": "henry king",
        "Master": "master",
        "Junior": "junior",
        "Master Junior": "junior",
        "Smith, John": "smith john",
        "St. John": "st john",
        "unknown": "",
        "Not Known": "",
        "N/A": "",
        "Baby": "",
        "Mr": "",
        "Miss Unknown": "",
        "---": "",
        "": "",
        "Null": "null",
        "Na": "na",
        "Babyface": "babyface",
    },
    "text": {
        "12a, High  Street": "12a high street",
        "St John's Wood": "st johns wood",
        "Flat 3/4, \u00c9glise Rd.": "flat 3 4 eglise rd",
        "Master Close": "master close",
        "!": "",
    },
    "postcode": {
        "SW1A 1AA": "sw1a1aa",
        "sw1a1aa": "sw1a1aa",
        " b33-8th ": "b338th",
        "95686": "95686",
        "ZZ99 3VZ": "",
        "zz993wz": "",
        "unknown": "",
        "  ": "",
    },
    "sex": {
        "M": "m",
        "male": "m",
        "Boy": "m",
        "1": "m",
        "F": "f",
        "FEMALE": "f",
        "girl": "f",
        "2": "f",
        "X": "x",
        "other": "x",
        "Indeterminate": "x",
        "U": "",
        "unknown": "",
        "Not Known": "",
        "9": "",
        "0": "",
        "": "",
    },
    "code": {"943 476 5919": "9434765919", "A-12/b": "a12b", "--": ""},
    "raw": {" As It Is_": " As It Is_", "": ""},
}


@pytest.mark.parametrize(
    ("kind", "written", "standard"),
    [(kind, *pair) for kind, pairs in EXAMPLES.items() for pair in pairs.items()],
)
def test_examples(kind, written, standard):
    assert BY_TYPE[kind](written) == (standard, "")


@pytest.mark.parametrize(("kind", "written"), [("sex", "3"), ("sex", "male?f"), ("postcode", "-")])
def test_damaged_values(kind, written):
    cell = BY_TYPE[kind](written)
    assert cell.damage
    assert cell.value == ""


@pytest.mark.parametrize("kind", BY_TYPE)
@given(text=st.text() | st.text("aMr'- .jrI\u0130\u00df\u0301\u1e9e\u00b4\u2126\u00ad"))
def test_standardising_twice_changes_nothing(kind, text):
    once = BY_TYPE[kind](text).value
    assert BY_TYPE[kind](once).value == once


def test_folding_any_character_is_final():
    # Planes 0 and 1, and the compatibility ideographs of plane 2.
    for code in [*range(0x20000), *range(0x2F800, 0x2FA20)]:
        folded = fold(chr(code))
        assert fold(folded) == folded, hex(code)


@given(st.text("ab c'", max_size=10))
def test_ascii_takes_the_same_path_as_the_rest(text):
    assert fold(text + "\u00e9") == fold(text) + "e"


@pytest.mark.parametrize(
    ("postcode", "area"),
    [("sw1a1aa", "sw1a"), ("m11ae", "m1"), ("gir0aa", "gir"), ("sw1a", "sw1a"), ("m1", "m1"),
     ("95686", "95"), ("75", ""), ("", "")],
)  # fmt: skip
def test_outward(postcode, area):
    assert outward(postcode) == area


def date_scheme(damaged):
    feature = {"f": {"field": "born", "comparison": "date_parts", "bits_per_token": 4}}
    return one_part(feature, 64, types={"born": {"type": "date", "damaged": damaged}})


BORN = ["2011-03-14", "2005-02-77", None, "14/03/2011", "2005-02-77", float("nan"), pd.NA, pd.NaT]


def test_refused_cells_are_all_collected_in_order():
    rows = standardise(date_scheme("refuse"), {"born": BORN})
    assert [(cell.row, cell.field) for cell in rows.refused()] == [(1, "born"), (4, "born")]
    keep = np.array([True, False, True, True, True, True, True, True])
    kept = rows.keep(keep)
    assert [cell.row for cell in kept.refused()] == [3]
    assert kept.count == 7


@pytest.mark.parametrize(("damaged", "value"), [("missing", ""), ("keep", "20050277")])
def test_damaged_cells_are_dropped_or_kept(damaged, value):
    rows = standardise(date_scheme(damaged), {"born": BORN})
    column = rows.columns["born"]
    values = [column.values[code] for code in column.codes]
    assert values == ["20110314", value, "", "20110314", value, "", "", ""]
    assert rows.refused() == []


@pytest.mark.parametrize("cell", ["abc", "nan", "inf", "1e300", "9" * 5000, "1,5"])
def test_a_number_that_is_none_is_damaged(cell):
    feature = {"f": {"field": "n", "comparison": "numeric", "bits_per_token": 4}}
    rows = standardise(one_part(feature, 64), {"n": ["1", "", cell]})
    assert [(found.row, found.reason) for found in rows.refused()] == [(2, "not a number")]


def test_the_callers_mistakes_are_errors():
    scheme = date_scheme("keep")
    with pytest.raises(ValueError, match="no column for born"):
        standardise(scheme, {})
    with pytest.raises(TypeError, match="int"):
        standardise(scheme, {"born": ["2011-03-14", 20110314]})
