"""The endpoints about agreements."""

from __future__ import annotations

from linkage.protocol.problems import parse_problem
from tests.linkage.protocol.agreements import AGREEMENT
from tests.linkage.protocol.parties import CARE, POLICE
from tests.matcher.api.serving import Matcher


def test_a_key_of_no_admitted_agreement_is_not_heard(matcher: Matcher):
    answer = matcher.caller(POLICE).get("/v1/agreements")
    kind, detail = parse_problem(answer.content, "it")
    assert kind.name == "unknown-key"
    assert "ask the operator" in detail


def test_a_party_sees_its_agreements(matcher: Matcher):
    digest = matcher.admit()
    answer = matcher.caller(POLICE).get("/v1/agreements")
    assert answer.status_code == 200, answer.text
    assert answer.json() == {
        "agreements": [
            {
                "digest": digest, "id": "trial", "version": 1, "epoch": 1, "title": "A trial",
                "state": "unsigned", "party": "police", "roles": ["agency"],
            }
        ]
    }  # fmt: skip


def test_an_agreement_is_in_force_when_all_have_signed(matcher: Matcher):
    matcher.admit()
    matcher.sign_all()
    (found,) = matcher.caller(CARE).get("/v1/agreements").json()["agreements"]
    assert (found["state"], found["digest"]) == ("in force", AGREEMENT.digest())
