"""The known-answer handshake, and the opening of rounds."""

from __future__ import annotations

import pytest

from linkage.protocol.problems import parse_problem
from tests.linkage.protocol.agreements import AGREEMENT
from tests.linkage.protocol.parties import CARE, HEALTH, POLICE
from tests.matcher.api.messages import answers, commitment
from tests.matcher.api.serving import Matcher
from tests.matcher.api.test_agreement_routes import kinds

DIGEST = AGREEMENT.digest()
ROUNDS = f"/v1/agreements/{DIGEST}/rounds"
AGENCIES = (POLICE, CARE, HEALTH)
OTHER = "0" * 64


def problem(answer) -> str:
    assert answer.status_code >= 400, answer.text
    return parse_problem(answer.content, "it")[0].name


@pytest.fixture(autouse=True)
def _committed(matcher: Matcher) -> None:
    matcher.admit()
    matcher.sign_all()
    secret = f"/v1/agreements/{DIGEST}/secret/commitment"
    assert matcher.caller(POLICE).put(secret, commitment(POLICE)).status_code == 204


def give(matcher: Matcher, own, number=1, **changes):
    path = f"{ROUNDS}/{number}/answers"
    return matcher.caller(own).put(path, answers(own, number, **changes))


def test_a_round_opens_when_all_answers_are_alike(matcher: Matcher):
    before = len(kinds(matcher))
    found = give(matcher, POLICE).json()
    assert found["missing"] == ["care", "health"]
    assert give(matcher, CARE).json()["opened"] is None
    assert matcher.caller(CARE).get(ROUNDS).json() == {"rounds": []}
    assert kinds(matcher)[before:] == []
    assert give(matcher, HEALTH).json() == {
        "round": 1, "opened": "2026-03-02T09:00:00Z", "different": {}, "missing": [],
        "answered": ["care", "health", "police"],
    }  # fmt: skip
    opened = {"rounds": [{"round": 1, "opened": "2026-03-02T09:00:00Z"}]}
    assert matcher.caller(CARE).get(ROUNDS).json() == opened
    assert kinds(matcher)[before:] == ["handshake.passed"]


def test_who_differs_is_named_and_may_answer_anew(matcher: Matcher):
    before = len(kinds(matcher))
    give(matcher, POLICE)
    give(matcher, CARE)
    found = give(matcher, HEALTH, answers=OTHER).json()
    assert (found["opened"], list(found["different"])) == (None, ["health"])
    assert give(matcher, HEALTH).json()["opened"] is not None
    assert kinds(matcher)[before:] == ["handshake.failed", "handshake.passed"]


def test_another_secret_than_the_committed_one_is_named_at_once(matcher: Matcher):
    found = give(matcher, CARE, commitment=OTHER).json()
    assert found["different"] == {"care": "has another linkage secret"}


def test_an_open_rounds_answers_stay(matcher: Matcher):
    for own in AGENCIES:
        give(matcher, own)
    events = kinds(matcher)
    assert give(matcher, CARE).status_code == 200
    assert problem(give(matcher, CARE, answers=OTHER)) == "conflict"
    assert kinds(matcher) == events


def test_the_next_round_comes_after_the_one_before(matcher: Matcher):
    assert problem(give(matcher, POLICE, 2)) == "not-ready"
    for number in (1, 2):
        for own in AGENCIES:
            assert give(matcher, own, number).status_code == 200
    found = matcher.caller(HEALTH).get(ROUNDS).json()["rounds"]
    assert [one["round"] for one in found] == [1, 2]


def test_answers_are_for_their_round_and_their_senders(matcher: Matcher):
    caller = matcher.caller(CARE)
    assert problem(caller.put(f"{ROUNDS}/1/answers", answers(CARE, 2))) == "unverified"
    assert problem(caller.put(f"{ROUNDS}/1/answers", answers(POLICE))) == "refused"
    assert problem(caller.put(f"{ROUNDS}/1/answers", b"{}")) == "unverified"


def test_answers_wait_for_the_secret(matcher: Matcher):
    from tests.linkage.protocol.agreements import parse, second

    later = parse(second())
    matcher.admit(later)
    matcher.sign_all(later)
    path = f"/v1/agreements/{later.digest()}/rounds/1/answers"
    answer = matcher.caller(CARE).put(path, answers(CARE, agreement=later))
    assert problem(answer) == "not-ready"


@pytest.mark.parametrize("number", ["0", "-1", "x", "1000001"])
def test_a_round_has_a_number(matcher: Matcher, number: str):
    kind, detail = parse_problem(matcher.caller(CARE).get(f"{ROUNDS}/{number}").content, "it")
    assert kind.name == "invalid"
    assert number not in detail
