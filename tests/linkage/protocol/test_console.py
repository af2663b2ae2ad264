"""Links to the console: what holds, and everything that doesn't."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linkage.errors import VerificationError
from linkage.protocol.console import (
    ENTER,
    MOST_SECONDS,
    ConsoleLink,
    claims_of,
    link_address,
    read_link,
    sign_link,
    verify_link,
)
from linkage.protocol.requests import CLOCK_SKEW, StaleError
from linkage.protocol.signing import sign
from tests.linkage.protocol.agreements import AGREEMENT, OFFICER, parse, second
from tests.linkage.protocol.parties import flipped, identity

HERE = "https://matcher.example"
NOW = 1_772_442_000


def made(**changes):
    said = {
        "agreement": AGREEMENT.digest(),
        "matcher": HERE,
        "created": NOW,
        "expires": NOW + MOST_SECONDS,
        "nonce": "0f" * 16,
        "reason": "The yearly audit",
    }
    return ConsoleLink(**said | changes)


def test_a_link_says_who_wants_to_see_what():
    content = sign_link(made(), OFFICER)
    assert verify_link(content, AGREEMENT, HERE, NOW) == ("officer", made())
    assert claims_of(content) == (OFFICER.signing_key.verifying_key.fingerprint, AGREEMENT.digest())


def test_an_address_holds_the_link_in_letters_that_addresses_have():
    content = sign_link(made(), OFFICER)
    address = link_address(content, HERE)
    text = address.removeprefix(HERE + ENTER)
    assert text.replace("-", "").replace("_", "").isalnum()
    assert read_link(text) == content


@given(st.binary(min_size=1, max_size=400))
def test_every_message_survives_its_address(content):
    assert read_link(link_address(content, HERE).removeprefix(HERE + ENTER)) == content


@pytest.mark.parametrize("text", ["", "é", "a b", "a/b", "a+b", "a=", "A", "a" * 8193, "AB"])
def test_what_isn_t_the_one_form_of_a_link_is_refused(text):
    with pytest.raises(VerificationError):
        read_link(text)


def test_no_bit_of_a_link_can_be_changed():
    content = sign_link(made(), OFFICER)
    for changed in flipped(content):
        with pytest.raises(VerificationError):
            verify_link(changed, AGREEMENT, HERE, NOW)


def test_a_link_is_for_one_agreement_and_one_matcher():
    content = sign_link(made(), OFFICER)
    with pytest.raises(VerificationError, match="step 7"):
        verify_link(content, parse(second()), HERE, NOW)
    with pytest.raises(VerificationError, match="step 7"):
        verify_link(content, AGREEMENT, "https://other.example", NOW)


def test_a_link_is_taken_for_two_minutes():
    content = sign_link(made(), OFFICER)
    for now in (NOW - CLOCK_SKEW, NOW + MOST_SECONDS + CLOCK_SKEW):
        verify_link(content, AGREEMENT, HERE, now)
    for now in (NOW - CLOCK_SKEW - 1, NOW + MOST_SECONDS + CLOCK_SKEW + 1):
        with pytest.raises(StaleError, match="step 8"):
            verify_link(content, AGREEMENT, HERE, now)


@pytest.mark.parametrize("expires", [NOW, NOW - 1, NOW + MOST_SECONDS + 1])
def test_no_link_can_be_made_that_is_taken_for_longer(expires):
    with pytest.raises(ValueError, match="longer than a link may be"):
        made(expires=expires)


def test_what_a_stranger_signs_counts_for_nothing():
    with pytest.raises(VerificationError, match="step 4"):
        verify_link(sign_link(made(), identity("stranger", 151)), AGREEMENT, HERE, NOW)
    impostor = identity("officer", 151)
    with pytest.raises(VerificationError, match="another key"):
        verify_link(sign_link(made(), impostor), AGREEMENT, HERE, NOW)


def test_a_signature_under_another_kind_is_none_under_a_link():
    payload = b'{"agreement":"' + AGREEMENT.digest().encode() + b'"}'
    for kind in ("lookup-request", "agreement"):
        with pytest.raises(VerificationError, match="step 3"):
            verify_link(sign(kind, payload, OFFICER), AGREEMENT, HERE, NOW)
