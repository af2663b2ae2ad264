"""The records of all agencies laid end to end, in an order that no file can influence."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations, pairwise

import numpy as np
from numpy.typing import NDArray

from linkage.encodings import Encodings, join
from linkage.errors import InputError


@dataclass(frozen=True)
class Sources:
    """Every agency's encodings, agencies by name and records by token.

    ``names`` and ``clean`` per agency; agency *s* holds the rows ``starts[s]:starts[s + 1]`` of
    ``encodings``. ``source`` int32 (n,) is the agency of each row and ``counts`` int32
    (n, groups) its set bits.
    """

    names: tuple[str, ...]
    clean: NDArray[np.bool_]
    starts: NDArray[np.int64]
    encodings: Encodings
    source: NDArray[np.int32]
    counts: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.source)

    def rows(self, source: int) -> slice:
        """Return the rows of one agency."""
        return slice(int(self.starts[source]), int(self.starts[source + 1]))

    def size(self, source: int) -> int:
        """Return the number of records of one agency."""
        return int(self.starts[source + 1] - self.starts[source])

    def pairs(self) -> list[tuple[int, int]]:
        """Return every pair of agencies, in order."""
        return list(combinations(range(len(self.names)), 2))

    def total_pairs(self) -> int:
        """Return the number of pairs of records from different agencies."""
        return sum(self.size(a) * self.size(b) for a, b in self.pairs())


def gather(files: list[Encodings], clean: dict[str, bool]) -> Sources:
    """Lay the files' records end to end.

    ``clean`` says of each agency whether it holds each person at most once. Raises `InputError`
    for fewer than two files or two of one agency.
    """
    ordered = sorted(files, key=lambda file: file.header.agency)
    names = tuple(file.header.agency for file in ordered)
    if len(names) < 2:
        raise InputError("Linking needs the encodings of at least two agencies.")
    for first, second in pairwise(names):
        if first == second:
            raise InputError(f"Two files are both from the agency {first!r}; give one per agency.")
    encodings = join([file.sorted_by_token() for file in ordered])
    starts = np.concatenate([[0], np.cumsum([len(file) for file in ordered])]).astype(np.int64)
    return Sources(
        names,
        np.array([clean[name] for name in names]),
        starts,
        encodings,
        np.repeat(np.arange(len(names), dtype=np.int32), np.diff(starts)),
        encodings.counts(),
    )
