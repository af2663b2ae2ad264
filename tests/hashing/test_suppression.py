"""Local suppression: what is repeated is hidden, what isn't stays as it is."""

import hashlib

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hashing.secret import LinkageSecret
from hashing.suppression import RepeatFinder, fingerprints, keyed_fill
from linkage.encodings import GroupLayout

LAYOUT = (GroupLayout("A", 128), GroupLayout("B", 64))
# Few values, so that they meet; groups that are null; records with several rows.
ROWS = st.lists(
    st.tuples(
        st.integers(0, 5), st.integers(0, 3), st.integers(0, 3), st.booleans(), st.booleans()
    ),
    min_size=1,
    max_size=40,
)


SECRET = LinkageSecret(b"an agency's secret for the tests!")


def fill_of(rows):
    return keyed_fill(SECRET, "police", pa.array([str(row[0]) for row in rows], pa.string()))


def extract(rows):
    tokens = np.zeros((len(rows), 16), np.uint8)
    bits = np.zeros((len(rows), 2, 2), np.uint64)
    present = np.zeros((len(rows), 2), bool)
    for i, (record, a, b, has_a, has_b) in enumerate(rows):
        tokens[i] = np.frombuffer(record.to_bytes(16, "little"), np.uint8)
        bits[i, 0] = (a + 1, (a + 1) << 40) if has_a else 0
        bits[i, 1, 0] = b << 62 | 1 if has_b else 0
        present[i] = has_a, has_b
    return tokens, bits, present


def hide(rows, cut=None, *, alternates):
    tokens, bits, present = extract(rows)
    finder = RepeatFinder(LAYOUT, alternates=alternates)
    for part in (slice(0, cut), slice(cut, None)) if cut is not None else (slice(None),):
        finder.add(tokens[part], bits[part], present[part])
    shown, hidden = finder.repeats().hide(bits, present, fill_of(rows))
    return bits, present, shown, hidden


@given(ROWS, st.integers(0, 40), st.booleans())
def test_exactly_what_another_record_has_too_is_hidden(rows, cut, alternates):
    bits, present, shown, hidden = hide(rows, cut, alternates=alternates)
    for g in range(2):
        for i, row in enumerate(rows):
            others = [
                j
                for j, other in enumerate(rows)
                if i != j and present[j, g] and (other[0] != row[0] or not alternates)
            ]
            same = any((bits[i, g] == bits[j, g]).all() for j in others)
            assert hidden[i, g] == (present[i, g] and same)
    assert (shown[~hidden] == bits[~hidden]).all()
    assert (shown[:, 1, 1] == 0).all()


def test_what_is_hidden_looks_random_and_is_of_no_two_alike():
    rows = [(i, 1, 1, True, True) for i in range(2000)]
    _, _, shown, hidden = hide(rows, alternates=False)
    assert hidden.all()
    a = np.unpackbits(np.ascontiguousarray(shown[:, 0]).view(np.uint8), axis=1)
    assert a.mean() == pytest.approx(0.5, abs=0.01)
    assert len(np.unique(shown[:, 0], axis=0)) == 2000
    assert len(np.unique(shown[:, 1, 0])) == 2000


def test_nothing_in_nothing_out():
    shown, hidden = (
        RepeatFinder(LAYOUT, alternates=False)
        .repeats()
        .hide(np.zeros((0, 2, 2), np.uint64), np.zeros((0, 2), bool), fill_of([]))
    )
    assert shown.shape == (0, 2, 2)
    assert hidden.shape == (0, 2)


@given(st.integers(0, 127), st.integers(0, 127))
def test_fingerprints_tell_near_bits_apart(first, second):
    bits = np.zeros((2, 1, 2), np.uint64)
    for row, bit in enumerate((first, second)):
        bits[row, 0, bit // 64] = np.uint64(1) << np.uint64(bit % 64)
    a, b = fingerprints(bits)[:, 0]
    assert (a == b) == (first == second)


def test_what_hides_a_group_is_a_keyed_function_of_the_record():
    group = GroupLayout("GS", 640)
    fill = fill_of([("r1",), ("r2",), ("r1",)])
    found = fill(group, np.array([0, 1, 2]))
    key = SECRET.derive(b"concord/1/hidden/police/GS", 32)
    blocks = [
        hashlib.blake2b(b"r1", key=key, salt=block.to_bytes(2, "little")).digest()
        for block in range(2)
    ]
    assert found[0].astype("<u8").tobytes() == b"".join(blocks)[:80]
    assert (found[0] == found[2]).all()
    assert (found[0] != found[1]).all()
    assert (fill(group, np.array([1])) == found[1]).all()
    assert (fill(GroupLayout("GD", 640), np.array([0])) != found[0]).all()
    others = keyed_fill(SECRET, "care", pa.array(["r1"], pa.string()))(group, np.array([0]))
    assert (others != found[0]).all()
