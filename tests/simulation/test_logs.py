"""Hundreds of histories of a log that forks; and that each check is what holds them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from agency_client.disclosures import reading
from agency_client.keystore import seen
from agency_client.matcher_api import following
from linkage import entries, gaps
from linkage.audit import inclusion, trusted_log, verification
from linkage.audit.checkpoint import parse_checkpoint_text
from linkage.audit.notes import parse_note
from linkage.audit.trusted_log import TrustedLog
from linkage.entries import VerifiedFile
from linkage.protocol.canonical import decode_base64, parse_json
from linkage.protocol.disclosure import history
from linkage.protocol.signing import Signed
from tests.simulation.log_lies import histories
from tests.simulation.logs import INVARIANTS

HISTORIES = 150
pytestmark = pytest.mark.usefixtures(
    "remembered_signatures", "remembered_messages", "keystores_in_memory"
)


@pytest.mark.parametrize("seed", range(2))
def test_every_invariant_holds(seed):
    believed = 0
    for number, play in enumerate(histories(seed, HISTORIES)):
        assert not play.broken, number
        believed += play.believed
    # Neither is everything refused, nor are the lies too few to matter.
    assert HISTORIES < believed < 4 * HISTORIES


def _unverified(content, source, kind, _signers):
    found = parse_json(content, source)
    return Signed(kind, found["signer"], decode_base64(found["payload"], source))


class _Any(str):
    """A digest that is equal to every other."""

    __slots__ = ()
    __hash__ = str.__hash__

    def __eq__(self, _other):
        return True

    def __ne__(self, _other):
        return False


def without_signatures(patch):
    patch.setattr(history, "verify_signed", _unverified)


def without_the_proposals_digest(patch):
    parse = history.parse_signed

    def parsed(signed, source):
        message = parse(signed, source)
        if hasattr(message, "proposal"):
            object.__setattr__(message, "proposal", _Any(message.proposal))
        return message

    patch.setattr(history, "parse_signed", parsed)


def without_the_checkpoints_signature(patch):
    def opened(data, _log):
        return parse_checkpoint_text(parse_note(data).text)

    for module in (entries, trusted_log, following):
        patch.setattr(module, "open_checkpoint", opened)


def without_inclusion(patch):
    patch.setattr(inclusion, "verify_inclusion", lambda *_: None)


def without_what_events_say(patch):
    patch.setattr(entries, "require_about", lambda *_: None)


def without_order(patch):
    """Whoever asks for the whole sees the order, too."""
    patch.setattr(entries, "_require_order", lambda *_: None)
    without_asking_for_the_whole(patch)


def without_asking_for_the_whole(patch):
    patch.setattr(reading, "require_whole", lambda _file, _said, known, _events: known)


def without_the_root_of_the_whole(patch):
    extend = gaps.extend_since

    def extended(known, proposal, events, checkpoint):
        found = list(events)
        with patch.context() as inner:
            size, root = known.size + len(found), checkpoint.root
            inner.setattr(gaps.Frontier, "root", lambda _: root)
            return extend(known, proposal, found, replace(checkpoint, size=size))

    patch.setattr(gaps, "extend_since", extended)


def without_the_end_in_the_log(patch):
    patch.setattr(gaps, "_require_end", lambda *_: None)


def without_where_messages_lead(patch):
    def settled(verified, said, _now, _successor):
        case = verified.case
        life = history.replace(case.life, state=said)
        told = history.replace(case, life=life)
        return VerifiedFile(told, verified.entries, verified.checkpoint, verified.note)

    patch.setattr(reading, "settle", settled)


def without_clocks(patch):
    patch.setattr(history, "CLOCK_SECONDS", 10**9)


def without_consistency(patch):
    patch.setattr(TrustedLog, "_require_extension", lambda *_: None)


def without_any_memory(patch):
    """Whoever goes on from what was read before sees another log, too, and so does the memory."""
    without_consistency(patch)
    patch.setattr(reading, "verified_since", lambda *_: None)
    patch.setattr(seen, "_read", lambda *_: ())


def without_the_newest_state(patch):
    patch.setattr(reading, "_require_newest", lambda *_: None)


def without_witnesses(patch):
    patch.setattr(verification, "verify_witnesses", lambda *_: ())


@pytest.mark.parametrize(
    ("removed", "broken"),
    [
        (without_signatures, "SIGNED"),
        (without_the_proposals_digest, "SIGNED"),
        (without_the_checkpoints_signature, "LOGGED"),
        (without_inclusion, "LOGGED"),
        (without_what_events_say, "LOGGED"),
        (without_order, "ORDER"),
        (without_asking_for_the_whole, "WHOLE"),
        (without_the_root_of_the_whole, "WHOLE"),
        (without_the_end_in_the_log, "END"),
        (without_where_messages_lead, "END"),
        (without_clocks, "PROMPT"),
        (without_any_memory, "ONE"),
        (without_the_newest_state, "NEWEST"),
        (without_consistency, "MEETING"),
        (without_witnesses, "WITNESS"),
    ],
)
def test_each_check_is_needed(monkeypatch, removed, broken):
    removed(monkeypatch)
    assert broken in INVARIANTS
    assert any(broken in play.broken for play in histories(9, 600))
