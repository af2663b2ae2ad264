"""Hashes and proofs of the Merkle tree of RFC 9162, section 2.1, with SHA-256.

Hashes are 32 bytes. Sizes count leaves, indices start at 0. Everything here takes and returns
values; `linkage.audit.tree` holds trees and makes proofs.
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from hashlib import sha256

from linkage.audit.failures import ProofError

HASH_BYTES = 32
EMPTY_ROOT = sha256(b"").digest()


def leaf_hash(entry: bytes) -> bytes:
    """Return the hash of a leaf; the first byte keeps leaves and nodes apart."""
    return sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of an inner node."""
    return sha256(b"\x01" + left + right).digest()


def split_point(size: int) -> int:
    """Return the largest power of two below ``size``, which is at least 2."""
    return 1 << ((size - 1).bit_length() - 1)


def verify_inclusion(
    leaf: bytes, index: int, size: int, path: Sequence[bytes], root: bytes
) -> None:
    """Verify that the leaf with this hash is number ``index`` of the tree (section 2.1.3.2).

    Raises `ProofError`. The numbers in the comments are the steps of the RFC.
    """
    place = f"the inclusion proof of leaf {index} in a tree of {size}"
    if not 0 <= index < size:  # 1
        raise ProofError(f"{_sentence(place)} is for a leaf that isn't in the tree.")
    _require_hashes((leaf, root, *path), place)
    node, last, computed = index, size - 1, leaf  # 2, 3
    for sibling in path:  # 4
        if last == 0:
            raise ProofError(f"{_sentence(place)} is too long.")
        if node & 1 or node == last:
            computed = node_hash(sibling, computed)
            node, last = _up_to_right_child(node, last)
        else:
            computed = node_hash(computed, sibling)
        node, last = node >> 1, last >> 1
    if last != 0:  # 5
        raise ProofError(f"{_sentence(place)} is too short.")
    _require_root(computed, root, place)


def verify_consistency(
    first: int, second: int, path: Sequence[bytes], first_root: bytes, second_root: bytes
) -> None:
    """Verify that the tree of size ``second`` begins with that of size ``first`` (2.1.4.2).

    Where the RFC defines no proof, there is only the empty one: between equal trees, and from the
    empty tree, with which every tree begins. Raises `ProofError`.
    """
    place = f"the consistency proof from size {first} to size {second}"
    if not 0 <= first <= second:
        raise ProofError(f"{_sentence(place)} leads backwards.")
    _require_hashes((first_root, second_root), place)
    if first in {0, second}:
        if path:
            raise ProofError(f"{_sentence(place)} must be empty.")
        if first == 0:
            _require_root(first_root, EMPTY_ROOT, place)
        if first == second:
            _require_root(second_root, first_root, place)
        return
    _require_hashes(path, place)
    if not path:  # 1
        raise ProofError(f"{_sentence(place)} is empty.")
    hashes = [first_root, *path] if first & (first - 1) == 0 else list(path)  # 2
    old, new = _both_roots(first, second, hashes, place)
    _require_root(old, first_root, place)
    _require_root(new, second_root, place)


def _both_roots(
    first: int, second: int, hashes: Sequence[bytes], place: str
) -> tuple[bytes, bytes]:
    """Compute the roots of both trees from a consistency proof: steps 3 to 7 of the RFC."""
    node, last = first - 1, second - 1  # 3
    while node & 1:  # 4
        node, last = node >> 1, last >> 1
    old = new = hashes[0]  # 5
    for sibling in hashes[1:]:  # 6
        if last == 0:
            raise ProofError(f"{_sentence(place)} is too long.")
        if node & 1 or node == last:
            old, new = node_hash(sibling, old), node_hash(sibling, new)
            node, last = _up_to_right_child(node, last)
        else:
            new = node_hash(new, sibling)
        node, last = node >> 1, last >> 1
    if last != 0:  # 7
        raise ProofError(f"{_sentence(place)} is too short.")
    return old, new


def _up_to_right_child(node: int, last: int) -> tuple[int, int]:
    """Leave out the levels at which the node is the last one and has no sibling."""
    while not node & 1 and node:
        node, last = node >> 1, last >> 1
    return node, last


def _require_hashes(hashes: Sequence[bytes], place: str) -> None:
    for hashed in hashes:
        if len(hashed) != HASH_BYTES:
            raise ProofError(f"{_sentence(place)} has {len(hashed)} bytes in place of a hash.")


def _require_root(computed: bytes, root: bytes, place: str) -> None:
    if not hmac.compare_digest(computed, root):
        raise ProofError(
            f"{_sentence(place)} leads to {computed.hex()[:16]}…, not to {root.hex()[:16]}…."
        )


def _sentence(place: str) -> str:
    return place[0].upper() + place[1:]
