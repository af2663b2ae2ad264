"""The scenarios of tests/vectors/log-follow and log-event: a client that has pinned a checkpoint.

    python -m tests.linkage.audit.follow_scenarios

writes them anew. In the first it is offered a checkpoint, in the second an event of the pinned log.
Each names the failure that is expected, or "ok".
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from linkage.audit.keys import SignatureType
from tests.linkage.audit.made_up import KEYS, LOG, LyingLog, events, signer
from tests.linkage.audit.scenarios import as_file, extended_note

FOLLOW = Path(__file__).parents[2] / "vectors" / "log-follow"
EVENT = FOLLOW.parent / "log-event"

TRUE = LyingLog(events(7))
FORGED = LyingLog([*events(2), *events(5, first=50)])


def follow_scenarios() -> dict[str, dict[str, Any]]:
    """Return every scenario of a checkpoint that is offered."""
    impostor = LyingLog(TRUE.entries, signer(LOG.name, SignatureType.LOG, "impostor"))
    proof = TRUE.proof(3)
    damaged = [proof[0], bytes(32), *proof[2:]]
    return {
        "first": offer("The first checkpoint of a client.", None, TRUE.note(), []),
        "first-empty": offer("A log without events.", None, TRUE.note(0), []),
        "grown": offer("A larger checkpoint.", 3, TRUE.note(), proof),
        "grown-from-a-power-of-two": offer("From four to seven.", 4, TRUE.note(), TRUE.proof(4)),
        "grown-to-a-power-of-two": offer("From three to four.", 3, TRUE.note(4), TRUE.proof(3, 4)),
        "same": offer("The checkpoint that is pinned.", 7, TRUE.note(), []),
        "rolled-back": offer(
            "A smaller one.", 7, TRUE.note(5), TRUE.proof(5), "RollbackError"
        ),
        "emptied": offer("The log without events, later.", 7, TRUE.note(0), [], "RollbackError"),
        "split-view": offer(
            "As large, with another root.", 7, FORGED.note(), [], "SplitViewError"
        ),
        "forked": offer(
            "A larger one of another history, with its own proof.", 3, FORGED.note(),
            FORGED.proof(3), "ForkError",
        ),
        "damaged-proof": offer("A hash was zeroed.", 3, TRUE.note(), damaged, "ForkError"),
        "short-proof": offer("The last hash is missing.", 3, TRUE.note(), proof[:-1], "ForkError"),
        "long-proof": offer("One hash too many.", 3, TRUE.note(), [*proof, proof[0]], "ForkError"),
        "no-proof": offer("No proof at all.", 3, TRUE.note(), [], "ForkError"),
        "needless-proof": offer("A proof where none is.", 7, TRUE.note(), proof, "ForkError"),
        "impostor": offer("Another key.", 3, impostor.note(), proof, "SignatureError"),
        "malformed": offer(
            "Two spaces.", 3, str(TRUE.note()).replace("— ", "—  "), proof, "MalformedError"
        ),
        "extension-line": offer(
            "A fourth line.", 3, extended_note(), proof,
            "MalformedError",
        ),
    }  # fmt: skip


def event_scenarios() -> dict[str, dict[str, Any]]:
    """Return every scenario of an event that is offered."""
    proof = TRUE.tree.inclusion_proof(4, 7)
    entry = TRUE.entries[4]
    wrong = entry.replace(b'"records":40}', b'"records":41}')
    alone = LyingLog([b"gibberish"])
    return {
        "included": event(TRUE, entry, 4, proof),
        "included-last": event(TRUE, TRUE.entries[6], 6, TRUE.tree.inclusion_proof(6, 7)),
        "altered": event(TRUE, wrong, 4, proof, "ProofError"),
        "other-place": event(TRUE, entry, 5, proof, "ProofError"),
        "beyond-the-end": event(TRUE, entry, 7, proof, "ProofError"),
        "short-proof": event(TRUE, entry, 4, proof[:-1], "ProofError"),
        "long-proof": event(TRUE, entry, 4, [*proof, proof[0]], "ProofError"),
        "no-event": event(alone, b"gibberish", 0, [], "MalformedError"),
    }


def offer(
    about: str, pinned: int | None, note: object, proof: list[bytes], expect: str = "ok"
) -> dict[str, Any]:
    """Return a scenario; ``pinned`` is the size of the pinned checkpoint of the true log."""
    return {
        "about": about,
        "log_key": str(KEYS.log),
        "pinned": None if pinned is None else str(TRUE.note(pinned, ())),
        "offered": str(note),
        "proof": [hashed.hex() for hashed in proof],
        "expect": expect,
    }


def event(
    log: LyingLog, entry: bytes, index: int, proof: list[bytes], expect: str = "ok"
) -> dict[str, Any]:
    """Return a scenario of an event that is said to be leaf ``index``."""
    return {
        "log_key": str(KEYS.log),
        "pinned": str(log.note(witnesses=())),
        "event": entry.decode(),
        "index": index,
        "proof": [hashed.hex() for hashed in proof],
        "expect": expect,
    }


def main() -> None:
    """Write all files anew."""
    for folder, made in ((FOLLOW, follow_scenarios()), (EVENT, event_scenarios())):
        folder.mkdir(exist_ok=True)
        for name, scenario in made.items():
            (folder / f"{name}.json").write_text(as_file(scenario), encoding="utf-8")


if __name__ == "__main__":
    main()
