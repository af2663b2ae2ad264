"""Which pairs of records are worth comparing: those that share one of several keys.

Every key joins two fields (or is a date or an identifier), so that an error in one field leaves
the keys of the others. Keys are found by recordlinkage's index: blocks of equal keys, and sorted
neighbourhoods for names that are spelt alike.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import combinations, permutations, product

import jellyfish
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from recordlinkage.index import Block, SortedNeighbourhood

from agency_client.dedupe.comparison import Field
from hashing.postcodes import outward

# A key that this many records share says too little, and its pairs would grow with the square.
LARGEST_BLOCK = 100
LARGEST_LOOSE_BLOCK = 40
_WINDOW = 3
_KEY = "key"

Pairs = tuple[NDArray[np.int64], NDArray[np.int64]]
Texts = NDArray[np.object_]


def candidate_pairs(fields: tuple[Field, ...]) -> Pairs:
    """Return the candidate pairs of rows (left < right), each once, in order.

    Of rows with the same values in every field only the first is compared with others, and each
    of the rest with the first alone.
    """
    first = _first_alike(fields)
    copies = np.flatnonzero(first != np.arange(len(first)))
    rows = np.flatnonzero(first == np.arange(len(first)))
    packed = [first[copies] * len(first) + copies]
    packed.extend(
        _blocked(key[rows], most, rows, len(first)) for most, key in blocking_keys(fields)
    )
    packed.extend(_neighbours(key[rows], rows, len(first)) for key in sorting_keys(fields))
    pairs = np.unique(np.concatenate(packed))
    return pairs // len(first), pairs % len(first)


def _first_alike(fields: tuple[Field, ...]) -> NDArray[np.int64]:
    """Return for each row the first row with the same values."""
    codes = np.stack([field.column.codes for field in fields], axis=1)
    _, first, group = np.unique(codes, axis=0, return_index=True, return_inverse=True)
    return np.asarray(first[group.ravel()], np.int64)


def blocking_keys(fields: tuple[Field, ...]) -> Iterator[tuple[int, Texts]]:
    """Yield keys whose equality makes a candidate, and how many records may share one.

    A key is object (rows,); '' is none.
    """
    for one, other in combinations([field for field in fields if field.type == "name"], 2):
        yield LARGEST_BLOCK, _joined(*_in_order(_values(one), _values(other)))
    names = main_names(fields)
    for one, other in permutations(names, 2):
        yield LARGEST_LOOSE_BLOCK, _joined(_sounds(one), _initials(other))
    for field in fields:
        if field.type in {"date", "code"}:
            yield LARGEST_BLOCK, _values(field)
        if field.type in {"date", "postcode", "text"}:
            for name, part in product(names, _parts(field)):
                yield LARGEST_BLOCK, _joined(_values(name), part)
        if field.type in {"date", "postcode"}:
            for name in names:
                yield LARGEST_LOOSE_BLOCK, _joined(_initials(name), _values(field))


def sorting_keys(fields: tuple[Field, ...]) -> Iterator[Texts]:
    """Yield the keys whose neighbours in alphabetical order are candidates, object (rows,)."""
    for one, other in permutations(main_names(fields), 2):
        yield _joined(_values(one), _values(other))


def main_names(fields: tuple[Field, ...]) -> list[Field]:
    """Return the two names that most records have, or all of fewer."""
    names = [field for field in fields if field.type == "name"]
    missing = {name.name: int((_values(name) == "").sum()) for name in names}
    return sorted(names, key=lambda name: missing[name.name])[:2]


def _parts(field: Field) -> Iterator[Texts]:
    if field.type == "date":
        yield _mapped(field, lambda date: "" if "_" in date[:4] else date[:4])
        yield _mapped(field, lambda date: "" if "_" in date[4:] else date[4:])
    elif field.type == "postcode":
        yield _mapped(field, outward)
    else:
        yield _values(field)


def _values(field: Field) -> Texts:
    return _mapped(field, str)


def _initials(field: Field) -> Texts:
    return _mapped(field, lambda value: value[:1])


def _sounds(field: Field) -> Texts:
    return _mapped(field, lambda value: jellyfish.metaphone(value) or value)


def _mapped(field: Field, rule: Callable[[str], str]) -> Texts:
    return np.array([rule(value) for value in field.column.values], object)[field.column.codes]


def _in_order(one: Texts, other: Texts) -> tuple[Texts, Texts]:
    """Return the lesser and the greater text of each row, so that swapped names share a key."""
    return np.minimum(one, other), np.maximum(one, other)


def _joined(one: Texts, other: Texts) -> Texts:
    key = one + "|" + other
    key[(one == "") | (other == "")] = ""
    return np.asarray(key, object)


def _blocked(key: Texts, most: int, rows: NDArray[np.int64], base: int) -> NDArray[np.int64]:
    """Return the packed pairs of rows that share a key which isn't shared by too many."""
    codes, _ = pd.factorize(key)
    sizes = np.bincount(codes)[codes]
    useful = (key != "") & (sizes > 1) & (sizes <= most)
    table = pd.DataFrame({_KEY: codes[useful]})
    return _packed(Block(_KEY), table, rows[useful], base)


def _neighbours(key: Texts, rows: NDArray[np.int64], base: int) -> NDArray[np.int64]:
    """Return the packed pairs of rows whose keys follow closely in alphabetical order."""
    known = key != ""
    _, codes = np.unique(key[known].astype(str), return_inverse=True)
    few = np.bincount(codes)[codes] <= LARGEST_BLOCK
    table = pd.DataFrame({_KEY: codes[few]})
    algorithm = SortedNeighbourhood(_KEY, window=_WINDOW)
    return _packed(algorithm, table, rows[known][few], base)


def _packed(
    algorithm: Block | SortedNeighbourhood, table: pd.DataFrame, rows: NDArray[np.int64], base: int
) -> NDArray[np.int64]:
    if len(table) < 2:
        return np.empty(0, np.int64)
    index = algorithm.index(table)
    one, other = (rows[np.asarray(codes, np.int64)] for codes in index.codes)
    return np.asarray(np.minimum(one, other) * base + np.maximum(one, other), np.int64)
