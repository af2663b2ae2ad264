"""Encodings of people with parts that differ in a known way, diffused as a scheme does it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from linkage.encodings import Encodings, GroupLayout, Header
from linkage.patterns import GroupComparison, correlation_levels

LENGTH = 128
_FILTER = 512
# Group by group, the parts that it joins and their diffusion.
GROUPS = {
    "GS": {"given": 4, "surname": 4},
    "GD": {"given": 4, "date": 4},
    "SD": {"surname": 4, "date": 4},
    "DP": {"date": 3, "place": 3},
    "GSP": {"given": 1, "surname": 1, "place": 2},
}
PARTS = ("given", "surname", "date", "place")
COMPARISONS = tuple(
    GroupComparison(name, LENGTH, "correlation", correlation_levels(LENGTH), tuple(parts.items()))
    for name, parts in GROUPS.items()
)
LAYOUT = tuple(GroupLayout(name, LENGTH) for name in GROUPS)


class Diffusion:
    """Draws, per group and part, which input bits each output bit is the XOR of."""

    def __init__(self, rng: np.random.Generator) -> None:
        self._chosen = {
            (group, part): rng.integers(0, _FILTER, (LENGTH, t))
            for group, parts in GROUPS.items()
            for part, t in parts.items()
        }

    def encode(self, filters: dict[str, NDArray[np.bool_]]) -> NDArray[np.uint64]:
        """Return bits, uint64 (n, groups, words), of filters bool (n, filter bits) by part."""
        groups = []
        for group, parts in GROUPS.items():
            bits = np.zeros((len(filters["given"]), LENGTH), np.bool_)
            for part in parts:
                bits ^= np.bitwise_xor.reduce(filters[part][:, self._chosen[group, part]], axis=2)
            groups.append(np.packbits(bits, axis=1, bitorder="little").view("<u8"))
        return np.stack(groups, axis=1).astype(np.uint64)


def agencies_of(
    seed: int, *, people: int, wrong: dict[str, float], near: float, missing_dates: float = 0.0
) -> tuple[list[Encodings], dict[bytes, int]]:
    """Return two agencies' encodings of the same people and some others, and whose each token is.

    In a record each part is another person's with probability ``wrong``, and has a twentieth of
    its bits flipped with probability ``near``.
    """
    rng = np.random.default_rng(seed)
    diffusion = Diffusion(rng)
    true = {part: rng.random((people, _FILTER)) < 0.5 for part in PARTS}
    files, whose = [], {}
    for agency in ("one", "two"):
        known = np.flatnonzero(rng.random(people) < 0.8)
        filters = {}
        for part in PARTS:
            flips = rng.random((len(known), _FILTER)) < 0.05
            flips &= (rng.random(len(known)) < near)[:, None]
            filters[part] = true[part][known] ^ flips
            other = rng.random(len(known)) < wrong[part]
            filters[part][other] = rng.random((int(other.sum()), _FILTER)) < 0.5
        present = np.ones((len(known), len(GROUPS)), np.bool_)
        undated = rng.random(len(known)) < missing_dates
        for g, parts in enumerate(GROUPS.values()):
            present[:, g] &= ~(undated & ("date" in parts))
        bits = np.where(present[:, :, None], diffusion.encode(filters), np.uint64(0))
        tokens = rng.integers(0, 256, (len(known), 16), dtype=np.uint8)
        files.append(Encodings(Header(agency, "00" * 32, LAYOUT), tokens, bits, present))
        whose |= {t.tobytes(): int(p) for t, p in zip(tokens, known, strict=True)}
    return files, whose
