"""An imported clkhash schema sets clkhash's own bits, over the whole of its language."""

import copy
import json

import clkhash.clk
import clkhash.schema
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hashing.clkhash_schema import import_clkhash_schema
from hashing.clkhash_values import clkhash_rule
from hashing.encoder import Encoder
from hashing.secret import LinkageSecret
from linkage.errors import InputError, PolicyError
from linkage.protocol.agreement import parse_scheme
from linkage.protocol.scheme_text import scheme_toml
from tests.hashing.clkhash_schemas import cases

SECRET = "a secret of more than thirty-two characters"


def theirs(schema, rows, secret=SECRET, *, validate=True):
    clks = clkhash.clk.generate_clks(
        rows,
        clkhash.schema.from_json_dict(copy.deepcopy(schema)),
        secret,
        validate=validate,
        max_workers=1,
    )
    return [clk.tobytes() for clk in clks]


def imported(schema):
    return import_clkhash_schema(json.dumps(schema), "schema.json", allow_weak_groups=True)


def ours(found, schema, rows, secret=SECRET):
    identifiers = [feature["identifier"] for feature in schema["features"]]
    by_column = {
        name: pa.array([row[identifiers.index(column)] for row in rows], pa.string())
        for name, column in found.columns.items()
    }
    encoded = Encoder(found.scheme, LinkageSecret(secret.encode())).encode_columns(by_column)
    return [row[0].astype("<u8").tobytes() for row in encoded.bits]


@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow])
@given(cases(), st.text(min_size=32, max_size=40))
def test_an_imported_schema_sets_clkhashs_bits(case, secret):
    schema, rows = case
    assert ours(imported(schema), schema, rows, secret) == theirs(schema, rows, secret)


@settings(max_examples=50, suppress_health_check=[HealthCheck.too_slow])
@given(cases())
def test_the_toml_of_an_imported_scheme_is_that_scheme(case):
    found = imported(case[0])
    text = scheme_toml(found.scheme, found.columns)
    assert parse_scheme(text, "part.toml") == found.scheme
    assert parse_scheme(text, "part.toml").digest() == found.scheme.digest()


def feature(identifier="name", **hashing):
    own = {"comparison": {"type": "ngram", "n": 2}, "strategy": {"bitsPerToken": 15}}
    return {"identifier": identifier, "format": {"type": "string"}, "hashing": own | hashing}


def schema_of(*features, **config):
    kdf = {"type": "HKDF", "info": ""}
    clk_config = {"l": 256, "kdf": kdf} | config
    return {"version": 3, "clkConfig": clk_config, "features": list(features)}


@pytest.mark.parametrize("prevent", [False, True])
def test_double_hashing_with_a_step_of_zero(prevent):
    """Under 64 bits, one token in 64 has the step 0; the two rules differ there."""
    hashed = {"type": "doubleHash", "prevent_singularity": prevent}
    schema = schema_of(feature(comparison={"type": "exact"}, hash=hashed), l=64)
    rows = [(str(i),) for i in range(400)]
    expected = theirs(schema, rows)
    assert ours(imported(schema), schema, rows) == expected
    single = sum(int.from_bytes(clk, "big").bit_count() == 1 for clk in expected)
    assert (single > 0) == (not prevent)


def test_ignored_columns_count_in_the_keys():
    schema = schema_of(feature("a"), {"identifier": "b", "ignored": True}, feature("c"))
    found = imported(schema)
    assert found.scheme.kdf.places == (0, 2)
    assert "ignores" in found.warnings[0]
    rows = [("ann", "x", "lee"), ("bob", "y", "")]
    assert ours(found, schema, rows) == theirs(schema, rows)


def old_schema(version):
    strategy = {1: {}, 2: {"strategy": {"numBits": 100}}}[version]
    hashed = {"type": "doubleHash", "prevent_singularity": True}
    hashing = {"ngram": 2, **strategy, **({"hash": hashed} if version == 2 else {"weight": 0.5})}
    config = {"l": 512, "kdf": {"type": "HKDF", "salt": "c2FsdA=="}}
    config |= {"k": 31, "hash": hashed} if version == 1 else {"xor_folds": 1}
    names = ["given", "family name", "given"]
    features = [
        {"identifier": name, "format": {"type": "string"}, "hashing": copy.deepcopy(hashing)}
        for name in names
    ]
    features.append({"identifier": "id", "ignored": True})
    return {"version": version, "clkConfig": config, "features": features}


@pytest.mark.parametrize("version", [1, 2])
def test_older_versions_are_brought_up_by_clkhash(version):
    schema = old_schema(version)
    found = imported(schema)
    assert list(found.columns) == ["given", "family_name", "given_2"]
    rows = [("ann", "lee", "maria", "1"), ("bob", "", "x", "2")]
    encoder = Encoder(found.scheme, LinkageSecret(SECRET.encode()))
    encoded = encoder.encode_columns(
        {name: [row[i] for row in rows] for i, name in enumerate(found.columns)}
    )
    assert [row[0].astype("<u8").tobytes() for row in encoded.bits] == theirs(schema, rows)


CHECKED = {
    "string": {"type": "string", "case": "lower", "minLength": 2, "maxLength": 4},
    "pattern": {"type": "string", "pattern": "[0-9]+|x"},
    "ascii": {"type": "string", "encoding": "ascii"},
    "integer": {"type": "integer", "minimum": -5, "maximum": 100},
    "date": {"type": "date", "format": "%d/%m/%Y"},
    "enum": {"type": "enum", "values": ["m", "f"]},
}


@pytest.mark.parametrize(
    ("kind", "value", "written"),
    [
        ("integer", " +100 ", "100"), ("integer", "101", None), ("integer", "-5", "-5"),
        ("integer", "-6", None), ("integer", "N/A", "N/A"), ("date", "1/3/2011", "20110301"),
        ("date", "2011-03-01", None), ("string", "ab", "ab"), ("string", "a", None),
        ("string", "abcde", None), ("string", "Ab", None), ("pattern", "12x", None),
        ("enum", "m", "m"), ("enum", "M", None), ("ascii", "\u00e9", None),
    ],
)  # fmt: skip
def test_how_values_are_checked_and_written(kind, value, written):
    schema = schema_of(feature(missingValue={"sentinel": "N/A"}) | {"format": CHECKED[kind]})
    cell = clkhash_rule(imported(schema).scheme.fields["name"].clkhash)(value)
    assert (cell.value or None, bool(cell.damage)) == (written, written is None)


@settings(max_examples=40)
@given(
    st.sampled_from(sorted(CHECKED)),
    st.text(max_size=6)
    | st.integers(-20, 200).map(str)
    | st.sampled_from(["31/02/2011", "14/03/2011", "1/3/2011", "m", "M", "x", "12x", "é", "N/A"]),
)
def test_what_clkhash_refuses_is_refused(kind, value):
    own = feature(missingValue={"sentinel": "N/A"})
    schema = schema_of(own | {"format": CHECKED[kind]})
    try:
        expected = theirs(schema, [(value,)])
    except ValueError:
        with pytest.raises(InputError, match="damaged"):
            ours(imported(schema), schema, [(value,)])
    else:
        assert ours(imported(schema), schema, [(value,)]) == expected


@pytest.mark.parametrize(
    ("schema", "complaint"),
    [
        ([], "no schema that clkhash accepts"),
        ({"version": 9}, "no schema that clkhash accepts"),
        (schema_of(feature(), l=1000), "1000 bits"),
        (schema_of(feature(), l=192), "power of two"),
        (schema_of({"identifier": "a", "ignored": True}), "ignores all"),
        (schema_of(feature("first name", strategy={"bitsPerToken": 5000})), "'first name'"),
        (schema_of(feature(comparison={"type": "ngram", "n": 20})), "'name'.*q"),
        (schema_of(feature() | {"format": {"type": "string", "pattern": "["}}), "accepts"),
        (schema_of(feature() | {"format": {"type": "integer", "maximum": 2**60}}), "maximum"),
        (schema_of(feature(), kdf={"type": "HKDF", "keySize": 65}), "key_bytes"),
        (schema_of(feature(), xor_folds=11), "xor_folds"),
        (schema_of(*[feature(str(i)) for i in range(64)]), "no keys for so many"),
    ],
)
def test_what_cannot_be_expressed_is_refused_by_name(schema, complaint):
    with pytest.raises(InputError, match=complaint) as caught:
        imported(schema)
    assert "schema.json" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_not_json():
    with pytest.raises(InputError, match="not valid JSON"):
        import_clkhash_schema("{", "schema.json")


def test_xor_folds_under_the_name_that_clkhash_passes_over():
    schema = schema_of(feature(), xorFolds=2)
    found = imported(schema)
    assert "xorFolds" in found.warnings[0]
    assert ours(found, schema, [("ann",)]) == theirs(schema, [("ann",)])


def test_a_schema_over_one_column_needs_the_word_of_its_parties():
    schema = json.dumps(schema_of(feature()))
    weak = import_clkhash_schema(schema, "schema.json").scheme
    with pytest.raises(PolicyError, match="only name"):
        parse_scheme(scheme_toml(weak), "part.toml")


def test_settings_for_imports_are_refused_elsewhere():
    scheme = import_clkhash_schema(
        json.dumps(schema_of(feature("a", hash={"type": "doubleHash"}), feature("b"), xor_folds=1)),
        "schema.json",
    ).scheme
    text = scheme_toml(scheme)
    assert parse_scheme(text, "part.toml").is_classic
    diffused = text.replace('label = "all"', 'label = "all", diffusion = 4')
    with pytest.raises(InputError, match=r"xor_folds, features\.a\.hashing: only for"):
        parse_scheme(diffused, "part.toml")
