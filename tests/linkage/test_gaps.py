"""The log since a proposal: complete, or found out."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from linkage.audit.checkpoint import Checkpoint
from linkage.audit.failures import LogError
from linkage.audit.merkle import leaf_hash
from linkage.audit.tree import Frontier, Tree
from linkage.errors import VerificationError
from linkage.gaps import Since, extend_since, frontier_before, require_whole, since_proposal
from tests.linkage.audit.made_up import events
from tests.linkage.test_entries import WHOLE, WHOLE_DIGEST, verified

EVENTS = events(70)
TREE = Tree()
for _event in EVENTS:
    TREE.append(leaf_hash(_event))


def proof_of(leaf: int, size: int) -> list[bytes]:
    return TREE.inclusion_proof(leaf, size)


def before(leaf: int, size: int) -> Since:
    return Since(leaf, frontier_before(leaf, size, proof_of(leaf, size)).roots)


def checkpoint(size: int) -> Checkpoint:
    return Checkpoint("a log", size, TREE.root(size))


def test_what_is_before_any_event_is_in_its_proof():
    for size in range(1, 71):
        for leaf in range(size):
            found = frontier_before(leaf, size, proof_of(leaf, size))
            whole = Frontier()
            for event in EVENTS[:leaf]:
                whole.append(leaf_hash(event))
            for event in EVENTS[leaf:size]:
                whole.append(leaf_hash(event))
                found.append(leaf_hash(event))
            assert (found.size, found.root()) == (size, whole.root())


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_no_event_is_left_out_put_in_or_changed(data: st.DataObject):
    size = data.draw(st.integers(1, 70))
    leaf = data.draw(st.integers(0, size - 1))
    since = EVENTS[leaf:size]
    at = data.draw(st.integers(0, len(since) - 1))
    other = EVENTS[(leaf + at + data.draw(st.integers(1, 69))) % 70]
    change = data.draw(st.sampled_from(("drop", "add", "swap")))
    end = at if change == "add" else at + 1
    changed = [*since[:at], *([] if change == "drop" else [other]), *since[end:]]
    known = before(leaf, size)
    assert extend_since(known, "0" * 64, since, checkpoint(size)).size == size
    with pytest.raises(LogError):
        extend_since(known, "0" * 64, changed, checkpoint(size))


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_what_is_known_is_gone_on_from(data: st.DataObject):
    """Read in two steps it is what it is in one, and no other log goes on from the first."""
    leaf, middle, size = sorted(data.draw(st.lists(st.integers(0, 69), min_size=3, max_size=3)))
    middle, size = middle + 1, size + 1
    known = extend_since(before(leaf, size), "0" * 64, EVENTS[leaf:middle], checkpoint(middle))
    whole = extend_since(before(leaf, size), "0" * 64, EVENTS[leaf:size], checkpoint(size))
    assert extend_since(known, "0" * 64, EVENTS[middle:size], checkpoint(size)) == whole
    other = Tree()
    for number, event in enumerate(EVENTS[:size]):
        other.append(leaf_hash(event if number != leaf else b"another"))
    fork = Checkpoint("a log", size, other.root(size))
    with pytest.raises(LogError):
        extend_since(known, "0" * 64, EVENTS[middle:size], fork)


@pytest.mark.parametrize("cut", [0, 1])
def test_a_proof_of_another_length_is_none(cut: int):
    with pytest.raises(LogError):
        frontier_before(37, 70, proof_of(37, 70)[:cut])


def since_the_proposal():
    file = verified(WHOLE, WHOLE_DIGEST)
    first, size = file.entries[0].leaf, file.checkpoint.size
    known = since_proposal(file, WHOLE.log.tree.inclusion_proof(first, size))
    return file, known, WHOLE.log.entries[first:size]


def test_a_whole_file_is_whole():
    file, known, since = since_the_proposal()
    found = require_whole(file, "recalled", known, since)
    assert [leaf for leaf, _ in found.about] == [entry.leaf for entry in file.entries]
    assert require_whole(file, "recalled", found, []) == found


@pytest.mark.parametrize("number", [2, 5, 7])
def test_a_message_kept_back_is_found_in_the_log(number: int):
    """Those without which the others still follow from each other."""
    file = WHOLE.file(WHOLE_DIGEST)
    del file["entered"][number]
    less = verified(WHOLE, WHOLE_DIGEST, file)
    file, known, since = since_the_proposal()
    for told in ((known, since), (require_whole(file, "recalled", known, since), [])):
        with pytest.raises(VerificationError, match="keeps back messages"):
            require_whole(less, "recalled", *told)


def test_an_end_is_in_the_log():
    file, known, since = since_the_proposal()
    for said in ("expired", "superseded"):
        with pytest.raises(VerificationError, match="nothing of the kind"):
            require_whole(file, said, known, since)
