"""Locality-sensitive hashing on the groups: what proposes pairs where comparing all takes hours.

A table takes some of a group's bits, drawn at random, for a key (Indyk and Motwani 1998,
doi:10.1145/276698.276876; on Bloom filters Durham 2012, Karapiperis and Verykios 2015). Two records
whose keys are equal are compared in full, and kept by the very floor of the exhaustive scan. So a
pair is missed only if its keys differ in every table of every group. Records that are identical in
one group always meet.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from linkage.candidates import levels_of_rows
from linkage.patterns import GroupComparison
from linkage.sources import Sources

# A match is to be found by every single group in which it is as alike as this.
WANTED_COMPLETENESS = 0.95
WANTED_SHARE_OF_EQUAL_BITS = 0.95
MOST_TABLES = 40  # a group
MOST_IN_BUCKET = 1_000_000  # pairs; a key that so many share tells nobody apart
_CHUNK = 1_000_000


@dataclass(frozen=True)
class Table:
    """One table: the ``group`` and the places of the key's bits in it, int64 (bits,)."""

    group: int
    places: NDArray[np.int64]


def choose_tables(
    comparisons: tuple[GroupComparison, ...], columns: int, rng: np.random.Generator
) -> list[Table]:
    """Return the tables for files of which the larger has ``columns`` rows.

    Keys are so long that strangers share one with about one column, and tables so many that a pair
    as alike as `WANTED_SHARE_OF_EQUAL_BITS` meets in one with `WANTED_COMPLETENESS`.
    """
    tables = []
    for group, comparison in enumerate(comparisons):
        bits = min(max(math.ceil(math.log2(max(columns, 2))), 8), comparison.length, 64)
        meets = WANTED_SHARE_OF_EQUAL_BITS**bits
        wanted = math.ceil(math.log(1 - WANTED_COMPLETENESS) / math.log(1 - meets))
        for _ in range(min(wanted, MOST_TABLES)):
            places = rng.choice(comparison.length, bits, replace=False)
            tables.append(Table(group, np.sort(places)))
    return tables


def proposed_pairs(
    sources: Sources,
    pair: tuple[int, int],
    table: Table,
    comparisons: tuple[GroupComparison, ...],
    weights: NDArray[np.float64],
    floor: float,
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Return the rows, left and right int32 (k,), that share a key and reach the floor."""
    (left, left_key), (right, right_key) = (_keys(sources, agency, table) for agency in pair)
    order = np.argsort(right_key, kind="stable")
    right, right_key = right[order], right_key[order]
    start, end = (np.searchsorted(right_key, left_key, side) for side in ("left", "right"))
    padded = np.concatenate([weights, np.zeros((len(weights), 1))], axis=1)  # NULL = -1 is last
    kept = [
        _above(sources, comparisons, padded, floor, left[rows], right[columns])
        for rows, columns in _meetings(start, end, left_key)
    ]
    nothing = np.empty(0, np.int32)
    return (
        np.concatenate([nothing, *(rows for rows, _ in kept)]),
        np.concatenate([nothing, *(columns for _, columns in kept)]),
    )


def _keys(
    sources: Sources, agency: int, table: Table
) -> tuple[NDArray[np.int32], NDArray[np.uint64]]:
    """Return the rows of an agency that have the table's group, and their keys."""
    rows, data = sources.rows(agency), sources.encodings
    has_group = np.flatnonzero(data.present[rows, table.group]).astype(np.int32) + rows.start
    keys = np.zeros(len(has_group), np.uint64)
    for bit, place in enumerate(table.places.tolist()):
        word = data.bits[has_group, table.group, place // 64]
        keys |= (word >> np.uint64(place % 64) & np.uint64(1)) << np.uint64(bit)
    return has_group.astype(np.int32), keys


def _meetings(
    start: NDArray[np.int64], end: NDArray[np.int64], key: NDArray[np.uint64]
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Yield the positions left and right of pairs with equal keys, about a million at a time.

    ``start`` and ``end`` say where in the right keys, which rise, each left key stands.
    """
    _, bucket, sharing = np.unique(key, return_inverse=True, return_counts=True)
    met = end - start
    met = np.where(met * sharing[bucket] <= MOST_IN_BUCKET, met, 0)
    part = np.cumsum(met) // _CHUNK
    for rows in np.split(np.arange(len(met)), np.flatnonzero(np.diff(part)) + 1):
        left = np.repeat(rows, met[rows])
        first = np.repeat(np.cumsum(met[rows]) - met[rows], met[rows])
        yield left, start[left] + np.arange(len(left)) - first


def _above(
    sources: Sources,
    comparisons: tuple[GroupComparison, ...],
    padded: NDArray[np.float64],
    floor: float,
    left: NDArray[np.int32],
    right: NDArray[np.int32],
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    levels = levels_of_rows(sources, comparisons, left, right)
    enough = padded[np.arange(len(comparisons)), levels].sum(axis=1) >= floor
    return left[enough], right[enough]
