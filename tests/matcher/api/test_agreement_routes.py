"""The endpoints about agreements, and what enters the log by them."""

from __future__ import annotations

import pytest

from linkage.audit.events import parse_event
from linkage.errors import ConflictError, PolicyError
from linkage.protocol.problems import parse_problem
from linkage.protocol.standing import sign_agreement
from matcher.agreements.admission import Admission
from matcher.agreements.standings import Standings
from tests.linkage.protocol.agreements import AGREEMENT, ROLES, changed, parse, second
from tests.linkage.protocol.parties import CARE, MATCHER, POLICE, identity
from tests.matcher.api.serving import Matcher

DIGEST = AGREEMENT.digest()
SIGNATURES = f"/v1/agreements/{DIGEST}/signatures"


def problem(answer) -> str:
    return parse_problem(answer.content, "it")[0].name


def kinds(matcher: Matcher) -> list[str]:
    ledger = matcher.services.ledger
    size = matcher.services.heads.since(0).size
    return [parse_event(event).kind for event in ledger.events(0, size)]


def signed(own, agreement=AGREEMENT) -> bytes:
    return sign_agreement(agreement, own)


def test_a_key_of_no_admitted_agreement_is_not_heard(matcher: Matcher):
    answer = matcher.caller(POLICE).get("/v1/agreements")
    kind, detail = parse_problem(answer.content, "it")
    assert kind.name == "unknown-key"
    assert "ask the operator" in detail


def test_a_party_sees_its_agreements(matcher: Matcher):
    matcher.admit()
    answer = matcher.caller(POLICE).get("/v1/agreements")
    assert answer.status_code == 200, answer.text
    assert answer.json() == {
        "agreements": [
            {
                "digest": DIGEST, "id": "trial", "version": 1, "epoch": 1, "title": "A trial",
                "state": "unsigned", "party": "police", "roles": ["agency"],
            }
        ]
    }  # fmt: skip


def test_an_agreement_is_read_as_it_is_signed(matcher: Matcher):
    matcher.admit()
    answer = matcher.caller(CARE).get(f"/v1/agreements/{DIGEST}")
    assert answer.content == AGREEMENT.content()


def test_the_operators_signature_is_there_from_the_beginning(matcher: Matcher):
    matcher.admit()
    caller = matcher.caller(POLICE)
    assert caller.get(f"{SIGNATURES}/matcher").content == signed(MATCHER)
    assert problem(caller.get(f"{SIGNATURES}/police")) == "missing"
    assert kinds(matcher) == ["agreement.signed"]


def test_signatures_over_http_bring_an_agreement_into_force(matcher: Matcher):
    matcher.admit()
    for own in ROLES:
        assert matcher.caller(own).put(f"{SIGNATURES}/{own.name}", signed(own)).status_code == 204
    found = matcher.caller(CARE).get(SIGNATURES).json()
    assert found == {
        "signed": [own.name for own in ROLES],
        "missing": [],
        "state": "in force",
    }
    assert kinds(matcher) == ["agreement.signed"] * len(ROLES) + ["agreement.in-force"]


def test_the_same_signature_again_changes_nothing(matcher: Matcher):
    matcher.admit()
    for _ in range(2):
        answer = matcher.caller(POLICE).put(f"{SIGNATURES}/police", signed(POLICE))
        assert answer.status_code == 204
    assert kinds(matcher) == ["agreement.signed"] * 2


def test_nobody_signs_for_another(matcher: Matcher):
    matcher.admit()
    police = matcher.caller(POLICE)
    assert problem(police.put(f"{SIGNATURES}/care", signed(CARE))) == "refused"
    assert problem(police.put(f"{SIGNATURES}/police", signed(CARE))) == "refused"
    assert kinds(matcher) == ["agreement.signed"]


def test_a_signature_under_another_agreement_is_refused(matcher: Matcher):
    matcher.admit()
    other = parse(changed(('title = "A trial"', 'title = "Another"')))
    answer = matcher.caller(POLICE).put(f"{SIGNATURES}/police", signed(POLICE, other))
    assert problem(answer) == "unverified"


def test_an_agreement_stands_by_the_matchers_clock(matcher: Matcher):
    matcher.admit()
    matcher.sign_all()
    caller = matcher.caller(POLICE)
    assert caller.get(SIGNATURES).json()["state"] == "in force"
    matcher.clock.forward(days=365)
    assert caller.get(SIGNATURES).json()["state"] == "ended"


def test_a_later_version_in_force_replaces_the_one_before(matcher: Matcher):
    matcher.admit()
    matcher.sign_all()
    later = parse(second())
    matcher.admit(later)
    caller = matcher.caller(POLICE)
    assert caller.get(SIGNATURES).json()["state"] == "in force"
    matcher.sign_all(later)
    states = [one["state"] for one in caller.get("/v1/agreements").json()["agreements"]]
    assert states == ["replaced", "in force"]


def test_admitting_needs_the_operators_signature(matcher: Matcher):
    services, clock = matcher.services, matcher.clock
    without_keys = Admission(services.database, services.ledger, Standings(clock), clock)
    with pytest.raises(PolicyError, match="who runs the matcher, is missing"):
        without_keys.admit(AGREEMENT, {"a file": signed(POLICE)})
    assert kinds(matcher) == []


def test_a_matcher_with_its_partys_keys_signs_what_is_admitted(matcher: Matcher):
    admission = matcher.services.admission
    assert admission.plan(AGREEMENT, {}) == ["matcher"]
    assert admission.admit(AGREEMENT, {}) == ["matcher"]
    assert admission.admit(AGREEMENT, {"by hand": signed(MATCHER)}) == []
    assert matcher.caller(POLICE).get(f"{SIGNATURES}/matcher").content == signed(MATCHER)
    other = parse(changed(('id = "trial"', 'id = "other"'), (
        str(MATCHER.public.signing_key), str(identity("matcher", 99).public.signing_key)
    )))  # fmt: skip
    with pytest.raises(PolicyError, match="other keys for it than this matcher"):
        admission.admit(other, {})


def test_admitting_again_adds_what_is_new(matcher: Matcher):
    admit = matcher.services.admission.admit
    assert admit(AGREEMENT, {"a": signed(MATCHER)}) == ["matcher"]
    both = {"a": signed(MATCHER), "b": signed(POLICE)}
    assert matcher.services.admission.plan(AGREEMENT, both) == ["police"]
    assert admit(AGREEMENT, both) == ["police"]
    assert admit(AGREEMENT, both) == []
    assert kinds(matcher) == ["agreement.signed"] * 2


def test_two_agreements_of_one_version_are_never_admitted(matcher: Matcher):
    matcher.admit()
    with pytest.raises(ConflictError, match="make a new version"):
        matcher.admit(parse(changed(('title = "A trial"', 'title = "Another"'))))


def test_a_version_that_follows_another_is_not_admitted(matcher: Matcher):
    matcher.admit()
    stray = parse(second((AGREEMENT.digest(), "0" * 64)))
    with pytest.raises(PolicyError, match="doesn't follow version 1"):
        matcher.admit(stray)
