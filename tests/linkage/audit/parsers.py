"""Everything in linkage.audit that takes bytes of others, and a whole example for each."""

from __future__ import annotations

from linkage.audit.bundle import read_head
from linkage.audit.checkpoint import open_checkpoint, parse_checkpoint_text
from linkage.audit.events import event_bytes, parse_event
from linkage.audit.keys import parse_keys, parse_verifier_key
from linkage.audit.notes import parse_note
from linkage.audit.strict import utf8
from linkage.audit.trusted_log import TrustedLog
from linkage.audit.verification import Trust, verify_bundle
from tests.linkage.audit.made_up import KEYS, LyingLog, as_lines, event, events

_LOG = LyingLog(events(3))
_BARE = len(_LOG.note(witnesses=()).to_bytes())


def _text(data: bytes) -> str:
    return utf8(data, "the input")


PARSERS = (
    parse_note,
    lambda data: open_checkpoint(data, KEYS.log),
    lambda data: parse_checkpoint_text(_text(data)),
    lambda data: parse_verifier_key(_text(data)),
    lambda data: parse_keys(_text(data).splitlines()),
    parse_event,
    lambda data: read_head(iter(as_lines(data))),
    lambda data: verify_bundle(iter(as_lines(data)), "log.txt", Trust(KEYS, 2)),
    # The proof is what follows the checkpoint, in pieces of up to 32 bytes.
    lambda data: TrustedLog(KEYS.log, _LOG.note(1).to_bytes()).update(
        data[:_BARE], [data[i : i + 32] for i in range(_BARE, len(data), 32)]
    ),
    lambda data: TrustedLog(KEYS.log, _LOG.note(3).to_bytes()).verify_event(
        data[64:], 0, [data[:32], data[32:64]]
    ),
)
SEEDS = (
    _LOG.note().to_bytes(),
    _LOG.note().to_bytes(),
    _LOG.note().text.encode(),
    str(KEYS.log).encode(),
    str(KEYS).encode(),
    event_bytes(event(14)),
    _LOG.bundle(),
    _LOG.bundle(),
    _LOG.note(witnesses=()).to_bytes() + b"".join(_LOG.proof(1)),
    b"".join(_LOG.tree.inclusion_proof(0, 3)) + _LOG.entries[0],
)
