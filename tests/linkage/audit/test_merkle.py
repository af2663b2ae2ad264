"""The tree against the definitions of RFC 9162, known answers, and another implementation."""

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymerkle import InmemoryTree

from linkage.audit.failures import ProofError
from linkage.audit.merkle import (
    EMPTY_ROOT,
    leaf_hash,
    node_hash,
    verify_consistency,
    verify_inclusion,
)
from linkage.audit.tree import Frontier, Tree
from tests.linkage.audit.bits import flipped

SIZES = range(65)
ENTRIES = [f"entry {number}".encode() for number in range(max(SIZES))]

# The leaves and roots of the reference tests of Certificate Transparency.
CT_LEAVES = [
    bytes.fromhex(leaf)
    for leaf in (
        "", "00", "10", "2021", "3031", "40414243", "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]  # fmt: skip
CT_ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


def grown(entries):
    tree = Tree()
    for entry in entries:
        tree.append(leaf_hash(entry))
    return tree


def defined_root(entries):
    """MTH of section 2.1.1, as it stands there."""
    if not entries:
        return sha256(b"").digest()
    if len(entries) == 1:
        return sha256(b"\0" + entries[0]).digest()
    k = defined_split(len(entries))
    return sha256(b"\1" + defined_root(entries[:k]) + defined_root(entries[k:])).digest()


def defined_split(n):
    k = 1
    while 2 * k < n:
        k *= 2
    return k


def defined_path(m, entries):
    """PATH of section 2.1.3.1."""
    if len(entries) == 1:
        return []
    k = defined_split(len(entries))
    if m < k:
        return [*defined_path(m, entries[:k]), defined_root(entries[k:])]
    return [*defined_path(m - k, entries[k:]), defined_root(entries[:k])]


def defined_subproof(m, entries, whole):
    """SUBPROOF of section 2.1.4.1."""
    if m == len(entries):
        return [] if whole else [defined_root(entries)]
    k = defined_split(len(entries))
    if m <= k:
        return [*defined_subproof(m, entries[:k], whole), defined_root(entries[k:])]
    return [*defined_subproof(m - k, entries[k:], False), defined_root(entries[:k])]


TREE = grown(ENTRIES)


def test_roots_of_the_reference():
    tree = grown(CT_LEAVES)
    assert [tree.root(size).hex() for size in range(len(CT_ROOTS))] == CT_ROOTS


@pytest.mark.parametrize("size", SIZES)
def test_roots_as_pymerkle_and_as_defined(size):
    other = InmemoryTree(algorithm="sha256")
    frontier = Frontier()
    for entry in ENTRIES[:size]:
        other.append_entry(entry)
        frontier.append(leaf_hash(entry))
    assert TREE.root(size) == frontier.root() == defined_root(ENTRIES[:size])
    assert other.get_root(size) == TREE.root(size)
    assert frontier.size == size


@pytest.mark.parametrize("size", [1, 2, 3, 7, 8, 9, 31, 33, 64])
def test_inclusion_proofs_as_pymerkle_and_as_defined(size):
    other = InmemoryTree(algorithm="sha256")
    for entry in ENTRIES[:size]:
        other.append_entry(entry)
    for index in range(size):
        path = TREE.inclusion_proof(index, size)
        assert path == defined_path(index, ENTRIES[:size])
        theirs = other.prove_inclusion(index + 1, size).serialize()["path"]
        assert [node.hex() for node in path] == theirs[1:]


def test_every_inclusion_proof_up_to_64_leaves_verifies():
    for size in SIZES:
        for index in range(size):
            path = TREE.inclusion_proof(index, size)
            verify_inclusion(leaf_hash(ENTRIES[index]), index, size, path, TREE.root(size))


def test_every_consistency_proof_up_to_64_leaves_verifies_and_is_as_defined():
    for second in SIZES:
        for first in range(second + 1):
            path = TREE.consistency_proof(first, second)
            if 0 < first < second:
                assert path == defined_subproof(first, ENTRIES[:second], True)
            verify_consistency(first, second, path, TREE.root(first), TREE.root(second))


def test_no_leaf_is_proved_in_anothers_place():
    for size in (1, 2, 5, 8, 13):
        for index in range(size):
            path = TREE.inclusion_proof(index, size)
            for wrong in {*range(size + 2)} - {index}:
                with pytest.raises(ProofError):
                    verify_inclusion(leaf_hash(ENTRIES[index]), wrong, size, path, TREE.root(size))


def test_no_size_is_proved_in_anothers_place():
    """A path of another size may fit a root by its shape alone; then the sizes' roots differ."""
    for second in range(2, 18):
        for first in range(1, second):
            path = TREE.consistency_proof(first, second)
            for wrong in {*range(20)} - {first}:
                with pytest.raises(ProofError):
                    verify_consistency(wrong, second, path, TREE.root(wrong), TREE.root(second))


@pytest.mark.parametrize("size", [1, 2, 7, 12])
def test_every_flipped_bit_of_an_inclusion_proof_is_refused(size):
    for index in range(size):
        leaf, path = leaf_hash(ENTRIES[index]), TREE.inclusion_proof(index, size)
        root = TREE.root(size)
        for wrong in flipped(ENTRIES[index]):
            with pytest.raises(ProofError):
                verify_inclusion(leaf_hash(wrong), index, size, path, root)
        for wrong in flipped(root):
            with pytest.raises(ProofError):
                verify_inclusion(leaf, index, size, path, wrong)
        for place, node in enumerate(path):
            for wrong in flipped(node):
                changed = [*path[:place], wrong, *path[place + 1 :]]
                with pytest.raises(ProofError):
                    verify_inclusion(leaf, index, size, changed, root)


@pytest.mark.parametrize(("first", "second"), [(1, 2), (3, 7), (4, 7), (6, 13), (8, 8), (0, 5)])
def test_every_flipped_bit_of_a_consistency_proof_is_refused(first, second):
    path, roots = TREE.consistency_proof(first, second), (TREE.root(first), TREE.root(second))
    for wrong in flipped(roots[0]):
        with pytest.raises(ProofError):
            verify_consistency(first, second, path, wrong, roots[1])
    if first:
        for wrong in flipped(roots[1]):
            with pytest.raises(ProofError):
                verify_consistency(first, second, path, roots[0], wrong)
    for place, node in enumerate(path):
        for wrong in flipped(node):
            changed = [*path[:place], wrong, *path[place + 1 :]]
            with pytest.raises(ProofError):
                verify_consistency(first, second, changed, *roots)


@pytest.mark.parametrize("change", [lambda p: p[1:], lambda p: p[:-1], lambda p: [*p, p[0]],
                                    lambda p: [p[0], *p], lambda p: [p[0][:31], *p[1:]],
                                    lambda p: [p[0] + b"\0", *p[1:]], lambda p: p[:0]])  # fmt: skip
def test_longer_and_shorter_proofs_are_refused(change):
    path = TREE.inclusion_proof(3, 11)
    with pytest.raises(ProofError):
        verify_inclusion(leaf_hash(ENTRIES[3]), 3, 11, change(path), TREE.root(11))
    path = TREE.consistency_proof(6, 11)
    with pytest.raises(ProofError):
        verify_consistency(6, 11, change(path), TREE.root(6), TREE.root(11))


def test_proofs_of_smaller_and_larger_trees_are_refused():
    """A path to the root that is given, if only the size weren't another."""
    path, leaf = TREE.inclusion_proof(1, 8), leaf_hash(ENTRIES[1])
    with pytest.raises(ProofError, match="too long"):
        verify_inclusion(leaf, 1, 4, path, TREE.root(8))
    with pytest.raises(ProofError, match="too short"):
        verify_inclusion(leaf, 1, 16, path, TREE.root(8))
    path, roots = TREE.consistency_proof(3, 8), (TREE.root(3), TREE.root(8))
    with pytest.raises(ProofError, match="too long"):
        verify_consistency(3, 4, path, *roots)
    with pytest.raises(ProofError, match="too short"):
        verify_consistency(3, 16, path, *roots)


def test_bytes_never_move_from_a_hash_to_its_neighbour():
    """H(left || right) is the same wherever the two part, so that lengths must be right."""
    left, right = leaf_hash(ENTRIES[0]), leaf_hash(ENTRIES[1])
    verify_inclusion(left, 0, 2, [right], TREE.root(2))
    with pytest.raises(ProofError, match="31 bytes"):
        verify_inclusion(left[:31], 0, 2, [left[31:] + right], TREE.root(2))
    with pytest.raises(ProofError, match="33 bytes"):
        verify_consistency(1, 2, [left[31:] + right], left[:31] + b"\0", TREE.root(2))


def test_a_node_is_never_taken_for_a_leaf():
    left, right = leaf_hash(b"a"), leaf_hash(b"b")
    assert leaf_hash(left + right) != node_hash(left, right)
    with pytest.raises(ProofError):
        verify_inclusion(leaf_hash(left + right), 0, 1, [], node_hash(left, right))


def test_sizes_that_make_no_sense_are_refused():
    root = TREE.root(5)
    for first, second in [(6, 5), (-1, 5), (5, 5)]:
        with pytest.raises(ProofError):
            verify_consistency(first, second, [root], root, root)
    for index, size in [(5, 5), (-1, 5), (0, 0)]:
        with pytest.raises(ProofError):
            verify_inclusion(root, index, size, [], root)
    with pytest.raises(ProofError):
        verify_consistency(0, 0, [], root, root)
    verify_consistency(0, 5, [], EMPTY_ROOT, root)


@pytest.mark.parametrize("call", [lambda: TREE.root(99), lambda: TREE.inclusion_proof(3, 3),
                                  lambda: TREE.inclusion_proof(-1, 3),
                                  lambda: TREE.consistency_proof(4, 3)])  # fmt: skip
def test_asking_for_what_the_tree_has_not_is_the_callers_fault(call):
    with pytest.raises(IndexError):
        call()


@given(st.integers(1, 3000), st.data())
def test_proofs_of_larger_trees(second, data):
    first = data.draw(st.integers(0, second))
    index = data.draw(st.integers(0, second - 1))
    tree = LARGE
    path = tree.consistency_proof(first, second)
    verify_consistency(first, second, path, tree.root(first), tree.root(second))
    path = tree.inclusion_proof(index, second)
    verify_inclusion(leaf_hash(str(index).encode()), index, second, path, tree.root(second))
    assert len(path) <= second.bit_length()


LARGE = grown([str(number).encode() for number in range(3000)])


def test_appending_returns_every_complete_node_once():
    frontier, stored = Frontier(), {}
    for entry in ENTRIES[:37]:
        for level, index, node in frontier.append(leaf_hash(entry)):
            assert (level, index) not in stored
            stored[level, index] = node
    assert len(stored) == sum(37 >> level for level in range(6))
    assert all(TREE.node(level, index) == node for (level, index), node in stored.items())


@pytest.mark.parametrize("size", [0, 1, 2, 7, 8, 21])
def test_a_frontier_goes_on_from_stored_nodes(size):
    frontier = Frontier(TREE.node, size)
    assert (frontier.size, frontier.root()) == (size, TREE.root(size))
    for entry in ENTRIES[size:37]:
        frontier.append(leaf_hash(entry))
    assert frontier.root() == TREE.root(37)
