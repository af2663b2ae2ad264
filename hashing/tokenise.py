"""Values cut into tokens: the pieces that two records have in common where they agree in part."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

import jellyfish
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from hashing import dates, postcodes
from hashing.compiled.arrow import string_buffers
from hashing.compiled.grams import can_cut, gram_table
from hashing.standardise import Column, distinct
from linkage.protocol.scheme import Feature, Take

Cut = Callable[[str], list[str]]


@dataclass(frozen=True)
class TokenTable:
    """The tokens of the distinct values of a feature.

    ``tokens`` are distinct; ``occurrences`` int64 (sum of counts,) lists every value's tokens as
    indices into them, value by value, duplicates kept; ``counts`` int64 (values,).
    """

    tokens: tuple[str, ...]
    occurrences: NDArray[np.int64]
    counts: NDArray[np.int64]


@dataclass(frozen=True)
class TokenisedFeature:
    """A feature of all records: ``codes`` int64 (rows,) says which of the table's values."""

    codes: NDArray[np.int64]
    table: TokenTable


def tokenise(feature: Feature, column: Column, *, is_date: bool) -> TokenisedFeature:
    """Take the feature from a standardised column and cut each distinct value once.

    A value without tokens is missing. In a date, grams that touch an unknown character are left
    out: two records don't agree in what neither knows.
    """
    codes, values = _taken(feature, column)
    if feature.comparison == "qgram" and can_cut(feature.q, positional=feature.positional):
        return TokenisedFeature(codes, _gram_table(feature, values, is_date=is_date))
    if feature.comparison == "exact":
        return TokenisedFeature(codes, _whole_values(values))
    cut = _cutter(feature)
    lists = [cut(value) if value else [] for value in values]
    if is_date and feature.comparison == "qgram":
        lists = [[token for token in tokens if "_" not in token] for tokens in lists]
    occurrences, tokens = distinct(chain.from_iterable(lists))
    counts = np.fromiter(map(len, lists), np.int64, len(lists))
    return TokenisedFeature(codes, TokenTable(tuple(tokens), occurrences, counts))


def _taken(feature: Feature, column: Column) -> tuple[NDArray[np.int64], Sequence[str]]:
    """Return what the feature takes: per row the index of its value, and the distinct values."""
    if feature.take == "value":
        return column.codes, column.values
    codes, values = distinct(map(_TAKES[feature.take], column.values))
    return codes[column.codes], values


def _gram_table(feature: Feature, values: Sequence[str], *, is_date: bool) -> TokenTable:
    """Return the table of a q-gram feature by the compiled cut, which equals `qgrams`."""
    data, offsets = string_buffers(pa.array(values, pa.string()))
    return TokenTable(
        *gram_table(
            data, offsets, feature.q, positional=feature.positional, without_unknown=is_date
        )
    )


def _whole_values(values: Sequence[str]) -> TokenTable:
    """Return the table of an exact feature, whose tokens are its values."""
    tokens = tuple(value for value in values if value)
    counts = np.fromiter(map(bool, values), np.int64, len(values))
    return TokenTable(tokens, np.arange(len(tokens)), counts)


def qgrams(value: str, q: int, *, positional: bool) -> list[str]:
    """Return clkhash's n-grams: q - 1 spaces on both sides, duplicates kept, counted from 1.

    One pass over 'mary anne' gives the same set of bigrams as a pass over each word.
    """
    padding = " " * (q - 1)
    padded = f"{padding}{value}{padding}"
    grams = [padded[i : i + q] for i in range(len(padded) - q + 1)]
    return [f"{i} {gram}" for i, gram in enumerate(grams, 1)] if positional else grams


def date_parts(date: str) -> list[str]:
    """Return tokens for the wholly known parts of a date: 'y2011', 'm03', 'd14', 's0314'.

    The last has month and day in sorted order, so that swapping them loses little.
    """
    year, month, day = dates.known_parts(date)
    parts = [letter + part for letter, part in (("y", year), ("m", month), ("d", day)) if part]
    return [*parts, "s" + "".join(sorted((month, day)))] if month and day else parts


def date_pairs(date: str) -> list[str]:
    """Return tokens for pairs of a date's known parts: ym201103, yd201114, md0314, ys20110314.

    Two people who were born in the same year have no token in common, as they have by
    `date_parts`; dates that differ in one part agree in a quarter, so do month and day swapped.
    """
    year, month, day = dates.known_parts(date)
    pairs = [("ym", year, month), ("yd", year, day), ("md", month, day)]
    tokens = [name + first + second for name, first, second in pairs if first and second]
    whole = year and month and day
    return [*tokens, "ys" + year + "".join(sorted((month, day)))] if whole else tokens


def neighbourhood(value: str, feature: Feature) -> list[str]:
    """Return clkhash's tokens for a number: the grid points around it, in whole numbers.

    (Vatsalan and Christen, Privacy-preserving matching of similar patients, 2016.)
    """
    interval = round(feature.threshold_distance * 10**feature.fractional_precision)
    point = _scaled(value, feature.fractional_precision) * 2 * feature.resolution
    residue = point % interval
    point -= residue if residue < interval / 2 else residue - interval
    reach = range(-feature.resolution, feature.resolution + 1)
    return [str(point + step * interval) for step in reach]


def _scaled(value: str, precision: int) -> int:
    """Return the number times 10 to the precision; whole numbers lose none of their digits."""
    scale: int = 10**precision
    try:
        return int(value) * scale
    except ValueError:
        return round(float(value) * scale) if precision else int(float(value))


def _cutter(feature: Feature) -> Cut:
    match feature.comparison:
        case "exact":
            return lambda value: [value]
        case "date_parts":
            return date_parts
        case "date_pairs":
            return date_pairs
        case "numeric":
            return lambda value: neighbourhood(value, feature)
        case "qgram":
            return lambda value: qgrams(value, feature.q, positional=feature.positional)


def _sounds(algorithm: Callable[[str], str]) -> Callable[[str], str]:
    return lambda value: " ".join(filter(None, map(algorithm, value.split())))


_TAKES: Mapping[Take, Callable[[str], str]] = {
    "value": lambda value: value,
    "initial": lambda value: value[:1],
    "year": dates.year,
    "outward": postcodes.outward,
    "soundex": _sounds(jellyfish.soundex),
    "metaphone": _sounds(jellyfish.metaphone),
}
