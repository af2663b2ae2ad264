import dataclasses
import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agency_client.ready_schemes import READY_SCHEMES, ready_scheme
from hashing import profiles
from hashing.encoder import Encoder
from hashing.known_answers import (
    PUBLIC_TEST_SECRET,
    answers_agree,
    fictional_columns,
    known_answers,
)
from hashing.secret import LinkageSecret
from linkage.protocol.clkhash_format import ClkhashFormat
from linkage.protocol.scheme import Feature, SchemeField
from tests.hashing import reference
from tests.hashing.schemes import one_part

OTHER = b"0123456789abcdef0123456789abcdef"
# Golden: a change here is a change of bits, and breaks every agreement in force.
GOLDEN = {
    ("x6", PUBLIC_TEST_SECRET): (
        "ac579ad79fb184a8ebe85a42e5b12aa867288d61a58c8360303a1d929cd84c9b"
    ),
    ("x6", OTHER): ("5aaba62d3ccc8bf8143ce844ed0eda97f58d8be9ee2d756a7c34f8369174bfe0"),
    ("x6-private", PUBLIC_TEST_SECRET): (
        "68ff584cfbcd33951074b82a22d7f2aef7fdb522750e6932fe7ebb13b0b16cdd"
    ),
    ("x6-private", OTHER): ("06a656dbc383b34b2f336629c700c4a89fa8f2a67e88e24aa374a340fe1b1903"),
    ("x6-years", PUBLIC_TEST_SECRET): (
        "31d5c1d63d5b600497e4ed956ff553e8be1f274d7d4bc825e124b9cdce41210f"
    ),
    ("x6-years", OTHER): ("5c8f82e24f1587d618ee304647c2622e1a7489e2ac2e0fb3a4a8e717e86363ec"),
    ("x8-accurate", PUBLIC_TEST_SECRET): (
        "e5d79feced7cd21aad5ba3554267e983b7ce05f83b3d3782ceb5f3d36b07a8a7"
    ),
    ("x8-accurate", OTHER): ("f022d505df969bacc139ce53aeecb6cc124253df2146fd34384c867e0090df35"),
}


def answers(scheme, secret=PUBLIC_TEST_SECRET):
    return known_answers(scheme, LinkageSecret(secret))


@pytest.mark.parametrize(("name", "secret"), GOLDEN)
def test_golden(name, secret):
    assert answers(ready_scheme(name).scheme, secret).digest == GOLDEN[name, secret]


def test_the_short_form_is_half_the_digest_in_groups():
    found = answers(ready_scheme("x6").scheme)
    assert found.short.split() == [found.digest[i : i + 4] for i in range(0, 32, 4)]
    assert found.people == 53


def test_one_bit_of_one_value_changes_it(monkeypatch):
    """As a library would that folds one letter differently."""
    before = answers(ready_scheme("x6").scheme).digest
    for value, kind in (("Łukasz", "name"), ("2010-07", "date"), ("GIR 0AA", "postcode")):
        rules = dict(profiles.RULES["uk-person/1"])
        rule = rules[kind]
        wrong = lambda cell, rule=rule, value=value: rule("other" if cell == value else cell)  # noqa: E731
        monkeypatch.setitem(profiles.RULES, "uk-person/1", rules | {kind: wrong})
        assert answers(ready_scheme("x6").scheme).digest != before
        monkeypatch.undo()
    assert answers(ready_scheme("x6").scheme).digest == before


def test_schemes_that_set_the_same_bits_still_differ():
    """Another version of the same scheme is another agreement."""
    scheme = ready_scheme("x6").scheme
    assert answers(dataclasses.replace(scheme, version="x")).digest != answers(scheme).digest


def test_the_profile_changes_it():
    features = {"f": {"field": "d", "comparison": "date_parts", "bits_per_token": 9}}
    scheme = one_part(features, 64, types={"d": {"type": "date", "damaged": "keep"}})
    other = dataclasses.replace(scheme, profile="generic/1")
    assert answers(scheme).digest != answers(other).digest


ALL_TYPES = sorted(profiles.RULES["uk-person/1"])


@pytest.mark.parametrize("damaged", ["refuse", "missing", "keep"])
def test_every_type_of_field_has_answers(damaged):
    features = {
        name: {"field": name, "comparison": "qgram", "bits_per_token": 3} for name in ALL_TYPES
    }
    types = {name: {"type": name, "damaged": damaged} for name in ALL_TYPES}
    scheme = one_part(features, 512, types=types, required_fill=(0.99, 1.0))
    columns, people = fictional_columns(scheme)
    assert set(columns) == set(ALL_TYPES)
    assert {len(column) for column in columns.values()} == {people}
    assert len(answers(scheme).digest) == 64
    for name in ALL_TYPES:
        assert "" in columns[name]
        assert len(set(columns[name])) > 7


def test_what_is_refused_is_part_of_the_answer(monkeypatch):
    features = {"f": {"field": "d", "comparison": "date_parts", "bits_per_token": 9}}
    scheme = one_part(features, 64, types={"d": {"type": "date", "damaged": "refuse"}})
    before = answers(scheme).digest
    rules = dict(profiles.RULES["uk-person/1"])
    rule = rules["date"]
    lenient = lambda cell: rule("" if rule(cell).damage else cell)  # noqa: E731
    monkeypatch.setitem(profiles.RULES, "uk-person/1", rules | {"date": lenient})
    assert answers(scheme).digest != before


CLKHASH_FORMATS = [
    ClkhashFormat(type="integer", minimum=0),
    ClkhashFormat(type="date", date_format="%d/%m/%Y"),
    ClkhashFormat(type="enum", values=("m", "f"), sentinel="?", replace_with=""),
    ClkhashFormat(pattern="[a-z]+"),
]


@pytest.mark.parametrize("form", CLKHASH_FORMATS, ids=lambda form: form.type)
def test_imported_schemes_have_answers(form):
    features = {"f": {"field": "a", "comparison": "exact", "bits_per_token": 9}}
    scheme = one_part(features, 64, types={"a": {"type": "raw", "clkhash": form}})
    columns, people = fictional_columns(scheme)
    refused = Encoder(scheme, LinkageSecret(OTHER)).standardise(columns).refused()
    assert len(refused) < people
    assert answers(scheme).digest != answers(scheme, OTHER).digest


def test_numbers_for_numeric_features_and_other_values_for_like_fields():
    scheme = one_part({"f": {"field": "a", "comparison": "exact", "bits_per_token": 9}}, 64)
    two = dataclasses.replace(
        scheme,
        fields={"a": SchemeField(type="raw"), "b": SchemeField(type="raw")},
        features=scheme.features
        | {"g": Feature(field="b", comparison="numeric", bits_per_token=3, resolution=2)},
    )
    assert "17.4" in fictional_columns(two)[0]["b"]
    names = fictional_columns(ready_scheme("x6").scheme)[0]
    same = [g == s for g, s in zip(names["given_name"], names["surname"], strict=True)]
    assert sum(same) <= 1


@given(st.integers(0, 63), st.sampled_from("0123456789abcdef"))
def test_any_other_digit_is_noticed(place, digit):
    found = GOLDEN_ANSWERS
    changed = found.digest[:place] + digit + found.digest[place + 1 :]
    assert answers_agree(found, changed) == (changed == found.digest)
    if place < 32:
        assert answers_agree(found, changed[:32]) == (changed == found.digest)


GOLDEN_ANSWERS = answers(ready_scheme("x6").scheme)


def test_however_it_was_written_down():
    found = GOLDEN_ANSWERS
    for written in (found.short, found.short.upper(), found.short.replace(" ", "-"), found.digest):
        assert answers_agree(found, written)
    for wrong in ("", found.digest[:31], found.digest[:33], found.short[:-1]):
        assert not answers_agree(found, wrong)


def test_the_digest_is_as_the_specification_has_it():
    """By the reference, hmac and nothing of the module but the fictional columns."""
    features = {
        "d": {"field": "born", "comparison": "date_parts", "bits_per_token": 4},
        "n": {"field": "name", "comparison": "qgram", "bits_per_token": 3},
    }
    types = {"born": {"type": "date"}, "name": {"type": "name"}}
    scheme = one_part(features, 128, types=types, null_if="any_missing")
    columns, people = fictional_columns(scheme)
    rows = Encoder(scheme, LinkageSecret(OTHER)).standardise(columns)
    refused = sorted((cell.row, cell.field) for cell in rows.refused())
    assert refused
    lines = ["concord/1/known-answers", scheme.digest(), *(f"{r} {f}" for r, f in refused)]
    content = "".join(f"{line}\n" for line in lines).encode() + b"\0"
    for row in range(people):
        record = {name: own.values[own.codes[row]] for name, own in rows.columns.items()}
        (bits,) = reference.encode_record(scheme, OTHER, record)
        content += (b"\1" + bits) if bits else bytes(1 + 16)
    key = reference.hkdf(OTHER, b"concord/1/known-answers", 32, None)
    expected = hmac.new(key, content, hashlib.sha256).hexdigest()
    assert answers(scheme, OTHER).digest == expected


def test_every_ready_scheme_has_a_golden_digest():
    assert {name for name, _ in GOLDEN} == {ready.name for ready in READY_SCHEMES}
