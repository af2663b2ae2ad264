"""What a lookup says, and what is refused of it."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from linkage.errors import InputError, PolicyError, VerificationError
from linkage.protocol.canonical import encode_base64
from linkage.protocol.lookups.content import (
    CONTENT_BYTES,
    SALT_BYTES,
    Decision,
    commit_decision,
    open_answer,
    require_answer_to,
    seal_answer,
    verify_decision,
)
from linkage.protocol.lookups.messages import (
    Request,
    digest_of,
    sign_answer,
    sign_request,
    verify_answer,
    verify_request,
)
from linkage.protocol.lookups.record import (
    EncodedPerson,
    encoding_size,
    parse_person,
    person_bytes,
)
from linkage.protocol.lookups.replies import MOST_MATCHES, matches_text, parse_matches
from linkage.protocol.lookups.rules import require_allowed
from linkage.protocol.sealing import seal
from tests.linkage.protocol.agreements import AGREEMENT as WITHOUT_LOOKUPS
from tests.linkage.protocol.parties import CARE, HEALTH, POLICE, flipped
from tests.matcher.lookups.asking import AGREEMENT

SCHEME = AGREEMENT.scheme
LENGTHS = [group.length // 8 for group in SCHEME.group]
SALT = bytes(range(32))
NOW = 1_772_442_000


def request(**changes):
    said = {
        "agreement": AGREEMENT.digest(),
        "epoch": 1,
        "scheme": SCHEME.digest(),
        "encoding": "ab" * 32,
        "fields": ("given_name", "surname"),
        "purpose": "safeguarding",
        "reference": "A meeting",
        "necessity": "A child is missing",
        "at": NOW,
        "until": NOW + 60,
    }
    return Request(**(said | changes))


SIGNED = sign_request(request(), POLICE)
ASKED = (SIGNED, request())


@st.composite
def people(draw):
    present = draw(st.lists(st.booleans(), min_size=len(LENGTHS), max_size=len(LENGTHS)))
    present[draw(st.integers(0, len(LENGTHS) - 1))] = True
    groups = [
        draw(st.binary(min_size=length, max_size=length)) if there else bytes(length)
        for there, length in zip(present, LENGTHS, strict=True)
    ]
    return EncodedPerson(tuple(present), tuple(groups))


@settings(max_examples=30)
@given(people())
def test_a_person_is_read_as_written_and_always_as_long(person):
    content = person_bytes(SCHEME, person, SALT)
    assert len(content) == encoding_size(SCHEME)
    assert parse_person(SCHEME, content, "it") == person


@pytest.mark.parametrize(
    "change",
    [
        lambda content: content[:-1],
        lambda content: content + b"\0",
        lambda content: content[:32] + b"\2" + content[33:],
        lambda content: content[:32] + b"\0" + content[33:],  # bits of a null group
        lambda content: content[:32] + bytes(len(content) - 32),  # nothing at all
    ],
)
def test_what_is_no_person_is_refused(change):
    everything = EncodedPerson((True,) * len(LENGTHS), tuple(b"\1" * own for own in LENGTHS))
    with pytest.raises(VerificationError):
        parse_person(SCHEME, change(person_bytes(SCHEME, everything, SALT)), "it")


def test_nothing_of_a_person_is_shown():
    person = EncodedPerson((True,) * len(LENGTHS), tuple(b"\1" * own for own in LENGTHS))
    assert repr(person) == f"EncodedPerson({len(LENGTHS)} of {len(LENGTHS)} groups)"


@given(st.lists(st.binary(min_size=16, max_size=16), max_size=MOST_MATCHES + 3))
def test_a_list_of_tokens_has_one_length(tokens):
    text = matches_text(tokens)
    assert len(text) == len(matches_text([]))
    assert parse_matches(text) == [token.hex() for token in tokens[:MOST_MATCHES]]


def test_what_is_no_list_of_tokens_is_refused():
    with pytest.raises(VerificationError):
        parse_matches("ab" + matches_text([])[2:])
    with pytest.raises(VerificationError):
        parse_matches("")


def test_a_request_is_that_of_an_agency_under_this_agreement():
    assert verify_request(SIGNED, "it", AGREEMENT) == ("police", request())
    for change in ({"epoch": 2}, {"scheme": "ab" * 32}, {"agreement": "ab" * 32}):
        with pytest.raises(VerificationError, match="step 7"):
            verify_request(sign_request(request(**change), POLICE), "it", AGREEMENT)


def test_a_request_is_in_order():
    for change in ({"fields": ("surname", "given_name")}, {"fields": ()}, {"until": NOW}):
        with pytest.raises(ValidationError):
            request(**change)


def test_no_bit_of_an_answer_can_be_changed():
    answer = sign_answer(answer_of([]), CARE)
    assert verify_answer(answer, "it", AGREEMENT, "police", SIGNED)[0] == "care"
    for number, changed in enumerate(flipped(answer)):
        if number % 4001 == 0:
            with pytest.raises(VerificationError):
                verify_answer(changed, "it", AGREEMENT, "police", SIGNED)


def answer_of(records, own=CARE, agreement=AGREEMENT, asked=ASKED):
    return seal_answer(agreement, "police", asked, records, "cd" * 32, NOW, own)


def test_the_asker_does_not_answer_and_nobody_answers_another_request():
    with pytest.raises(VerificationError, match="doesn't count"):
        verify_answer(sign_answer(answer_of([]), CARE), "it", AGREEMENT, "care", SIGNED)
    other = sign_request(request(reference="Another meeting"), POLICE)
    with pytest.raises(VerificationError, match="another request"):
        verify_answer(sign_answer(answer_of([]), CARE), "it", AGREEMENT, "police", other)


RECORDS = st.lists(
    st.dictionaries(
        st.sampled_from(["given_name", "surname"]), st.text(st.characters(codec="utf-8"))
    ),
    max_size=4,
)


@settings(max_examples=25)
@given(RECORDS)
def test_every_answer_has_one_size_and_opens_as_it_was_sealed(records):
    answer = answer_of(records)
    assert len(answer.sealed) == len(answer_of([]).sealed)
    assert len(sign_answer(answer, CARE)) == len(sign_answer(answer_of([]), CARE))
    require_answer_to(AGREEMENT, "care", answer, "police")
    assert open_answer(AGREEMENT, "care", answer, request(), POLICE) == tuple(records)


def test_what_was_not_asked_for_is_neither_sealed_nor_opened():
    with pytest.raises(PolicyError, match="date_of_birth"):
        answer_of([{"date_of_birth": "2011-03-04"}])
    wider = request(fields=("date_of_birth", "surname"))
    answer = answer_of([{"date_of_birth": "2011-03-04"}], asked=(SIGNED, wider))
    with pytest.raises(VerificationError, match="weren't asked for"):
        open_answer(AGREEMENT, "care", answer, request(), POLICE)


def test_more_than_an_answer_holds_is_refused():
    fits = "x" * (CONTENT_BYTES - 200)
    answer_of([{"surname": fits[:9000]}, {"surname": fits[9000:]}])
    with pytest.raises(InputError, match="too long for an answer"):
        answer_of([{"surname": "x" * 9000}, {"surname": "x" * 9000}])


def test_an_answer_of_another_size_or_to_another_is_refused():
    answer = answer_of([])
    with pytest.raises(VerificationError):
        require_answer_to(AGREEMENT, "care", answer, "health")
    with pytest.raises(VerificationError):
        require_answer_to(AGREEMENT, "health", answer, "police")
    from linkage.protocol.lookups import content

    short = seal(POLICE.public, content._context(AGREEMENT), b"{}", CARE)
    shorter = dataclasses.replace(answer, sealed=encode_base64(short))
    with pytest.raises(VerificationError, match="size"):
        require_answer_to(AGREEMENT, "care", shorter, "police")
    with pytest.raises(VerificationError):
        open_answer(AGREEMENT, "care", shorter, request(), POLICE)


def test_an_answer_opens_for_its_own_request_and_for_the_asker_alone():
    answer = answer_of([{"surname": "Byron"}])
    with pytest.raises(VerificationError):
        open_answer(AGREEMENT, "care", answer, request(), HEALTH)
    elsewhere = dataclasses.replace(answer, request="ab" * 32)
    with pytest.raises(VerificationError, match="another request"):
        open_answer(AGREEMENT, "care", elsewhere, request(), POLICE)


def test_a_decision_is_held_to_what_was_committed():
    decision = Decision(digest_of(SIGNED), NOW, "refused", 0, "The family is under protection")
    commitment = commit_decision(SALT, decision)
    verify_decision(commitment, SALT, decision)
    for other in (
        dataclasses.replace(decision, reason="Something else"),
        dataclasses.replace(decision, outcome="nothing"),
        dataclasses.replace(decision, at=NOW + 1),
    ):
        with pytest.raises(VerificationError):
            verify_decision(commitment, SALT, other)
    with pytest.raises(VerificationError):
        verify_decision(commitment, bytes(SALT_BYTES), decision)
    with pytest.raises(VerificationError):
        verify_decision(commitment, b"", decision)


def test_every_clause_that_is_broken_is_named():
    broken = request(fields=("date_of_birth",), purpose="curiosity", until=NOW + 31 * 86_400)
    with pytest.raises(PolicyError) as caught:
        require_allowed(AGREEMENT, "health", broken)
    for clause in ("recipients", "fields", "purpose_codes", "expires_days"):
        assert clause in str(caught.value)
    with pytest.raises(PolicyError, match="no agency"):
        require_allowed(AGREEMENT, "hub", request())
    with pytest.raises(PolicyError, match="lookups_per_day"):
        require_allowed(WITHOUT_LOOKUPS, "police", request())
    require_allowed(AGREEMENT, "police", request())
