"""linkage/audit/SPEC.md says what is true, and enough for a second implementation."""

import json
import re
from hashlib import sha256
from itertools import islice
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linkage.audit import events as events_module
from linkage.audit.failures import BundleError
from linkage.audit.kinds import KINDS, VERBS
from linkage.audit.verification import STEPS, Trust, verify_bundle
from linkage.wording import IDENTIFYING
from tests.linkage.audit.bits import flipped
from tests.linkage.audit.made_up import KEYS, LyingLog, as_lines, event, events
from tests.linkage.audit.reference import verify
from tests.linkage.audit.scenarios import FOLDER

SPEC = (Path(events_module.__file__).parent / "SPEC.md").read_text(encoding="utf-8")
EXAMPLE = SPEC.split("```\n")[1].encode()
OWN_KEYS = str(KEYS).splitlines()


def kinds_of_the_spec():
    found = {}
    for verb, cells in re.findall(r"^\| ([a-z]+) \| (`[a-z]+\..*) \|$", SPEC, re.MULTILINE):
        for name, star in re.findall(r"`([a-z.-]+)`(\\\*)?", cells):
            found[name] = (verb, bool(star))
    return found


SPEC_KINDS = kinds_of_the_spec()


def first(bundle, least=2):
    """Return what our implementation says, in the words of the vectors."""
    try:
        verify_bundle(iter(as_lines(bundle)), "log.txt", Trust(KEYS, least))
    except BundleError as failed:
        step, kind = STEPS[failed.step - 1], type(failed.cause).__name__
        return {"step": step, "failure": kind, "event": failed.event}
    return "ok"


def second(bundle, least=2):
    return verify(bundle, OWN_KEYS, least, None, SPEC_KINDS)


def test_the_example_is_true():
    assert first(EXAMPLE) == second(EXAMPLE) == "ok"
    one, two = (sha256(b"\0" + line.strip()).hexdigest() for line in EXAMPLE.splitlines()[-2:])
    root = sha256(b"\1" + bytes.fromhex(one + two)).hexdigest()
    assert [*re.findall(r"`([0-9a-f]{64})`", SPEC)] == [one, two, root]


def test_the_kinds_are_those_of_the_table():
    assert {name: (kind.verb, kind.withheld) for name, kind in KINDS.items()} == SPEC_KINDS
    assert [*dict.fromkeys(verb for verb, _ in SPEC_KINDS.values())] == list(VERBS)


def test_the_pattern_of_justifications_is_that_of_the_code():
    assert f"\n{IDENTIFYING.pattern}\n" in SPEC


@pytest.mark.parametrize("name", sorted(path.stem for path in FOLDER.glob("*.json")))
def test_a_second_implementation_gives_the_outcome_of_every_vector(name):
    case = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    bundle = "".join(case["bundle"]).encode()
    found = verify(bundle, case["keys"], case["least_witnesses"], case["earlier"], SPEC_KINDS)
    assert found == case["expect"]


def test_both_implementations_agree_on_flipped_bits():
    one_event = LyingLog(events(1)).bundle()
    for wrong in islice(flipped(one_event), 0, None, 7):
        assert first(wrong) == second(wrong) != "ok"


@given(st.data())
def test_both_implementations_agree_on_signed_nonsense(data):
    """The operator signs for an event that a hand has changed, so that only its form can fail."""
    entry = bytearray(LyingLog([*events(1, data.draw(st.integers(0, 25)))]).entries[0])
    for _ in range(data.draw(st.integers(1, 3))):
        start = data.draw(st.integers(0, len(entry)))
        new = st.sampled_from([b"", b"0", b'"', b"}", b"{", b",", b"1e3", b"null", b"\\u0041"])
        entry[start : start + data.draw(st.integers(0, 5))] = data.draw(new | st.binary(max_size=3))
    bundle = LyingLog([bytes(entry)]).bundle()
    assert first(bundle) == second(bundle)


@given(st.data())
def test_both_implementations_agree_on_signed_changes_of_members(data):
    one = event(data.draw(st.integers(0, 25))).to_json()
    value = st.one_of(
        st.none(), st.booleans(), st.integers(-1, 2**54), st.text(max_size=4),
        st.lists(st.sampled_from(["care", "police", ""]), max_size=3), st.just({}),
        st.dictionaries(st.sampled_from(["a", "A-1", "1", ""]), st.integers(-1, 3), max_size=2),
        st.sampled_from(["2026-02-30T00:00:00Z", "0001-01-01T00:00:00Z", "a" * 501, "ok", "erasure",
                         "1 2 3 4 5 6", "ab1 2cd", "a\u00ad", "2026-01-01T24:00:00Z"]),
    )  # fmt: skip
    for member in data.draw(st.lists(st.sampled_from([*one, "more"]), min_size=1, max_size=2)):
        one[member] = data.draw(value)
    entry = json.dumps(one, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    bundle = LyingLog([entry]).bundle()
    assert first(bundle) == second(bundle)
