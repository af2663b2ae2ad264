"""Relaying the linkage secret."""

from __future__ import annotations

import pytest

from linkage.protocol.problems import parse_problem
from linkage.protocol.secret_messages import open_secret
from tests.linkage.protocol.agreements import AGREEMENT, ANALYST
from tests.linkage.protocol.parties import CARE, HEALTH, MATCHER, POLICE
from tests.matcher.api.messages import MATERIAL, commitment, envelope
from tests.matcher.api.serving import Matcher
from tests.matcher.api.test_agreement_routes import kinds

SECRET = f"/v1/agreements/{AGREEMENT.digest()}/secret"


def problem(answer) -> str:
    assert answer.status_code >= 400, answer.text
    return parse_problem(answer.content, "it")[0].name


@pytest.fixture(autouse=True)
def _in_force(matcher: Matcher) -> None:
    matcher.admit()
    matcher.sign_all()


def test_the_secret_reaches_each_agency_sealed(matcher: Matcher):
    police, care = matcher.caller(POLICE), matcher.caller(CARE)
    assert problem(care.get(f"{SECRET}/commitment")) == "missing"
    assert police.put(f"{SECRET}/commitment", commitment(POLICE)).status_code == 204
    for own in (CARE, HEALTH):
        answer = police.put(f"{SECRET}/envelopes/{own.name}", envelope(POLICE, own))
        assert answer.status_code == 204, answer.text
    assert care.get(f"{SECRET}/commitment").content == commitment(POLICE)
    sealed = care.get(f"{SECRET}/envelope").content
    assert open_secret(sealed, "it", AGREEMENT, POLICE.public, CARE) == MATERIAL
    assert kinds(matcher)[-3:] == ["secret.distributed"] * 3


def test_the_first_commitment_stays(matcher: Matcher):
    police, care = matcher.caller(POLICE), matcher.caller(CARE)
    for _ in range(2):
        assert police.put(f"{SECRET}/commitment", commitment(POLICE)).status_code == 204
    assert problem(care.put(f"{SECRET}/commitment", commitment(CARE))) == "conflict"
    other = commitment(POLICE, value="0" * 64)
    assert problem(police.put(f"{SECRET}/commitment", other)) == "conflict"


def test_only_who_committed_sends_the_secret(matcher: Matcher):
    police, care = matcher.caller(POLICE), matcher.caller(CARE)
    first = police.put(f"{SECRET}/envelopes/care", envelope(POLICE, CARE))
    assert problem(first) == "not-ready"
    police.put(f"{SECRET}/commitment", commitment(POLICE))
    answer = care.put(f"{SECRET}/envelopes/health", envelope(CARE, HEALTH))
    assert problem(answer) == "conflict"


def test_a_sealed_secret_is_for_whom_it_says(matcher: Matcher):
    police = matcher.caller(POLICE)
    police.put(f"{SECRET}/commitment", commitment(POLICE))
    wrong = police.put(f"{SECRET}/envelopes/care", envelope(POLICE, HEALTH))
    assert problem(wrong) == "unverified"
    assert problem(police.put(f"{SECRET}/envelopes/care", b"not sealed")) == "unverified"
    for name in ("police", "matcher", "nobody"):
        answer = police.put(f"{SECRET}/envelopes/{name}", envelope(POLICE, CARE))
        assert problem(answer) == "invalid"


def test_a_sealed_secret_stays(matcher: Matcher):
    police = matcher.caller(POLICE)
    police.put(f"{SECRET}/commitment", commitment(POLICE))
    content = envelope(POLICE, CARE)
    for _ in range(2):
        assert police.put(f"{SECRET}/envelopes/care", content).status_code == 204
    assert problem(police.put(f"{SECRET}/envelopes/care", envelope(POLICE, CARE))) == "conflict"


def test_a_commitment_is_its_senders_own(matcher: Matcher):
    assert problem(matcher.caller(CARE).put(f"{SECRET}/commitment", commitment(POLICE))) == (
        "refused"
    )


@pytest.mark.parametrize("own", [MATCHER, ANALYST])
def test_no_other_party_sees_the_secrets_messages(matcher: Matcher, own):
    caller = matcher.caller(own)
    assert problem(caller.get(f"{SECRET}/envelope")) == "refused"
    assert problem(caller.get(f"{SECRET}/commitment")) == "refused"
    assert problem(caller.put(f"{SECRET}/commitment", commitment(POLICE))) == "refused"
