"""A uniform random sample of an extract that is read once, piece by piece."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hashing.standardise import Column, StandardRows, distinct


@dataclass(frozen=True, repr=False)
class Drawn:
    """Records drawn from a piece: ``keys`` float64 (n,), random, and the records themselves."""

    keys: NDArray[np.float64]
    rows: StandardRows


def draw(rows: StandardRows, most: int) -> Drawn:
    """Return at most ``most`` of the records: those with the smallest of random keys."""
    keys = np.random.default_rng(secrets.randbits(128)).random(rows.count)
    keep = np.zeros(rows.count, np.bool_)
    keep[np.argsort(keys)[:most]] = True
    return Drawn(keys[keep], rows.keep(keep))


def merge(first: Drawn, second: Drawn, most: int) -> Drawn:
    """Return a sample of both pieces' records, as if drawn from them in one.

    The records with the smallest keys of all are among the smallest of their own piece.
    """
    keys = np.concatenate([first.keys, second.keys])
    keep = np.zeros(len(keys), np.bool_)
    keep[np.argsort(keys)[:most]] = True
    return Drawn(keys[keep], _joined(first.rows, second.rows).keep(keep))


def _joined(first: StandardRows, second: StandardRows) -> StandardRows:
    columns = {}
    for name in first.columns:
        cells = [
            column.values[code]
            for column in (first.columns[name], second.columns[name])
            for code in column.codes.tolist()
        ]
        codes, values = distinct(cells)
        columns[name] = Column(codes, tuple(values), {})
    return StandardRows(first.count + second.count, columns)
