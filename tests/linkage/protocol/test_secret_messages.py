"""The secret's commitment and delivery, and the handshake that names who differs."""

from dataclasses import replace
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linkage.errors import NotReadyError, VerificationError
from linkage.protocol.canonical import canonical_json
from linkage.protocol.handshake import (
    ANSWERS_KIND,
    Answers,
    compare_answers,
    require_same_answers,
    sign_answers,
    verify_answers,
)
from linkage.protocol.sealing import Context, seal
from linkage.protocol.secret_messages import (
    COMMITMENT_KIND,
    DELIVERY_KIND,
    open_secret,
    seal_secret,
    sign_commitment,
    verify_commitment,
)
from linkage.protocol.signing import sign
from tests.linkage.protocol.agreements import AGREEMENT, parse, second
from tests.linkage.protocol.parties import CARE, HEALTH, MATCHER, POLICE, flipped

MATERIAL = b"canary-canary-canary-canary-cana"
COMMITMENT = sha256(b"commitment").hexdigest()
LATER = parse(second())
NEXT_EPOCH = parse(second(("version = 2", "version = 2\nepoch = 2")))
SEALED = seal_secret(AGREEMENT, CARE.public, MATERIAL, POLICE)
COMMITTED = sign_commitment(AGREEMENT, COMMITMENT, POLICE)


def digest(text):
    return sha256(text.encode()).hexdigest()


ANSWERS = Answers(
    agreement=AGREEMENT.digest(), epoch=1, round=1, scheme=AGREEMENT.scheme.digest(),
    commitment=COMMITMENT, answers=digest("answers"), versions={"jellyfish": "1.3", "numpy": "2"},
)  # fmt: skip
SIGNED = sign_answers(ANSWERS, CARE)


def opened(agreement=AGREEMENT, creator=POLICE.public, own=CARE, content=SEALED):
    return open_secret(content, "secret.sealed", agreement, creator, own)


def test_the_secret_reaches_the_agency_it_is_sealed_to():
    assert opened() == MATERIAL
    assert MATERIAL not in SEALED


def test_the_secret_opens_for_nobody_and_nothing_else():
    for change in (
        {"agreement": LATER}, {"agreement": NEXT_EPOCH}, {"own": HEALTH}, {"own": MATCHER},
        {"creator": HEALTH.public},
    ):  # fmt: skip
        with pytest.raises(VerificationError, match="step 3"):
            opened(**change)


@pytest.mark.parametrize("length", [0, 31, 33, 64])
def test_a_secret_of_another_length_is_refused(length):
    context = Context(AGREEMENT.digest(), 1, 0, DELIVERY_KIND, 0)
    content = seal(CARE.public, context, b"x" * length, POLICE)
    with pytest.raises(VerificationError, match=r"'police' has \d+ bytes"):
        opened(content=content)


def test_a_commitment_is_an_agencys_for_one_agreement():
    assert verify_commitment(COMMITTED, "it", AGREEMENT) == (POLICE.public, COMMITMENT)
    for other in (LATER, NEXT_EPOCH):
        with pytest.raises(VerificationError, match="step 7"):
            verify_commitment(COMMITTED, "it", other)
    with pytest.raises(VerificationError, match=r"'matcher'.*step 4"):
        verify_commitment(sign_commitment(AGREEMENT, COMMITMENT, MATCHER), "it", AGREEMENT)
    table = {"agreement": AGREEMENT.digest(), "commitment": COMMITMENT, "epoch": 2}
    with pytest.raises(VerificationError, match=r"epoch 2.*step 7"):
        verify_commitment(sign(COMMITMENT_KIND, canonical_json(table), POLICE), "it", AGREEMENT)
    odd = sign(COMMITMENT_KIND, canonical_json({"commitment": COMMITMENT}), POLICE)
    with pytest.raises(VerificationError, match="payload of it"):
        verify_commitment(odd, "it", AGREEMENT)


def test_every_flipped_bit_of_commitment_and_answers_is_refused():
    for content in flipped(COMMITTED):
        with pytest.raises(VerificationError):
            verify_commitment(content, "it", AGREEMENT)
    for content in flipped(SIGNED):
        with pytest.raises(VerificationError):
            verify_answers(content, "it", AGREEMENT, 1)


def test_answers_are_an_agencys_for_one_round():
    assert verify_answers(SIGNED, "it", AGREEMENT, 1) == ("care", ANSWERS)
    with pytest.raises(VerificationError, match=r"round 1 and not 2 \(step 7\)"):
        verify_answers(SIGNED, "it", AGREEMENT, 2)
    with pytest.raises(VerificationError, match="step 7"):
        verify_answers(SIGNED, "it", LATER, 1)
    with pytest.raises(VerificationError, match="step 4"):
        verify_answers(sign_answers(ANSWERS, MATCHER), "it", AGREEMENT, 1)
    with pytest.raises(VerificationError, match="step 3"):
        verify_commitment(SIGNED, "it", AGREEMENT)


def compared(commitment=COMMITMENT, **changes):
    """The handshake of three agencies, some of which have something else."""
    answers = dict.fromkeys(("police", "care", "health"), ANSWERS)
    answers |= {name: replace(ANSWERS, **change) for name, change in changes.items()}
    return compare_answers(AGREEMENT, answers, commitment)


def test_all_alike():
    found = compared()
    assert found.different == {}
    assert found.missing == ()
    require_same_answers(found)


@pytest.mark.parametrize("name", ["police", "care", "health"])
@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"scheme": digest("other"), "answers": digest("x")}, "has the scheme"),
        ({"commitment": digest("other"), "answers": digest("x")}, "has another linkage secret"),
        ({"answers": digest("x")}, "standardises or encodes otherwise"),
        (
            {"answers": digest("x"), "versions": {"jellyfish": "1.1", "numpy": "2"}},
            "standardises or encodes otherwise (jellyfish 1.1 where others have 1.3)",
        ),
    ],
)
@pytest.mark.parametrize("promised", [COMMITMENT, None])
def test_the_odd_one_out_is_named_with_the_reason(name, change, complaint, promised):
    found = compared(promised, **{name: change})
    assert list(found.different) == [name]
    assert complaint in found.different[name]
    with pytest.raises(VerificationError, match=f"'{name}'"):
        require_same_answers(found)


def test_two_that_differ_name_each_other_unless_a_commitment_decides():
    answers = {"police": ANSWERS, "care": replace(ANSWERS, commitment=digest("other"))}
    assert set(compare_answers(AGREEMENT, answers, None).different) == {"police", "care"}
    assert set(compare_answers(AGREEMENT, answers, COMMITMENT).different) == {"care"}


def test_several_faults_at_once_are_each_named():
    found = compared(care={"scheme": digest("x")}, health={"commitment": digest("y")}).different
    assert set(found) == {"care", "health"}


def test_missing_answers_are_awaited():
    found = compare_answers(AGREEMENT, {"care": ANSWERS}, COMMITMENT)
    assert found.missing == ("police", "health")
    with pytest.raises(NotReadyError, match="police, health"):
        require_same_answers(found)
    assert compare_answers(AGREEMENT, {}, None).missing == ("police", "care", "health")


@given(st.binary(max_size=200))
def test_any_payload_is_refused_by_name(payload):
    for kind, verify in (
        (COMMITMENT_KIND, lambda c: verify_commitment(c, "it", AGREEMENT)),
        (ANSWERS_KIND, lambda c: verify_answers(c, "it", AGREEMENT, 1)),
    ):
        with pytest.raises(VerificationError, match="it"):
            verify(sign(kind, payload, POLICE))
