"""Trees that grow: what a log keeps so that appending and proving take O(log n) steps.

A *complete node* (level, index) is the root of the 2^level leaves from index · 2^level on. Such a
node never changes once it exists, so a store can keep it for good; roots and proofs of every size
the log ever had follow from complete nodes alone.
"""

from __future__ import annotations

from collections.abc import Callable

from linkage.audit.merkle import EMPTY_ROOT, HASH_BYTES, node_hash, split_point

Nodes = Callable[[int, int], bytes]
"""Returns the hash of the complete node (level, index)."""


class Frontier:
    """The right edge of a tree: enough to append and to know the root, in O(log n) memory."""

    def __init__(self, nodes: Nodes | None = None, size: int = 0) -> None:
        """Begin with the empty tree, or go on from the first ``size`` leaves of stored nodes."""
        self._size = size
        # Of complete subtrees, from the largest to the smallest.
        self._roots = [] if nodes is None else _complete_roots(nodes, 0, size)

    @property
    def size(self) -> int:
        """The number of leaves."""
        return self._size

    @property
    def roots(self) -> tuple[bytes, ...]:
        """The complete subtrees above the leaves, from the largest to the smallest."""
        return tuple(self._roots)

    def append(self, leaf: bytes) -> list[tuple[int, int, bytes]]:
        """Append a leaf by its hash.

        Returns the complete nodes that it brings, as (level, index, hash), from the leaf upwards.
        """
        added = [(0, self._size, leaf)]
        level, index, node = 0, self._size, leaf
        while index & 1:
            node = node_hash(self._roots.pop(), node)
            level, index = level + 1, index >> 1
            added.append((level, index, node))
        self._roots.append(node)
        self._size += 1
        return added

    def root(self) -> bytes:
        """Return the root of the leaves appended so far."""
        return _fold(self._roots)


class Tree:
    """A tree in memory: 64 bytes a leaf, any earlier root and every proof in O(log n)."""

    def __init__(self) -> None:
        self._frontier = Frontier()
        self._levels: list[bytearray] = []

    @property
    def size(self) -> int:
        """The number of leaves."""
        return self._frontier.size

    def append(self, leaf: bytes) -> None:
        """Append a leaf by its hash."""
        for level, _, node in self._frontier.append(leaf):
            if level == len(self._levels):
                self._levels.append(bytearray())
            self._levels[level] += node

    def node(self, level: int, index: int) -> bytes:
        """Return the hash of a complete node."""
        return bytes(self._levels[level][index * HASH_BYTES : (index + 1) * HASH_BYTES])

    def root(self, size: int | None = None) -> bytes:
        """Return the root of the first ``size`` leaves, or of all."""
        size = self.size if size is None else size
        self._require(0 <= size <= self.size)
        return tree_root(self.node, size)

    def inclusion_proof(self, index: int, size: int) -> list[bytes]:
        """Return the proof that leaf ``index`` is in the tree of the first ``size`` leaves."""
        self._require(0 <= index < size <= self.size)
        return inclusion_proof(self.node, index, size)

    def consistency_proof(self, first: int, second: int) -> list[bytes]:
        """Return the proof that the tree of size ``second`` begins with that of ``first``."""
        self._require(0 <= first <= second <= self.size)
        return consistency_proof(self.node, first, second)

    def _require(self, possible: bool) -> None:
        if not possible:
            raise IndexError(f"The tree has {self.size} leaves.")


def tree_root(nodes: Nodes, size: int) -> bytes:
    """Return the root of the first ``size`` leaves (section 2.1.1)."""
    return _range_hash(nodes, 0, size)


def inclusion_proof(nodes: Nodes, index: int, size: int) -> list[bytes]:
    """Return PATH(index, D[0:size]) of section 2.1.3.1; needs 0 ≤ index < size."""
    path: list[bytes] = []
    start, end = 0, size
    while end - start > 1:
        middle = start + split_point(end - start)
        if index < middle:
            path.append(_range_hash(nodes, middle, end))
            end = middle
        else:
            path.append(_range_hash(nodes, start, middle))
            start = middle
    return path[::-1]


def consistency_proof(nodes: Nodes, first: int, second: int) -> list[bytes]:
    """Return PROOF(first, D[0:second]) of section 2.1.4.1; needs 0 ≤ first ≤ second.

    Empty where the RFC defines none: from the empty tree, and between equal trees.
    """
    if first in {0, second}:
        return []
    path: list[bytes] = []
    start, end = 0, second
    while end != first:
        middle = start + split_point(end - start)
        if first <= middle:
            path.append(_range_hash(nodes, middle, end))
            end = middle
        else:
            path.append(_range_hash(nodes, start, middle))
            start = middle
    if start:
        path.append(_range_hash(nodes, start, end))
    return path[::-1]


def _range_hash(nodes: Nodes, start: int, end: int) -> bytes:
    """Return the hash of the leaves from start up to end, where a node of the tree begins."""
    return _fold(_complete_roots(nodes, start, end))


def _complete_roots(nodes: Nodes, start: int, end: int) -> list[bytes]:
    """Return the complete nodes, from large to small, that lie side by side above a range."""
    roots = []
    while start < end:
        level = (end - start).bit_length() - 1
        roots.append(nodes(level, start >> level))
        start += 1 << level
    return roots


def _fold(roots: list[bytes]) -> bytes:
    """Return the root above such nodes."""
    if not roots:
        return EMPTY_ROOT
    computed = roots[-1]
    for left in reversed(roots[:-1]):
        computed = node_hash(left, computed)
    return computed
