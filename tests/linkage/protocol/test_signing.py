"""Signed messages: nothing but what was signed, by whom, as what."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linkage.errors import VerificationError
from linkage.protocol.canonical import canonical_json
from linkage.protocol.signing import Signed, sign, signed_bytes, verify_signed
from tests.linkage.protocol.parties import CARE, HEALTH, POLICE, flipped, identity

SIGNERS = (POLICE.public, CARE.public)
PAYLOAD = b'{"what":"a payload"}'
CONTENT = sign("agreement", PAYLOAD, POLICE)


def verify(content, kind="agreement", signers=SIGNERS):
    return verify_signed(content, "police.signed", kind, signers)


def changed(**members):
    return canonical_json(json.loads(CONTENT) | members)


@given(st.binary(max_size=300))
def test_what_is_signed_verifies(payload):
    assert verify(sign("agreement", payload, CARE)) == Signed("agreement", "care", payload)


def test_signing_is_deterministic():
    assert sign("agreement", PAYLOAD, POLICE) == CONTENT


def test_every_flipped_bit_is_refused():
    for content in flipped(CONTENT):
        with pytest.raises(VerificationError):
            verify(content)


def test_another_kind_is_refused_even_if_it_is_written_in():
    with pytest.raises(VerificationError, match="step 3"):
        verify(CONTENT, kind="upload")
    with pytest.raises(VerificationError, match="step 6"):
        verify(changed(kind="upload"), kind="upload")


def test_strangers_other_keys_and_other_names_are_refused():
    with pytest.raises(VerificationError, match=r"'police'.*step 4"):
        verify(CONTENT, signers=(CARE.public,))
    with pytest.raises(VerificationError, match=r"another key.*step 4"):
        verify(CONTENT, signers=(identity("police", 99).public,))
    # The same keys under another name: what is signed names the signer.
    twin = replace(POLICE.public, name="twin")
    with pytest.raises(VerificationError, match=r"'twin'.*step 6"):
        verify(changed(signer="twin"), signers=(twin,))
    care = CARE.public.signing_key.fingerprint
    with pytest.raises(VerificationError, match="step 6"):
        verify(changed(signer="care", key=care))


@pytest.mark.parametrize(
    "content",
    [
        b"", b"{}", CONTENT + b"\n", CONTENT[:-1], json.dumps(json.loads(CONTENT)).encode(),
        changed(more=1), changed(signature=""), changed(signature="AA=="), changed(payload="A"),
        changed(payload=1), changed(kind="A B"), changed(key="00"), changed(signer="a\nb"),
    ],
)  # fmt: skip
def test_other_forms_are_refused(content):
    with pytest.raises(VerificationError, match=r"police\.signed"):
        verify(content)


def test_a_signature_of_another_length_is_refused():
    with pytest.raises(VerificationError, match="step 6"):
        verify(changed(signature="AAAA"))


def test_the_signed_bytes_are_told_apart_by_their_lines():
    """Names and kinds have no line breaks, so no part can pass for another."""
    assert signed_bytes("a", "b", "c", b"d\ne") == b"concord/1/signed\na\nb\nc\nd\ne"


def test_a_kind_that_is_no_kind_is_the_callers_fault():
    for kind in ("two\nlines", "", "Upper", "sealed"):
        with pytest.raises(ValueError, match="kind"):
            sign(kind, PAYLOAD, HEALTH)


@given(st.binary(max_size=300) | st.text().map(str.encode))
def test_any_bytes_are_refused(content):
    with pytest.raises(VerificationError):
        verify(content)


@given(st.sampled_from(sorted(json.loads(CONTENT))), st.text(max_size=90) | st.integers())
def test_any_other_member_is_refused(name, value):
    members = json.loads(CONTENT)
    if members[name] == value:
        return
    try:
        content = canonical_json(members | {name: value})
    except Exception:  # noqa: BLE001 - no message at all
        return
    with pytest.raises(VerificationError):
        verify(content)
