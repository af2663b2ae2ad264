"""Ten thousand disclosures under a lying matcher; and that each check is what holds them."""

from dataclasses import replace

import pytest

from linkage.protocol.canonical import decode_base64, parse_json
from linkage.protocol.disclosure import history as history_module
from linkage.protocol.disclosure import release as release_module
from linkage.protocol.disclosure import rules as rules_module
from linkage.protocol.disclosure.life import Life
from linkage.protocol.signing import Signed
from tests.simulation.disclosures import INVARIANTS, histories, play

HISTORIES = 2_500


@pytest.mark.usefixtures("remembered_signatures")
@pytest.mark.parametrize("seed", range(4))
def test_every_invariant_holds(seed):
    sealed, elsewhere = 0, []
    for history in histories(seed, HISTORIES):
        outcome = play(history, elsewhere)
        assert not outcome.broken
        sealed += outcome.sealed
    # Neither is everything refused, nor are the lies too few to matter.
    assert HISTORIES // 10 < sealed < HISTORIES // 2


class _Whatever(str):
    """A digest that is equal to every other."""

    def __eq__(self, other):
        return True

    def __ne__(self, other):
        return False

    def __hash__(self):
        return 0


def _unverified(content, source, kind, signers):
    found = parse_json(content, source)
    return Signed(kind, found["signer"], decode_base64(found["payload"], source))


def without_signatures(patch):
    patch.setattr(history_module, "verify_signed", _unverified)


def without_the_proposals_digest(patch):
    parse = history_module.parse_signed

    def parsed(signed, source):
        message = parse(signed, source)
        if hasattr(message, "proposal"):
            object.__setattr__(message, "proposal", _Whatever())
        return message

    patch.setattr(history_module, "parse_signed", parsed)


def without_one_vote_each(patch):
    def approve(life, party, _at):
        approved = life.approved | {f"{party}{len(life.approved)}"}
        state = "approved" if len(approved) >= life.terms.quorum else life.state
        return replace(life, approved=approved, state=state)

    patch.setattr(Life, "approve", approve)


def without_a_quorum(patch):
    release = Life.release
    patch.setattr(
        Life,
        "release",
        lambda self, holder, at: release(replace(self, state="approved"), holder, at),
    )


def without_rules(patch):
    patch.setattr(history_module, "require_allowed", lambda *_: None)


def without_binding_to_the_agreement(patch):
    patch.setattr(rules_module, "_binding", lambda *_: iter(()))


def without_the_evidences_digest(patch):
    patch.setattr(history_module, "digest_of", lambda _: _Whatever("0" * 64))


def without_commitments(patch):
    patch.setattr(release_module, "verify_tokens", lambda *_: None)


def without_an_end(patch):
    release = Life.release
    patch.setattr(Life, "release", lambda life, holder, _at: release(life, holder, 0))


def without_binding_content(patch):
    patch.setattr(release_module, "_require_asked", lambda *_: None)
    digest = release_module.digest_of
    patch.setattr(release_module, "digest_of", lambda content: _Whatever(digest(content)))
    parse = release_module.parse_message

    def parsed(adapter, content, source):
        message = parse(adapter, content, source)
        object.__setattr__(message, "proposal", _Whatever())
        return message

    patch.setattr(release_module, "parse_message", parsed)


@pytest.mark.parametrize(
    ("removed", "broken"),
    [
        (without_signatures, "QUORUM"),
        (without_the_proposals_digest, "QUORUM"),
        (without_one_vote_each, "QUORUM"),
        (without_a_quorum, "QUORUM"),
        (without_rules, "RULES"),
        (without_rules, "RECIPIENTS"),
        (without_binding_to_the_agreement, "RULES"),
        (without_the_evidences_digest, "RULES"),
        (without_commitments, "TOKENS"),
        (without_an_end, "TIME"),
        (without_binding_content, "CONTENT"),
    ],
)
def test_each_check_is_needed(monkeypatch, removed, broken):
    removed(monkeypatch)
    elsewhere = []
    assert broken in INVARIANTS
    assert any(broken in play(history, elsewhere).broken for history in histories(9, 3_000))
