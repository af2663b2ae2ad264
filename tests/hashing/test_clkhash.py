"""Bit for bit what the installed clkhash sets, over the part of its schemas that we support."""

import base64

import clkhash.clk
import clkhash.schema
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from hashing.encoder import Encoder
from hashing.secret import LinkageSecret
from tests.hashing.schemes import clk_scheme

TEXT = st.text(max_size=12) | st.text("ab -é'", max_size=30)
WHOLE = st.integers(-(10**20), 10**20).map(str)
DECIMAL = st.floats(-1e9, 1e9).map(repr) | st.decimals(-1000, 1000, places=3).map(str)
BUDGET = st.one_of(
    st.fixed_dictionaries({"bits_per_token": st.integers(1, 80)}),
    st.fixed_dictionaries({"bits_per_feature": st.integers(1, 200)}),
)


@st.composite
def qgrams(draw):
    q, positional = draw(st.integers(1, 3)), draw(st.booleans())
    ours = {"comparison": "qgram", "q": q, "positional": positional}
    return ours, {"type": "ngram", "n": q, "positional": positional}, TEXT


@st.composite
def numbers(draw):
    resolution, precision = draw(st.integers(1, 12)), draw(st.integers(0, 4))
    # Small numbers fall on the middle between two grid points, which large ones hardly ever do.
    distance = draw(st.integers(1, 12) | st.integers(1, 1000) | st.floats(1, 1000))
    ours = {
        "comparison": "numeric",
        "threshold_distance": float(distance),
        "resolution": resolution,
        "fractional_precision": precision,
    }
    theirs = {
        "type": "numeric",
        "thresholdDistance": distance,
        "resolution": resolution,
        "fractional_precision": precision,
    }
    return ours, theirs, st.just("") | st.integers(-30, 30).map(str) | WHOLE | DECIMAL


EXACT = st.just(({"comparison": "exact"}, {"type": "exact"}, TEXT))


@st.composite
def cases(draw):
    """Return a scheme, a clkhash schema, and a table of records."""
    features, specs, columns = {}, [], {}
    for index in range(draw(st.integers(1, 4))):
        ours, theirs, values = draw(st.one_of(qgrams(), EXACT, numbers()))
        budget = draw(BUDGET)
        name = f"f{index}"
        features[name] = {"field": name, **ours, **budget}
        kind = next(iter(budget))
        strategy = {"bitsPerToken" if kind == "bits_per_token" else "bitsPerFeature": budget[kind]}
        specs.append(
            {
                "identifier": name,
                "format": {"type": "string", "encoding": "utf-8"},
                "hashing": {
                    "comparison": theirs,
                    "strategy": strategy,
                    "hash": {"type": "blakeHash"},
                },
            }
        )
        columns[name] = values
    rows = draw(st.lists(st.fixed_dictionaries(columns), min_size=1, max_size=6))
    length = draw(st.sampled_from([64, 128, 256, 512, 1024]))
    salt = draw(st.none() | st.binary(max_size=40).map(lambda b: base64.b64encode(b).decode()))
    info = draw(st.binary(max_size=40).map(lambda b: base64.b64encode(b).decode()))
    kdf = {"type": "HKDF", "hash": "SHA256", "info": info, "keySize": 64}
    if salt is not None:
        kdf["salt"] = salt
    schema = {"version": 3, "clkConfig": {"l": length, "kdf": kdf}, "features": specs}
    return clk_scheme(features, length, salt, info), schema, rows


@settings(max_examples=100)
@given(cases(), st.text("abcdefgh0123456789", min_size=32, max_size=80))
def test_bits_are_clkhashs(case, secret):
    scheme, schema, rows = case
    theirs = clkhash.clk.generate_clks(
        [tuple(row[name] for name in scheme.fields) for row in rows],
        clkhash.schema.from_json_dict(schema, validate=False),
        secret,
        validate=False,
        max_workers=1,
    )
    encoder = Encoder(scheme, LinkageSecret(secret.encode()))
    ours = encoder.encode_columns({name: [row[name] for row in rows] for name in scheme.fields})
    for row, clk in enumerate(theirs):
        assert ours.bits[row, 0].astype("<u8").tobytes() == clk.tobytes()
        assert ours.present[row, 0] == any(rows[row].values())


def test_a_long_column_of_repeated_values_is_clkhashs_too():
    names = ["anna", "bob", "", "anna maria", "bob", "x" * 200] * 50
    features = {"f": {"field": "f", "comparison": "qgram", "bits_per_feature": 300}}
    scheme = clk_scheme(features, 1024, None, "")
    spec = {
        "identifier": "f",
        "format": {"type": "string", "encoding": "utf-8"},
        "hashing": {
            "comparison": {"type": "ngram", "n": 2},
            "strategy": {"bitsPerFeature": 300},
            "hash": {"type": "blakeHash"},
        },
    }
    kdf = {"type": "HKDF", "info": ""}
    schema = {"version": 3, "clkConfig": {"l": 1024, "kdf": kdf}, "features": [spec]}
    theirs = clkhash.clk.generate_clks(
        [(name,) for name in names],
        clkhash.schema.from_json_dict(schema),
        "s" * 40,
        validate=False,
        max_workers=1,
    )
    ours = Encoder(scheme, LinkageSecret(b"s" * 40)).encode_columns({"f": names})
    expected = np.array([np.frombuffer(clk.tobytes(), "<u8") for clk in theirs])
    np.testing.assert_array_equal(ours.bits[:, 0], expected)
