"""Bundles: the vectors of linkage/audit/SPEC.md, flipped bits, and what a summary counts."""

import json
import time
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linkage.audit.bundle import MOST_LINE, BundleHead, bundle_lines, read_head
from linkage.audit.checkpoint import empty_checkpoint, open_checkpoint
from linkage.audit.events import event_bytes
from linkage.audit.failures import BundleError, LogError, MalformedError
from linkage.audit.keys import parse_keys
from linkage.audit.notes import NoteSignature
from linkage.audit.verification import STEPS, Trust, verify_bundle
from tests.linkage.audit.bits import flipped
from tests.linkage.audit.made_up import BEGIN, KEYS, LyingLog, as_lines, event, events
from tests.linkage.audit.scenarios import FOLDER, as_file, scenarios

CASES = sorted(path.stem for path in FOLDER.glob("*.json"))
TRUST = Trust(KEYS, 2)


def verified(bundle, trust=TRUST, visit=None):
    return verify_bundle(iter(as_lines(bundle)), "log.txt", trust, visit)


@pytest.mark.parametrize("name", CASES)
def test_vectors(name):
    case = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    keys = parse_keys(case["keys"])
    earlier = case["earlier"] and open_checkpoint(case["earlier"].encode(), keys.log)
    trust = Trust(keys, case["least_witnesses"], earlier)
    bundle = "".join(case["bundle"]).encode()
    if case["expect"] == "ok":
        verified(bundle, trust)
        return
    with pytest.raises(BundleError) as caught:
        verified(bundle, trust)
    failed = caught.value
    assert case["expect"] == {
        "step": STEPS[failed.step - 1],
        "failure": type(failed.cause).__name__,
        "event": failed.event,
    }
    assert f"log.txt failed verification at step {failed.step} " in str(failed)
    assert failed.exit_code == 3


def test_the_vectors_are_those_of_the_scenarios():
    made = {name: as_file(scenario) for name, scenario in scenarios().items()}
    assert {path.stem: path.read_text(encoding="utf-8") for path in FOLDER.iterdir()} == made


def test_every_step_has_a_vector_that_fails_there():
    expected = [scenario["expect"] for scenario in scenarios().values()]
    assert {one["step"] for one in expected if one != "ok"} == set(STEPS)


def test_every_flipped_bit_of_a_bundle_is_refused():
    whole = LyingLog(events(1)).bundle()
    verified(whole)
    for wrong in flipped(whole):
        with pytest.raises(BundleError):
            verified(wrong)


def test_a_bundle_that_ends_anywhere_is_refused():
    whole = LyingLog(events(2)).bundle()
    for end in range(len(whole)):
        with pytest.raises(BundleError):
            verified(whole[:end])


@given(st.data())
def test_lines_left_out_doubled_or_moved_are_refused(data):
    lines = as_lines(LyingLog(events(5)).bundle())
    place = data.draw(st.integers(0, len(lines) - 1))
    line = lines.pop(place)
    for position in data.draw(st.lists(st.integers(0, len(lines)), max_size=2)):
        lines.insert(position, line)
    if lines != as_lines(LyingLog(events(5)).bundle()):
        # Keys in the bundle prove nothing, so that leaving out a witness's changes nothing; and
        # signatures stand in any order.
        try:
            verified(b"".join(lines))
        except BundleError:
            return
        assert place in {3, 4, 10, 11, 12}


def test_the_earlier_checkpoint_narrows_down_what_was_altered():
    log = LyingLog(events(9))
    wrong = log.bundle().replace(b'"records":70}', b'"records":71}')
    with pytest.raises(BundleError, match="events 1 to 9 was altered"):
        verified(wrong)
    with pytest.raises(BundleError, match="events 6 to 9 was altered"):
        verified(wrong, Trust(KEYS, 2, log.checkpoint(5)))
    with pytest.raises(BundleError, match="events 1 to 9 was altered"):
        verified(wrong, Trust(KEYS, 2, log.checkpoint(8)))


@given(st.integers(0, 6), st.integers(0, 7), st.integers(1, 7))
def test_a_bundle_of_another_history_agrees_with_what_both_share(shared, seen, size):
    """Two histories part after ``shared`` events; who has seen one is given the other."""
    true, other = LyingLog(events(7)), LyingLog([*events(shared), *events(7 - shared, first=100)])
    bundle = LyingLog(other.entries[:size]).bundle()
    trust = Trust(KEYS, 2, true.checkpoint(seen))
    if seen <= min(size, shared):
        verified(bundle, trust)
        return
    with pytest.raises(BundleError) as caught:
        verified(bundle, trust)
    later = "SplitViewError" if seen == size else "ForkError"
    expected = "RollbackError" if seen > size else later
    assert (caught.value.step, type(caught.value.cause).__name__) == (7, expected)


def test_a_summary_counts_by_verb_kind_party_and_time():
    early = event_bytes(event(3, at=BEGIN - timedelta(days=1)))
    found = verified(LyingLog([*events(26), early]).bundle()).summary
    assert found.events == 27
    assert (found.first, found.last) == (BEGIN - timedelta(days=1), BEGIN + timedelta(hours=25))
    assert found.backdated == 1
    assert found.withheld == 5
    assert found.by_verb == {
        "collection": 1, "alteration": 1, "consultation": 4, "disclosure": 3, "combination": 1,
        "erasure": 1, "decision": 8, "preparation": 8,
    }  # fmt: skip
    assert found.by_kind["secret.distributed"] == 2
    assert found.by_party == {"care": 9, "health": 8, "police": 10}


def test_the_events_are_visited_in_order():
    seen = []
    verified(LyingLog(events(4)).bundle(), visit=lambda number, one: seen.append((number, one)))
    assert seen == [(number + 1, event(number)) for number in range(4)]


def test_what_others_have_signed_is_counted():
    bundle = LyingLog(events(4)).bundle()
    assert verified(bundle).other_signatures == 0
    assert verified(bundle, Trust(parse_keys([str(KEYS.log)]), 0)).other_signatures == 2


def test_an_earlier_checkpoint_of_another_log_is_the_callers_fault():
    with pytest.raises(ValueError, match="another log"):
        Trust(KEYS, 2, empty_checkpoint("other.example"))


def test_a_head_comes_back_from_its_lines():
    head = BundleHead(KEYS, LyingLog(events(4)).note())
    lines = iter(as_lines(b"".join(bundle_lines(head, [b"an event"]))))
    assert read_head(lines) == head
    assert list(lines) == [b"an event\n"]


def test_sections_and_lines_without_end_are_refused():
    endless = (b"x\n" for _ in iter(int, 1))
    with pytest.raises(LogError):
        read_head(endless)
    start = [b"concord.log-bundle/1\n", b"== keys ==\n"]
    with pytest.raises(MalformedError, match="more than"):
        read_head(iter([*start, *[str(KEYS.log).encode() + b"\n"] * 2000]))
    with pytest.raises(BundleError):
        verified(LyingLog(events(1)).bundle() + b"x" * MOST_LINE + b"\n")


@pytest.mark.parametrize(("size", "good"), [(12_000, True), (13_000, False)])
def test_no_line_of_a_bundle_is_longer_than_an_event_can_be(size, good):
    log = LyingLog(events(1))
    strange = NoteSignature("stranger", b"1234", b"x" * size)
    bundle = log.bundle(note=log.note().with_signatures(strange))
    if good:
        assert verified(bundle).other_signatures == 1
    else:
        with pytest.raises(BundleError, match="longer than any can be"):
            verified(bundle)


def test_a_thousand_events_are_quick():
    """A hundredth of the 10^5 events that may take ten seconds, with room for a slow machine."""
    bundle = LyingLog(events(1000)).bundle()
    started = time.process_time()
    verified(bundle)
    assert time.process_time() - started < 0.5
