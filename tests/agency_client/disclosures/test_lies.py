"""A matcher that lies: whoever reads is told so in a sentence, and nothing leaves.

Each lie is told to a holder who is about to release, to an approver who is about to approve, or to
a recipient who is about to open; the commands end with exit code 3.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from agency_client.disclosures import moving
from agency_client.disclosures.reading import read_disclosure
from linkage.errors import VerificationError
from linkage.protocol.canonical import decode_base64, encode_base64
from linkage.protocol.disclosure.messages import Approval, Proposal, digest_of, sign_message
from tests.agency_client.disclosures.matcher import SALT, InMemory, Kept
from tests.agency_client.disclosures.scene import ONE, TWO, Scene, token
from tests.agency_client.disclosures.test_life import approved, done, files, proposed, released
from tests.linkage.audit.made_up import LyingLog, events
from tests.linkage.protocol.disclosure.made_up import approval, refusal
from tests.linkage.protocol.parties import CARE, HEALTH, MATCHER, POLICE, identity

File = dict[str, Any]
Lie = Callable[[InMemory, File], File]


def told(lie: Callable[[File], None]) -> Lie:
    """Make a lie of what changes a file in its place."""

    def change(_: InMemory, file: File) -> File:
        lie(file)
        return file

    return change


def dropped(at: int) -> Lie:
    return told(lambda file: file["entered"].pop(at))


def reordered(matcher: InMemory, file: File) -> File:
    first, second = file["entered"][1:3]
    file["entered"][1:3] = second, first
    return file


def replayed(matcher: InMemory, file: File) -> File:
    file["entered"].append(file["entered"][1])
    return file


def replayed_anew(matcher: InMemory, file: File) -> File:
    """Counts one approval twice, with an event of its own."""
    return with_message(matcher, file, decode_base64(file["entered"][1]["message"], "it"))


def with_message(matcher: InMemory, file: File, content: bytes, **changes: Any) -> File:
    """Add a message with an event that the log really has."""
    digest = digest_of(decode_base64(file["entered"][0]["message"], "it"))
    leaf = matcher.enter(content, matcher.kept[digest], **changes)
    again = matcher.file(digest)
    again["entered"].append(matcher.entered(content, leaf))
    return again | {"state": file["state"]}


def invented(matcher: InMemory, file: File) -> File:
    """An approval in the health service's name, by a key of the matcher's making."""
    digest = digest_of(decode_base64(file["entered"][0]["message"], "it"))
    forged = approval(identity("health", 99), digest, matcher.now)
    return with_message(matcher, file, forged)


def of_another(matcher: InMemory, file: File) -> File:
    """An approval that the health service really gave, to another proposal."""
    return with_message(matcher, file, approval(HEALTH, "0" * 64, matcher.now))


def another_proposal(matcher: InMemory, file: File) -> File:
    digest = digest_of(decode_base64(file["entered"][0]["message"], "it"))
    other = next(own for own in matcher.kept if own != digest)
    return matcher.file(other)


def other_evidence(matcher: InMemory, file: File) -> File:
    matcher.probability = 0.99
    return file | {"evidence": encode_base64(matcher.evidence_on([ONE]))}


def another_event(matcher: InMemory, file: File) -> File:
    file["entered"][1] |= {name: file["entered"][2][name] for name in ("event", "leaf", "proof")}
    return file


def unsigned_state(matcher: InMemory, file: File) -> File:
    forged = LyingLog(matcher.log.entries, replace_key(matcher))
    return file | {"checkpoint": encode_base64(forged.note(None, ()).to_bytes())}


def replace_key(matcher: InMemory):
    from linkage.audit.keys import SignatureType
    from tests.linkage.audit.made_up import signer

    return signer(matcher.log.log.name, SignatureType.LOG, "another seed")


def forked(matcher: InMemory, file: File) -> File:
    """Signs for a history of which the caller has seen another one."""
    matcher.log = LyingLog([*events(1, first=40), *matcher.log.entries[1:]])
    digest = digest_of(decode_base64(file["entered"][0]["message"], "it"))
    return matcher.file(digest)


def stated(state: str, **more: Any) -> Lie:
    return lambda _, file: file | {"state": state} | more


LIES: dict[str, Lie] = {
    "an approval dropped": dropped(1),
    "the proposal dropped": dropped(0),
    "messages reordered": reordered,
    "a message replayed": replayed,
    "a message replayed under a new event": replayed_anew,
    "an approval invented": invented,
    "another proposal's approval": of_another,
    "another proposal": another_proposal,
    "other evidence": other_evidence,
    "another message's event": another_event,
    "a checkpoint of another key": unsigned_state,
    "a forked log": forked,
    "opened": stated("opened"),
    "proposed": stated("proposed"),
    "expired before its time": stated("expired"),
    "superseded by nothing": stated("superseded"),
    "superseded by what isn't there": stated("superseded", successor="0" * 64),
}


@pytest.mark.parametrize("lie", LIES.values(), ids=LIES)
def test_a_holder_releases_nothing(scene: Scene, lie: Lie):
    proposed(scene, TWO)
    digest = approved(scene)
    read_disclosure(scene.office("police"), digest)
    scene.matcher.lies["file"] = lambda file: lie(scene.matcher, file)
    scene.matcher.received.clear()
    refused = scene.run("police", "release", digest, *files(scene, "police"), "--yes")
    assert refused.exit_code == 3, refused.output
    assert scene.matcher.received == []
    assert refused.stderr.startswith("agency-client: ")
    assert refused.stderr.count("\n") == 1
    assert "Byron" not in refused.output


def test_superseded_by_another_partys_proposal(scene: Scene):
    """The proposal that should replace it doesn't say so, or is by somebody else."""
    digest = approved(scene)
    other = proposed(scene, TWO)
    scene.matcher.end(digest, "superseded", "analyst")
    scene.matcher.kept[digest].state = None
    scene.matcher.lies["file"] = lambda file: (
        file | ({"state": "superseded", "successor": other} if file["state"] == "approved" else {})
    )
    refused = scene.run("police", "release", digest, *files(scene, "police"), "--yes")
    assert (refused.exit_code, "doesn't say that it replaces" in refused.stderr) == (3, True)


@pytest.mark.parametrize(
    "found",
    [
        {},
        {ONE: (SALT, token("police", TWO))},
        {ONE: (bytes(32), token("police", ONE))},
        {TWO: (SALT, token("police", TWO))},
        {ONE: (SALT, token("police", ONE)), TWO: (SALT, token("police", TWO))},
    ],
    ids=["none", "another token", "another salt", "another cluster", "one more"],
)
def test_a_holder_looks_up_no_other_records(scene: Scene, found: dict):
    digest = approved(scene)
    clusters = {
        name: {"salt": salt.hex(), "tokens": [own.hex()]} for name, (salt, own) in found.items()
    }
    scene.matcher.lies["holdings"] = lambda _: {"clusters": clusters}
    scene.matcher.received.clear()
    refused = scene.run("police", "release", digest, *files(scene, "police"), "--yes")
    assert (refused.exit_code, "tell the other parties" in refused.stderr) == (3, True)
    assert (scene.matcher.received, "record police" in refused.output) == ([], False)


def test_a_record_that_was_never_sent_is_not_released(scene: Scene):
    """The matcher has committed to a token that it made up, so that the commitment holds."""
    scene.matcher.holdings[ONE]["police"] = (b"\1" * 16,)
    digest = approved(scene)
    scene.matcher.received.clear()
    refused = scene.run("police", "release", digest, *files(scene, "police"), "--yes")
    assert (refused.exit_code, "that you never sent" in refused.stderr) == (1, True)
    assert scene.matcher.received == []


APPROVERS_LIES = ("another proposal", "other evidence", "a checkpoint of another key", "opened")


@pytest.mark.parametrize("name", APPROVERS_LIES)
def test_an_approver_approves_nothing(scene: Scene, name: str):
    proposed(scene, TWO)
    digest = proposed(scene)
    scene.matcher.lies["file"] = lambda file: LIES[name](scene.matcher, file)
    scene.matcher.received.clear()
    refused = scene.run("health", "approve", digest, "--yes")
    assert (refused.exit_code, scene.matcher.received) == (3, [])


def test_a_proposal_against_the_agreement_is_not_approved(scene: Scene):
    """The matcher and the analyst are in league: everything is signed and logged."""
    evidence = scene.matcher.evidence_on([ONE])
    signed = sign_message(against_the_agreement(scene, evidence), scene.office("analyst").own)
    case = replace_digest(read_case(scene), digest_of(signed))
    kept = Kept(case, evidence, [])
    scene.matcher.kept[digest_of(signed)] = kept
    kept.messages.append((signed, scene.matcher.enter(signed, kept)))
    refused = scene.run("care", "approve", digest_of(signed), "--yes")
    assert (refused.exit_code, "(disclosure.fields)" in refused.stderr) == (3, True)


def against_the_agreement(scene: Scene, evidence: bytes) -> Proposal:
    proposal = read_case(scene).proposal
    return replace(proposal, evidence=digest_of(evidence), fields=("date_of_birth",))


def read_case(scene: Scene):
    return scene.matcher.kept[proposed(scene)].case


def replace_digest(case, digest: str):
    return replace(case, digest=digest)


def other_bytes(scene: Scene, digest: str) -> dict[str, bytes]:
    """What a matcher has at hand to give for what the police sealed to the hub."""
    true = scene.matcher.sealed[digest, "police", "hub"]
    elsewhere = released(scene, TWO, by=("police",))
    return {
        "another holder's": scene.matcher.sealed[digest, "care", "hub"],
        "another disclosure's": scene.matcher.sealed[elsewhere, "police", "hub"],
        "altered": true[:-1] + bytes([true[-1] ^ 1]),
        "cut short": true[:-9],
        "nothing": b"",
    }


def test_a_recipient_opens_no_other_bytes(scene: Scene):
    digest = released(scene, by=("police", "care"))
    for what, content in other_bytes(scene, digest).items():
        scene.matcher.lies["sealed"] = lambda _, content=content: content
        scene.matcher.received.clear()
        refused = scene.run("hub", "open", digest, "--out", scene.folder / "opened")
        assert (refused.exit_code, scene.matcher.received) == (3, []), what
        assert not (scene.folder / "opened").exists()


@pytest.mark.parametrize("name", ["an approval dropped", "a forked log", "messages reordered"])
def test_a_recipient_opens_nothing_that_was_not_approved(scene: Scene, name: str):
    digest = released(scene)
    read_disclosure(scene.office("hub"), digest)
    scene.matcher.lies["file"] = lambda file: LIES[name](scene.matcher, file)
    scene.matcher.received.clear()
    refused = scene.run("hub", "open", digest, "--out", scene.folder / "opened")
    assert (refused.exit_code, scene.matcher.received) == (3, [])
    assert not (scene.folder / "opened").exists()


def test_a_recall_once_seen_is_not_forgotten(scene: Scene):
    """The matcher hides the recall from a recipient who has seen it."""
    digest = released(scene)
    before = scene.matcher.file(digest)
    done(scene.run("police", "recall", digest[:8], "--reason", "Two people.", "--yes"))
    done(scene.run("hub", "show", digest[:8]))
    hidden = {name: before[name] for name in ("state", "successor")}
    scene.matcher.lies["file"] = lambda file: file | hidden | {"entered": file["entered"][:-1]}
    refused = scene.run("hub", "open", digest[:8], "--out", scene.folder / "opened")
    assert (refused.exit_code, "had shown to you before" in refused.stderr) == (3, True)


@pytest.mark.parametrize("kept_back", [1, 2])
def test_a_recall_never_seen_is_noticed_in_the_log(scene: Scene, kept_back: int):
    """The matcher hides it from a recipient to whom all looks as if it had never been."""
    digest = released(scene)
    before = scene.matcher.file(digest)["state"]
    for number in range(kept_back):
        done(scene.run("police", "recall", digest[:8], "--reason", f"Reason {number}.", "--yes"))
    scene.matcher.lies["file"] = lambda file: (
        file | {"state": before, "entered": file["entered"][:-kept_back]}
    )
    scene.matcher.received.clear()
    refused = scene.run("hub", "open", digest[:8], "--out", scene.folder / "opened")
    assert (refused.exit_code, "keeps back messages" in refused.stderr) == (3, True)
    scene.matcher.lies["events"] = lambda found: [own for own in found if b"recalled" not in own]
    refused = scene.run("hub", "open", digest[:8], "--out", scene.folder / "opened")
    assert (refused.exit_code, "doesn't verify" in refused.stderr) == (3, True)
    assert scene.matcher.received == []


def test_an_older_state_of_the_log_hides_no_recall(scene: Scene):
    """All of it holds, as it was: but this recipient has seen that the log has gone on since."""
    digest = released(scene)
    before = scene.matcher.file(digest)
    done(scene.run("police", "recall", digest[:8], "--reason", "Two people.", "--yes"))
    done(scene.run("hub", "list"))
    scene.matcher.lies["file"] = lambda _: before
    scene.matcher.received.clear()
    refused = scene.run("hub", "open", digest[:8], "--out", scene.folder / "opened")
    assert (refused.exit_code, "as it was when its log" in refused.stderr) == (3, True)
    assert scene.matcher.received == []


def test_only_new_events_are_asked_for_and_a_lie_about_them_is_noticed(scene: Scene):
    digest = released(scene)
    asked = []
    scene.matcher.lies["events"] = lambda found: asked.append(len(found)) or found
    done(scene.run("hub", "show", digest[:8]))
    done(scene.run("hub", "show", digest[:8]))
    for event in events(3, first=70):
        scene.matcher.append(event)
    done(scene.run("hub", "show", digest[:8]))
    whole = len(scene.matcher.log.entries) - 3
    assert asked == [whole, 3]
    done(scene.run("police", "recall", digest[:8], "--reason", "Two people.", "--yes"))
    file = scene.matcher.file(digest)
    hidden = file | {"state": "released", "entered": file["entered"][:-1]}
    scene.matcher.lies["file"] = lambda _: hidden
    refused = scene.run("hub", "show", digest[:8])
    assert (refused.exit_code, "keeps back messages" in refused.stderr) == (3, True)
    scene.matcher.lies["events"] = lambda found: events(len(found), first=80)
    refused = scene.run("hub", "show", digest[:8])
    assert (refused.exit_code, "doesn't verify" in refused.stderr) == (3, True)


def test_an_end_that_the_log_has_is_not_kept_back(scene: Scene):
    digest = approved(scene)
    scene.matcher.end(digest, "expired", "matcher")
    scene.matcher.kept[digest].state = None
    refused = scene.run("police", "release", digest, *files(scene, "police"), "--yes")
    assert (refused.exit_code, "its log says expired" in refused.stderr) == (3, True)


def test_a_message_that_is_taken_and_not_entered_is_noticed(scene: Scene):
    digest = proposed(scene)
    scene.matcher.take = lambda *_: None
    refused = scene.run("police", "approve", digest[:8], "--yes")
    assert (refused.exit_code, "doesn't show it in its log" in refused.stderr) == (3, True)


def test_evidence_that_is_not_the_matchers_begins_nothing(scene: Scene):
    scene.matcher.own = CARE
    asked = scene.run(
        "analyst", "propose", "--cluster", f"{ONE}=several", "--reference", "x",
        "--necessity", "So.", "--yes",
    )  # fmt: skip
    assert (asked.exit_code, scene.matcher.received) == (3, ["POST /evidence"])


def test_lies_are_lies_alone(scene: Scene):
    """What the tests above change is what makes the difference."""
    proposed(scene, TWO)
    digest = approved(scene)
    scene.matcher.lies["file"] = lambda file: file
    done(scene.run("police", "release", digest, *files(scene, "police"), "--yes"))


def test_two_worlds_look_alike_to_who_decides(scene: Scene):
    """A late refusal changes nothing, and is shown."""
    digest = approved(scene)
    office = scene.office("health")
    late = refusal(HEALTH, digest, scene.matcher.now)
    scene.matcher.take(digest, late)
    assert read_disclosure(office, digest).case.life.refused == {"health"}
    with pytest.raises(VerificationError):
        moving.require_entered(office, digest, sign_message(Approval(digest, 0), POLICE))
    assert MATCHER.name == "matcher"
