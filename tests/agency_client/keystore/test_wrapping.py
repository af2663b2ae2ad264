"""Wrapped files: opened by the passphrase or key, refused when damaged or changed."""

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agency_client.keystore.wrapping import (
    DEFAULT_PARAMETERS,
    Argon2Parameters,
    require_sound,
    unwrap_with_key,
    unwrap_with_passphrase,
    wrap_under_key,
    wrap_under_passphrase,
)
from linkage.errors import VerificationError
from linkage.protocol.canonical import canonical_json
from tests.linkage.protocol.parties import flipped

CHEAP = Argon2Parameters(iterations=1, lanes=1, memory_kib=8)
KEY = bytes(range(32))
CONTENT = b"canary-content"
WRAPPED = wrap_under_passphrase("keys", CONTENT, b"passphrase", CHEAP)
KEYED = wrap_under_key("secret", CONTENT, KEY)


def unwrap(wrapped, passphrase=b"passphrase", kind="keys"):
    return unwrap_with_passphrase(kind, wrapped, "keys.json", passphrase)


def test_what_is_wrapped_opens():
    assert unwrap(WRAPPED) == CONTENT
    assert unwrap_with_key("secret", KEYED, "it", KEY) == CONTENT
    assert CONTENT not in WRAPPED + KEYED


def test_the_same_twice_looks_different():
    again = wrap_under_passphrase("keys", CONTENT, b"passphrase", CHEAP)
    assert json.loads(again)["head"]["salt"] != json.loads(WRAPPED)["head"]["salt"]
    assert wrap_under_key("secret", CONTENT, KEY) != KEYED


def test_a_wrong_passphrase_is_told_from_damage():
    with pytest.raises(VerificationError, match="passphrase is another"):
        unwrap(WRAPPED, b"Passphrase")
    with pytest.raises(VerificationError, match="another keystore"):
        unwrap_with_key("secret", KEYED, "it", bytes(32))
    damaged = WRAPPED.replace(b'"ciphertext":"', b'"ciphertext":"A', 1)
    with pytest.raises(VerificationError, match="damaged"):
        unwrap(damaged)


def test_every_flipped_bit_is_refused():
    for content in flipped(WRAPPED):
        with pytest.raises(VerificationError):
            unwrap(content)
    for content in flipped(KEYED):
        with pytest.raises(VerificationError):
            unwrap_with_key("secret", content, "it", KEY)


def test_a_changed_head_is_refused_even_with_its_checksum():
    """The cipher's tag is over the head: the cost of a guess can't be lowered unseen."""
    for name, value in (("iterations", 2), ("memory_kib", 16)):
        table = json.loads(WRAPPED)
        table["head"]["argon2id"][name] = value
        with pytest.raises(VerificationError, match="damaged"):
            unwrap(canonical_json(table))


def test_another_kind_is_refused():
    with pytest.raises(VerificationError, match="'keys' and not 'secret'"):
        unwrap(WRAPPED, kind="secret")
    with pytest.raises(VerificationError, match="not under a passphrase"):
        unwrap(KEYED, kind="secret")


def test_costs_that_would_use_up_the_machine_are_refused():
    table = json.loads(WRAPPED)
    table["head"]["argon2id"]["memory_kib"] = 2**40
    with pytest.raises(VerificationError, match="memory_kib"):
        require_sound("keys", canonical_json(table), "keys.json")


def test_the_usual_cost_is_not_below_rfc_9106s_second_choice():
    assert DEFAULT_PARAMETERS.iterations >= 3
    assert DEFAULT_PARAMETERS.memory_kib >= 64 * 1024


def test_argon2id_is_that_of_rfc_9106():
    """Through the PHC reference's vector for Argon2id without secret and data."""
    key = Argon2Parameters(iterations=2, lanes=1, memory_kib=65536).derive(b"password", b"somesalt")
    assert key.hex() == "09316115d5cf24ed5a15a31a3ba326e5cf32edc24702987c02b6566f61913cf7"


@given(st.binary(max_size=300))
def test_any_bytes_are_refused(content):
    with pytest.raises(VerificationError):
        unwrap(content)


@given(st.binary(max_size=100), st.binary(min_size=1, max_size=40))
def test_any_content_under_any_passphrase(content, passphrase):
    wrapped = wrap_under_passphrase("keys", content, passphrase, CHEAP)
    assert unwrap(wrapped, passphrase) == content
    with suppress(VerificationError):
        assert unwrap(wrapped, passphrase + b"x") != content
