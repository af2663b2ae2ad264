"""The records of all agencies laid end to end, in an order that no file can influence."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations_with_replacement, pairwise

import numpy as np
from numpy.typing import NDArray

from linkage.encodings import Encodings, Header, comparable, join
from linkage.errors import InputError


@dataclass(frozen=True)
class Sources:
    """Every agency's records, agencies by name and records by token.

    ``names`` and ``clean`` per agency; agency *s* holds the records ``starts[s]:starts[s + 1]``.
    Per record, ``source`` int32 (records,) is its agency and ``tokens`` uint8 (records, 16) its
    token. A record is one row of ``encodings``, or several where it has alternates: ``record``
    int32 (rows,) says whose each row is, rising, and ``counts`` int32 (rows, groups) are its set
    bits.
    """

    names: tuple[str, ...]
    clean: NDArray[np.bool_]
    starts: NDArray[np.int64]
    source: NDArray[np.int32]
    tokens: NDArray[np.uint8]
    encodings: Encodings
    record: NDArray[np.int32]
    counts: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.source)

    def records(self, source: int) -> slice:
        """Return the records of one agency."""
        return slice(int(self.starts[source]), int(self.starts[source + 1]))

    def rows(self, source: int) -> slice:
        """Return the rows of one agency's records."""
        first, last = np.searchsorted(self.record, self.starts[source : source + 2])
        return slice(int(first), int(last))

    def has_alternates(self) -> bool:
        """Return whether any record has more than one row."""
        return len(self.record) > len(self.source)

    def size(self, source: int) -> int:
        """Return the number of records of one agency."""
        return int(self.starts[source + 1] - self.starts[source])

    def find(self, source: int, tokens: NDArray[np.uint8]) -> NDArray[np.int32]:
        """Return the numbers of one agency's records by token, int32 (k,); -1 where it has none."""
        own, wanted = (comparable(part) for part in (self.tokens[self.records(source)], tokens))
        if not len(own):
            return np.full(len(wanted), -1, np.int32)
        at = np.minimum(np.searchsorted(own, wanted), len(own) - 1)
        found = np.where(own[at] == wanted, at + self.starts[source], -1)
        return np.asarray(found, np.int32)

    def data_of(
        self, source: int
    ) -> tuple[NDArray[np.uint64], NDArray[np.bool_], NDArray[np.int32]]:
        """Return the bits, the present groups and the set bits of one agency's rows."""
        rows = self.rows(source)
        return self.encodings.bits[rows], self.encodings.present[rows], self.counts[rows]

    def pairs(self) -> list[tuple[int, int]]:
        """Return every pair of agencies to compare, in order.

        An agency that isn't clean makes a pair with itself, since it may hold people twice.
        """
        every = combinations_with_replacement(range(len(self.names)), 2)
        return [(a, b) for a, b in every if a != b or not self.clean[a]]

    def pairs_between(self, pair: tuple[int, int]) -> int:
        """Return the number of pairs of records of two agencies, or within one."""
        a, b = pair
        if a == b:
            return self.size(a) * (self.size(a) - 1) // 2
        return self.size(a) * self.size(b)

    def total_pairs(self) -> int:
        """Return the number of pairs of records that may be one person."""
        return sum(map(self.pairs_between, self.pairs()))


def gather(files: list[Encodings], clean: dict[str, bool]) -> Sources:
    """Lay the files' records end to end.

    ``clean`` says of each agency whether it holds each person at most once. Raises `InputError`
    where there is nothing to compare, and for two files of one agency.
    """
    ordered = sorted(files, key=lambda file: file.header.agency)
    names = tuple(file.header.agency for file in ordered)
    if not names or (len(names) == 1 and clean[names[0]]):
        raise InputError(
            "Linking needs the encodings of at least two agencies, or of one that isn't clean."
        )
    for first, second in pairwise(names):
        if first == second:
            raise InputError(f"Two files are both from the agency {first!r}; give one per agency.")
    sorted_files = [file.sorted_by_token() for file in ordered]
    parts = [_first_of_record(file) for file in sorted_files]
    records = [int(part.sum()) for part in parts]
    is_first: NDArray[np.bool_] = np.concatenate(parts)
    encodings = join(sorted_files)
    tokens: NDArray[np.uint8] = encodings.tokens[np.flatnonzero(is_first)]
    return Sources(
        names,
        np.array([clean[name] for name in names]),
        np.concatenate([[0], np.cumsum(records)]).astype(np.int64),
        np.repeat(np.arange(len(names), dtype=np.int32), records),
        tokens,
        encodings,
        (np.cumsum(is_first) - 1).astype(np.int32),
        encodings.counts(),
    )


def records_alone(
    names: tuple[str, ...],
    clean: NDArray[np.bool_],
    source: NDArray[np.int32],
    tokens: NDArray[np.uint8],
) -> Sources:
    """Return the records of a finished run, whose encodings are not at hand.

    ``names`` and ``clean`` per agency, in order; ``source`` and ``tokens`` per record as in
    `Sources`, and in its order. It has no rows: nothing can be compared.
    """
    sizes = np.bincount(source, minlength=len(names))
    nothing = Encodings(
        Header("", "", ()),
        np.empty((0, tokens.shape[1]), np.uint8),
        np.empty((0, 0, 0), np.uint64),
        np.empty((0, 0), np.bool_),
    )
    return Sources(
        names,
        clean,
        np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64),
        source,
        tokens,
        nothing,
        np.empty(0, np.int32),
        nothing.counts(),
    )


def _first_of_record(file: Encodings) -> NDArray[np.bool_]:
    """Return which rows of a file sorted by token begin a record, bool (rows,)."""
    first = np.ones(len(file), np.bool_)
    first[1:] = (file.tokens[1:] != file.tokens[:-1]).any(axis=1)
    return first
