"""Events: canonical, typed, and silent about the people they are about."""

import json
import re
from datetime import UTC, datetime, timedelta, timezone

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from linkage.audit.events import Event, event_bytes, parse_event
from linkage.audit.failures import MalformedError
from linkage.audit.kinds import KINDS, SECTION_62, VERBS
from tests.linkage.audit.bits import flipped
from tests.linkage.audit.made_up import AGREEMENT, event

EVENT = event(14)
BYTES = event_bytes(EVENT)

NAMES = st.from_regex(r"[A-Za-z][A-Za-z0-9_-]{0,20}", fullmatch=True)
PHRASES = st.text(st.characters(codec="utf-8", categories=["L", "P", "S", "Zs"]), min_size=1)
DIGESTS = st.from_regex(r"[0-9a-f]{64}", fullmatch=True)


@st.composite
def any_event(draw):
    kind = draw(st.sampled_from(sorted(KINDS)))
    at = draw(st.datetimes(timezones=st.just(UTC))).replace(microsecond=0)
    text = draw(PHRASES.filter(lambda words: "@" not in words))
    return Event(
        kind=kind,
        at=at,
        party=draw(NAMES),
        agreement=AGREEMENT,
        purpose=draw(PHRASES),
        lawful_basis=draw(PHRASES),
        person=draw(NAMES | st.just("")),
        recipients=tuple(sorted(draw(st.sets(NAMES, min_size=1, max_size=3)))),
        counts=draw(st.dictionaries(NAMES, st.integers(0, 2**53 - 1), max_size=3)),
        digests=draw(st.dictionaries(NAMES, DIGESTS, max_size=3)),
        justification=text,
    )


@given(any_event())
def test_events_come_back_from_their_bytes(one):
    data = event_bytes(one)
    assert parse_event(data) == one
    assert rfc8785.dumps(json.loads(data)) == data
    assert b"\n" not in data


def test_every_kind_has_a_verb_and_every_operation_of_the_act_occurs():
    assert {kind.verb for kind in KINDS.values()} == set(VERBS)
    assert set(SECTION_62) < set(VERBS)
    for name, kind in KINDS.items():
        assert json.loads(event_bytes(event(kind=name)))["verb"] == kind.verb
        assert re.fullmatch(r"[a-z]+\.[a-z-]+", name)


def test_only_decisions_withhold():
    assert {kind.verb for kind in KINDS.values() if kind.withheld} == {"decision"}


def test_a_flipped_bit_leaves_no_event_or_another_event():
    """What flips within a word is another event, which the tree refuses; never the same one."""
    for wrong in flipped(BYTES):
        try:
            assert parse_event(wrong) != EVENT
        except MalformedError:
            continue


def changed(old, new, data=BYTES):
    assert old in data
    return data.replace(old, new, 1)


@pytest.mark.parametrize(
    "wrong",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b"\xff",
        b"[" * 5000,
        BYTES + b" ",
        BYTES + b"\n",
        changed(b'"counts":', b'"counts": '),
        changed(b'{"agreement"', b'{"zoo":1,"agreement"'),
        changed(b'"verb":"', b'"verbs":"'),
        changed(b',"verb":"decision"', b""),
        changed(b'"verb":"decision"', b'"verb":"erasure"'),
        changed(b'"verb":"decision"', b'"verb":"decision","verb":"decision"'),
        changed(b'"type":"concord.event/1"', b'"type":"concord.event/2"'),
        changed(b'"person":"officer-0"', b'"person":null'),
        changed(b'"kind":"disclosure.refused"', b'"kind":"disclosure.forgotten"'),
        changed(b'"records":140', b'"records":140.0'),
        changed(b'"records":140', b'"records":1.4e2'),
        changed(b'"records":140', b'"records":-1'),
        changed(b'"records":140', b'"records":9007199254740992'),
        changed(b'"records":140', b'"records":true'),
        changed(b'"records":140', b'"records":"140"'),
        changed(b'"version":2', b'"version":2,"versions":3'),
        changed(b'"health"', b'"he\\u0061lth"'),
        changed(b"T23:00:00Z", b"T23:00:00+00:00"),
        changed(b"T23:00:00Z", b"T23:00:00"),
        changed(b"T23:00:00Z", b"T23:00:00.000Z"),
        changed(b"T23:00:00Z", b"T23:00:60Z"),
        changed(b"T23:00:00Z", b"T23:00:00-00:00"),
        changed(b"Agreed by", b"Agreed\\u0009by"),
        changed(b"Agreed by", b"Agreed \\ud800by"),
        changed(b"Agreed by", "Agreed \u202eby".encode()),
        changed(
            b'"counts":{"clusters":14,"records":140}', b'"counts":{"records":140,"clusters":14}'
        ),
        changed(b"Agreed by", b"A" * 1001),
        changed(b"Agreed by", b"A" * 20_000),
    ],
)
def test_anything_but_the_canonical_form_is_refused(wrong):
    with pytest.raises(MalformedError):
        parse_event(wrong)


@pytest.mark.parametrize(
    "changes",
    [
        {"kind": "disclosure.released", "recipients": ()},
        {"kind": "disclosure.released", "justification": ""},
        {"kind": "disclosure.refused", "justification": ""},
        {"kind": "lookup.lodged", "justification": ""},
        {"kind": "gossip"},
        {"recipients": ("health", "care")},
        {"recipients": ("care", "care")},
        {"at": datetime(2026, 3, 2, tzinfo=UTC).replace(tzinfo=None)},
        {"at": datetime(2026, 3, 2, tzinfo=timezone(timedelta(hours=1)))},
        {"at": datetime(2026, 3, 2, 1, 2, 3, 4, tzinfo=UTC)},
        {"party": "Police force"},
        {"purpose": ""},
        {"counts": {"two words": 1}},
        {"digests": {"message": "AB" * 32}},
        {"recipient": "care"},
    ],
)
def test_events_that_break_the_rules_are_never_made(changes):
    with pytest.raises(ValidationError):
        event(14, **changes)


@pytest.mark.parametrize(
    "text",
    [
        "born 2011-03-02", "born 02/03/2011", "NHS number 943 476 5919", "case 1234567",
        "lives at NE1 4ST", "lives at sw1a1aa", "write to ann@example.org", "call 07700 900123",
    ],
)  # fmt: skip
def test_a_justification_that_seems_to_name_somebody_is_refused(text):
    with pytest.raises(ValidationError, match="must not hold"):
        event(14, justification=text)


@pytest.mark.parametrize(
    "text",
    ["Children Act 1989, section 47", "the 20 children of most concern, 3 March", "risk 4 of 5"],
)
def test_an_ordinary_justification_is_taken(text):
    assert parse_event(event_bytes(event(14, justification=text))).justification == text


def test_a_law_with_a_number_is_taken():
    assert event(14, lawful_basis="SI 2018/1234").lawful_basis == "SI 2018/1234"


def test_an_error_does_not_repeat_what_the_event_holds():
    wrong = changed(b'"records":140', b'"canary 943 476 5919":170')
    with pytest.raises(MalformedError) as caught:
        parse_event(wrong)
    assert "canary" not in str(caught.value)
    wrong = changed(b"Agreed by", b"canary 943 476 5919")
    with pytest.raises(MalformedError) as caught:
        parse_event(wrong)
    assert "canary" not in str(caught.value)


def test_an_event_has_a_largest_size():
    counts = {f"count{number:055}": 2**53 - 1 for number in range(194)}
    data = event_bytes(event(14, counts=counts))
    assert 15_900 < len(data) <= 1 << 14
    assert parse_event(data).counts == counts
    more = counts | {f"more{number:055}": 2**53 - 1 for number in range(6)}
    with pytest.raises(ValueError, match="at most"):
        event_bytes(event(14, counts=more))
    with pytest.raises(MalformedError, match="more than"):
        parse_event(rfc8785.dumps(event(14, counts=more).to_json()))
