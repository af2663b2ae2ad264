"""Canonical JSON is written in one way and read strictly."""

import math
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linkage.errors import InputError, VerificationError
from linkage.protocol.canonical import (
    MOST_DEPTH,
    canonical_json,
    decode_base64,
    encode_base64,
    parse_canonical,
    parse_json,
)

EXACT = 2**53 - 1
LEAVES = (
    st.none() | st.booleans() | st.integers(-EXACT, EXACT) | st.floats(-EXACT, EXACT) | st.text()
)
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20
)


def test_the_example_of_rfc_8785_section_3_2_2():
    value = {
        "numbers": [333333333.33333329, 1e30, 4.50, 2e-3, 0.000000000000000000000000001],
        "string": "\u20ac$\u000f\u000aA'\u0042\u0022\u005c\\\"/",
        "literals": [None, True, False],
    }
    assert (
        canonical_json(value)
        == (
            '{"literals":[null,true,false],'
            '"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],'
            '"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}'
        ).encode()
    )


@given(st.dictionaries(st.text(), VALUES, max_size=5))
def test_what_is_written_reads_the_same(value):
    content = canonical_json(value)
    read = parse_canonical(content, "it")
    assert read == value
    assert canonical_json(read) == content


@pytest.mark.parametrize(
    "content",
    [
        b'{"a":1,"a":1}', b'{"a":{"b":1,"b":2}}', b'\xef\xbb\xbf{"a":1}', b'{"a":NaN}',
        b'{"a":-Infinity}', b'{"a":1e999}', b'{"a":9007199254740992}', b'{"a":'
        + b"9" * 5000 + b"}",
        b'{"a":"\xff"}', b'{"a":"\n"}', b"[1]", b"1", b"", b'{"a":1}x', b'{"a":1,}', b"{'a':1}",
        '{"a":1}'.encode("utf-16"), b'{"a":' + b"[" * 5000 + b"]" * 5000 + b"}",
        b'{"a":' + b"[" * 200_000,
    ],
)  # fmt: skip
def test_loose_json_is_refused(content):
    with pytest.raises(VerificationError, match=r"message\.json"):
        parse_json(content, "message.json")


@pytest.mark.parametrize(
    "content",
    [
        b'{"a": 1}', b'{"b":1,"a":2}', b'{"a":1.0}', b'{"a":-0}', b'{"a":1e2}', b'{"a":"\\u0041"}',
        b'{"a":"\\/"}', b'{"a":1}\n', b'{"a":"\\ud800"}',
    ],
)  # fmt: skip
def test_json_in_another_form_is_refused_where_it_was_signed(content):
    parse_json(content, "it")
    with pytest.raises(VerificationError, match="canonical form"):
        parse_canonical(content, "it")


def test_depth_and_length_have_limits():
    def nested(depth):
        return b'{"a":' + b"[" * (depth - 1) + b"]" * (depth - 1) + b"}"

    parse_json(nested(MOST_DEPTH), "it")
    with pytest.raises(VerificationError):
        parse_json(nested(MOST_DEPTH + 2), "it")
    with pytest.raises(VerificationError, match="larger"):
        parse_json(b" " * (16 * 2**20 + 1), "it")


@pytest.mark.parametrize("value", [math.nan, math.inf, 2**53, 2.0**53, "\ud800", {"\ud800": 1}])
def test_what_json_cannot_hold_is_refused(value):
    with pytest.raises(InputError, match="can't be signed"):
        canonical_json({"a": value})


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(content):
    for parse in (parse_json, parse_canonical):
        with suppress(VerificationError):
            parse(content, "it")


@given(st.binary(max_size=70))
def test_base64_has_one_form(content):
    text = encode_base64(content)
    assert decode_base64(text, "it") == content
    for other in (text + "\n", text.rstrip("=") + "====", " " + text, text.replace("A", "é") + "é"):
        with pytest.raises(VerificationError):
            decode_base64(other, "it")


def test_base64_with_stray_bits_is_refused():
    assert decode_base64("QQ==", "it") == b"A"
    with pytest.raises(VerificationError):
        decode_base64("QR==", "it")
