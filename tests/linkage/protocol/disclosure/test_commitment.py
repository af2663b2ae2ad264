"""Commitments to tokens: they bind, and they hide."""

import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linkage.errors import VerificationError
from linkage.protocol.disclosure.commitment import commit_tokens, verify_tokens

SALT = bytes(range(32))
CLUSTER = "1" * 32
TOKENS = [b"b" * 16, b"a" * 16]
tokens = st.lists(st.binary(min_size=16, max_size=16), min_size=1, max_size=4, unique=True)


def test_the_construction_is_the_documented_one():
    message = b"concord/1/holding\n" + b"1" * 32 + b"\npolice\n" + b"a" * 16 + b"b" * 16
    expected = hmac.new(SALT, message, hashlib.sha256).hexdigest()
    assert commit_tokens(SALT, CLUSTER, "police", TOKENS) == expected


@given(tokens, tokens)
def test_it_binds_to_the_tokens_in_any_order(ours, others):
    commitment = commit_tokens(SALT, CLUSTER, "police", ours)
    verify_tokens(commitment, SALT, CLUSTER, "police", ours[::-1])
    if set(ours) != set(others):
        with pytest.raises(VerificationError, match="other records"):
            verify_tokens(commitment, SALT, CLUSTER, "police", others)


@pytest.mark.parametrize(
    "given_",
    [
        (bytes(32), CLUSTER, "police", TOKENS),
        (SALT, "2" * 32, "police", TOKENS),
        (SALT, CLUSTER, "care", TOKENS),
        (SALT, CLUSTER, "police", [*TOKENS, TOKENS[0]]),
        (SALT[:-1], CLUSTER, "police", TOKENS),
        (SALT, CLUSTER, "police", [b"ab"]),
    ],
)
def test_anything_else_is_refused(given_):
    with pytest.raises(VerificationError):
        verify_tokens(commit_tokens(SALT, CLUSTER, "police", TOKENS), *given_)


def test_a_repeated_token_is_refused_even_if_it_was_committed_to():
    twice = [TOKENS[0], TOKENS[0]]
    with pytest.raises(VerificationError):
        verify_tokens(commit_tokens(SALT, CLUSTER, "police", twice), SALT, CLUSTER, "police", twice)
