"""Frequency alignment: what is common among the records is common among the encodings.

Records are described by how often their values in each group occur, encodings by how often they
recur (exactly, or all but exactly); plain filters also by their fill and by how common the bits
are that they set, the trace that frequent tokens leave (Christen et al., Pattern-mining based
cryptanalysis of Bloom filters, 2018). The closest descriptions are aligned one to one.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from hashing.encoder import EncodedRows
from hashing.risk.attacks.alignment import assign, forbidden, match_profiles
from hashing.risk.view import Matrix, Sight, agreement

_RECURRING = 0.97
_SIMILAR = 0.75
_QUANTILES = np.linspace(0, 1, 9)

Profile = NDArray[np.float64]


def align(sight: Sight, groups: Sequence[int]) -> NDArray[np.intp]:
    """Return the encoding that each record is taken for, by frequencies alone."""
    lengths = [sight.views[g].length for g in groups]
    own = _recurrence([sight.views[g].kernel for g in groups])
    simulated = _recurrence(_agreements(sight.own, groups, lengths))
    observed = _recurrence(_agreements(sight.encoded, groups, lengths))
    plain = [g for g in groups if sight.views[g].plain]
    if plain:
        patterns = _patterns(sight.own, plain, sight)
        own = np.concatenate([own, patterns], axis=1)
        simulated = np.concatenate([simulated, patterns], axis=1)
        observed = np.concatenate([observed, _patterns(sight.encoded, plain, sight)], axis=1)
    return assign(match_profiles(own, simulated, observed) + forbidden(sight, groups))


def _agreements(
    encoded: EncodedRows, groups: Sequence[int], lengths: Sequence[int]
) -> list[Matrix]:
    return [agreement(encoded, g, length) for g, length in zip(groups, lengths, strict=True)]


def _recurrence(layers: Sequence[Matrix]) -> Profile:
    """Count, per record, the records that are all but equal or similar, by group and in all."""
    equal = [layer >= _RECURRING for layer in layers]
    counts = [layer.sum(1) for layer in equal] + [(layer >= _SIMILAR).sum(1) for layer in layers]
    counts.append(np.logical_and.reduce(equal).sum(1))
    counts.append(np.add.reduce([layer.astype(np.int64) for layer in equal]).max(1))
    return np.log1p(np.stack(counts, axis=1).astype(np.float64))


def _patterns(encoded: EncodedRows, groups: Sequence[int], sight: Sight) -> Profile:
    """Describe plain filters by their fill and the frequencies of the bits that they set."""
    columns = []
    for g in groups:
        words = np.ascontiguousarray(encoded.bits[:, g, : sight.views[g].length // 64])
        bits = np.unpackbits(words.astype("<u8").view(np.uint8), axis=1).astype(bool)
        common = bits.mean(axis=0)
        frequencies = np.sort(np.where(bits, common, np.nan), axis=1)
        filled = bits.sum(axis=1)
        places = np.rint(_QUANTILES * np.maximum(filled - 1, 0)[:, None]).astype(np.intp)
        quantiles = np.nan_to_num(np.take_along_axis(frequencies, places, axis=1))
        columns += [filled[:, None].astype(np.float64), quantiles]
    return np.concatenate(columns, axis=1)
