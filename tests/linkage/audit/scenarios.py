"""The scenarios of tests/vectors/log, from which any second implementation can be tested.

    python -m tests.linkage.audit.scenarios

writes them anew. Each names the step at which verifying must fail, the event, and the kind of
failure; or "ok".
"""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path
from typing import Any

from linkage.audit.cosignature import cosign
from linkage.audit.keys import LogKeys, SignatureType
from linkage.audit.notes import SignedNote
from linkage.audit.strict import to_base64
from tests.linkage.audit.made_up import COSIGNED, KEYS, LOG, WITNESSES, LyingLog, events, signer

FOLDER = Path(__file__).parents[2] / "vectors" / "log"

TRUE = LyingLog(events(7))
FORGED = LyingLog([*events(2), *events(5, first=50)])

_WEAK = b"\x04\x01" + bytes(31)
WEAK_KEY = (
    f"care+{sha256(b'care' + bytes([10]) + _WEAK).hexdigest()[:8]}+{to_base64(_WEAK)}\n".encode()
)


def scenarios() -> dict[str, dict[str, Any]]:
    """Return every scenario by name."""
    whole = TRUE.bundle()
    stranger = signer("stranger", SignatureType.WITNESS)
    impostor = LyingLog(TRUE.entries, signer(LOG.name, SignatureType.LOG, "impostor"))
    swapped = [*TRUE.entries[:2], TRUE.entries[3], TRUE.entries[2], *TRUE.entries[4:]]
    return {
        "whole": case("A whole log.", whole, "ok"),
        "empty": case("A log before its first event.", LyingLog([]).bundle(), "ok"),
        "with-earlier": case(
            "A log that contains the checkpoint seen before.", whole, "ok", earlier=TRUE, size=4
        ),
        "unknown-signature": case(
            "A signature of a key that the verifier didn't give is ignored.",
            TRUE.bundle(note=TRUE.note().with_signatures(cosign(TRUE.note(), stranger, COSIGNED))),
            "ok",
        ),
        "few-witnesses": case(
            "One of two witnesses has signed, and one was asked for.",
            TRUE.bundle(note=TRUE.note(witnesses=WITNESSES[:1])), "ok", least=1,
        ),
        "other-version": case(
            "A bundle of another version.", whole.replace(b"/1\n", b"/2\n", 1),
            failure("form", "MalformedError"),
        ),
        "damaged-key": case(
            "A key in the bundle whose key ID doesn't fit.",
            whole.replace(b"+1c003602+", b"+1c003603+", 1), failure("form", "MalformedError"),
        ),
        "weak-key": case(
            "A witness's key of small order, for which a signature exists that fits everything.",
            whole.replace(f"{KEYS.witnesses[0]}\n".encode(), WEAK_KEY, 1),
            failure("form", "MalformedError"),
        ),
        "cut-before-events": case(
            "A bundle that ends in its checkpoint.", whole[:600], failure("form", "MalformedError")
        ),
        "impostor": case(
            "Signed by another key under the log's name.", impostor.bundle(),
            failure("signature", "SignatureError"),
        ),
        "other-log": case(
            "The checkpoint of another log.",
            LyingLog(TRUE.entries, signer("other.example", SignatureType.LOG)).bundle(),
            failure("signature", "SignatureError"),
        ),
        "extension-line": case(
            "A signed checkpoint with a fourth line.", TRUE.bundle(note=extended_note()),
            failure("signature", "MalformedError"),
        ),
        "missing-witness": case(
            "One of two witnesses has signed, and both were asked for.",
            TRUE.bundle(note=TRUE.note(witnesses=WITNESSES[:1])),
            failure("witnesses", "WitnessError"),
        ),
        "wrong-witness": case(
            "A witness's line that is its signature of another checkpoint, not asked for.",
            TRUE.bundle(
                note=TRUE.note(witnesses=()).with_signatures(cosign(FORGED.note(), WITNESSES[0], 1))
            ),
            failure("witnesses", "SignatureError"), least=0,
        ),
        "spelled-otherwise": case(
            "Event 3 has a space that the canonical form hasn't.",
            TRUE.bundle(entries=[*TRUE.entries[:2], TRUE.entries[2].replace(b":", b": ", 1),
                                 *TRUE.entries[3:]]),
            failure("events", "MalformedError", 3),
        ),
        "unknown-member": case(
            "Event 5 has a member that the format doesn't know.",
            resigned(4, b'{"agreement"', b'{"address":"","agreement"'),
            failure("events", "MalformedError", 5),
        ),
        "identifier": case(
            "The justification of event 7 holds a date of birth.",
            resigned(6, b"Agreed by the strategy meeting", b"Born on 02/03/2011"),
            failure("events", "MalformedError", 7),
        ),
        "wrong-verb": case(
            "Event 7 calls a collection a consultation.",
            resigned(6, b'"collection"', b'"consultation"'),
            failure("events", "MalformedError", 7),
        ),
        "cut-within-event": case(
            "The file ends within event 7.", whole[:-20], failure("events", "MalformedError", 7)
        ),
        "truncated": case(
            "The last two events are missing.", TRUE.bundle(entries=TRUE.entries[:-2]),
            failure("count", "TruncationError"),
        ),
        "added": case(
            "An event that was never signed for.",
            TRUE.bundle(entries=[*TRUE.entries, TRUE.entries[0]]), failure("count", "ForkError"),
        ),
        "altered": case(
            "A count in event 4 was altered.", whole.replace(b'"records":30}', b'"records":31}'),
            failure("root", "ForkError"),
        ),
        "swapped": case(
            "Events 3 and 4 have changed places.", TRUE.bundle(entries=swapped),
            failure("root", "ForkError"),
        ),
        "forked": case(
            "The operator has signed a history that doesn't contain what was seen before.",
            FORGED.bundle(), failure("earlier", "ForkError"), earlier=TRUE, size=5,
        ),
        "split-view": case(
            "The operator has signed two histories of one size.", FORGED.bundle(),
            failure("earlier", "SplitViewError"), earlier=TRUE, size=7,
        ),
        "rolled-back": case(
            "The operator shows an earlier state than was seen before.",
            LyingLog(TRUE.entries[:5]).bundle(), failure("earlier", "RollbackError"),
            earlier=TRUE, size=7,
        ),
    }  # fmt: skip


def failure(step: str, kind: str, event: int | None = None) -> dict[str, Any]:
    return {"step": step, "failure": kind, "event": event}


def case(
    about: str,
    bundle: bytes,
    expect: str | dict[str, Any],
    *,
    keys: LogKeys = KEYS,
    least: int = 2,
    earlier: LyingLog | None = None,
    size: int = 0,
) -> dict[str, Any]:
    return {
        "about": about,
        "keys": str(keys).splitlines(),
        "least_witnesses": least,
        "earlier": None if earlier is None else str(earlier.note(size)),
        "bundle": bundle.decode().splitlines(keepends=True),
        "expect": expect,
    }


def extended_note() -> SignedNote:
    note = TRUE.note(witnesses=())
    text = note.text + "extension\n"
    line = type(note.signatures[0])(LOG.name, LOG.verifier.id, LOG.private.sign(text.encode()))
    return SignedNote(text, (line,))


def resigned(index: int, old: bytes, new: bytes) -> bytes:
    """Return the bundle of a log that has signed for an event that isn't one."""
    assert old in TRUE.entries[index], TRUE.entries[index]
    entries = [*TRUE.entries]
    entries[index] = entries[index].replace(old, new, 1)
    return LyingLog(entries).bundle()


def as_file(scenario: dict[str, Any]) -> str:
    return json.dumps(scenario, indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for name, scenario in scenarios().items():
        (FOLDER / f"{name}.json").write_text(as_file(scenario), encoding="utf-8")
