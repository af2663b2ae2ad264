"""Encodings made straight from random bits, for tests that need no names."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from linkage.encodings import Encodings, GroupLayout, Header
from linkage.patterns import GroupComparison, correlation_levels
from linkage.sources import Sources, gather

LAYOUT = tuple(GroupLayout(name, 256) for name in ("A", "B", "C", "D"))
COMPARISONS = tuple(
    GroupComparison(group.name, group.length, "correlation", correlation_levels(group.length))
    for group in LAYOUT
)


@dataclass(frozen=True)
class World:
    """Agencies' encodings, and the true person of each token."""

    files: list[Encodings]
    person: dict[bytes, int]

    def sources(self, *unclean: str) -> Sources:
        names = [file.header.agency for file in self.files]
        return gather(self.files, {name: name not in unclean for name in names})

    def people_of(self, sources: Sources) -> NDArray[np.int64]:
        return np.array([self.person[token.tobytes()] for token in sources.tokens])


def random_bits(rng: np.random.Generator, *shape: int) -> NDArray[np.uint64]:
    return rng.integers(0, 2**64, shape, dtype=np.uint64, endpoint=False)


def make_world(
    seed: int,
    *,
    people: int = 600,
    agencies: int = 3,
    share: float = 0.6,
    flips: float = 0.06,
    missing: float = 0.05,
    noise: float = 0.15,
    copies: float = 0.0,
    digest: str = "00" * 32,
    layout: tuple[GroupLayout, ...] = LAYOUT,
) -> World:
    """Each agency knows a share of the people; groups are damaged, missing or wholly different.

    It holds a share ``copies`` of them twice, each time damaged in another way.
    """
    rng = np.random.default_rng(seed)
    words = max(group.length for group in layout) // 64
    used = np.stack([np.arange(words) < group.length // 64 for group in layout])
    truth = random_bits(rng, people, len(layout), words)
    files, person = [], {}
    for agency in range(agencies):
        known = np.flatnonzero(rng.random(people) < share)
        if copies:
            known = np.concatenate([known, known[rng.random(len(known)) < copies]])
        bits = truth[known] ^ _flips(rng, (len(known), len(layout), words), flips)
        other = rng.random((len(known), len(layout))) < noise
        bits[other] = random_bits(rng, int(other.sum()), words)
        present = rng.random((len(known), len(layout))) >= missing
        tokens = rng.integers(0, 256, (len(known), 16), dtype=np.uint8)
        header = Header(f"agency{agency}", digest, layout)
        files.append(Encodings(header, tokens, bits * present[:, :, None] * used, present))
        person.update((token.tobytes(), int(p)) for token, p in zip(tokens, known, strict=True))
    return World(files, person)


def _flips(
    rng: np.random.Generator, shape: tuple[int, int, int], share: float
) -> NDArray[np.uint64]:
    flipped = rng.random((*shape, 64)) < share
    return np.packbits(flipped, axis=-1).view(np.uint64)[..., 0]
