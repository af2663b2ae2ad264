"""Records to encodings: standardise, tokenise, filter, diffuse, join.

Work is done once per distinct value of a field, then once per distinct combination of values in
a part, and only the last step, the XOR of diffused parts, once per record.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hashing.bloom import value_filters
from hashing.diffuse import diffuse, index_table
from hashing.keys import PartKeys, part_keys
from hashing.secret import LinkageSecret
from hashing.standardise import StandardRows, standardise
from hashing.tokenise import TokenisedFeature, tokenise
from linkage.encodings import GroupLayout, words_of
from linkage.errors import InputError, VerificationError
from linkage.protocol.scheme import Group, Part, Scheme, group_features

Report = Callable[[str], None]


@dataclass(frozen=True)
class PartFill:
    """The mean share of bits that are set in a part's filter, before diffusion.

    The mean is over the records that have the part; ``fill`` is None where none has. ``features``
    tells apart the parts of a group that share a label.
    """

    group: str
    part: str
    features: tuple[str, ...]
    fill: float | None


@dataclass(frozen=True)
class EncodedRows:
    """Encoded records in their order, as `linkage.encodings.Encodings` has them.

    ``bits`` uint64 (n, groups, words), zero where a group is null; ``present`` bool (n, groups).
    """

    bits: NDArray[np.uint64]
    present: NDArray[np.bool_]
    fills: tuple[PartFill, ...]


@dataclass(frozen=True)
class _EncodedPart:
    """A part's distinct combinations: ``codes`` int64 (n,) says which one a record has.

    ``filters`` uint64 (combinations, words), diffused; ``has`` bool (combinations,).
    """

    codes: NDArray[np.int64]
    filters: NDArray[np.uint64]
    has: NDArray[np.bool_]
    fill: float | None


class Encoder:
    """Encodes records under one scheme and one secret."""

    def __init__(self, scheme: Scheme, secret: LinkageSecret) -> None:
        self.scheme = scheme
        self.layout = tuple(GroupLayout(group.name, group.length) for group in scheme.group)
        self._secret = secret

    def __repr__(self) -> str:
        return f"Encoder({self.scheme.version!r}, secret hidden)"

    def standardise(self, columns: Mapping[str, Iterable[Any]]) -> StandardRows:
        """Standardise the scheme's fields; see `hashing.standardise.standardise`."""
        return standardise(self.scheme, columns)

    def encode_columns(self, columns: Mapping[str, Iterable[Any]]) -> EncodedRows:
        """Standardise and encode; raises `InputError` where the scheme refuses a cell."""
        return self.encode(self.standardise(columns))

    def encode(self, rows: StandardRows, report: Report | None = None) -> EncodedRows:
        """Encode standardised records; ``report`` is told each group's name before its work.

        Raises `InputError` where a refused cell is left among the rows, and `VerificationError`
        where a part's fill is outside the scheme's ``required_fill``.
        """
        if refused := rows.refused():
            raise InputError(
                f"{len(refused)} cells are damaged, the first in the field {refused[0].field!r} of "
                f"record {refused[0].row + 1}: {refused[0].reason}; mend or drop these records."
            )
        features = self._tokenised(rows)
        groups, words = len(self.layout), words_of(self.layout)
        bits = np.zeros((rows.count, groups, words), np.uint64)
        present = np.ones((rows.count, groups), np.bool_)
        fills: list[PartFill] = []
        for index, group in enumerate(self.scheme.group):
            if report:
                report(group.name)
            view = bits[:, index, : group.length // 64]
            fills += self._encode_group(group, features, view, present[:, index])
            present[_cancelled(self.scheme, group, rows), index] = False
            view[~present[:, index]] = 0
        return EncodedRows(bits, present, tuple(fills))

    def _tokenised(self, rows: StandardRows) -> dict[str, TokenisedFeature]:
        used = dict.fromkeys(name for group in self.scheme.group for name in group_features(group))
        tokenised = {}
        for name in used:
            feature = self.scheme.features[name]
            is_date = self.scheme.fields[feature.field].type == "date"
            tokenised[name] = tokenise(feature, rows.columns[feature.field], is_date=is_date)
        return tokenised

    def _encode_group(
        self,
        group: Group,
        features: Mapping[str, TokenisedFeature],
        bits: NDArray[np.uint64],
        present: NDArray[np.bool_],
    ) -> list[PartFill]:
        """Join one group's parts into ``bits`` (n, words), note in ``present`` (n,) who has it.

        Returns the parts' fills.
        """
        fills = []
        for part in group.parts:
            encoded = self._encode_part(group, part, features)
            bits ^= encoded.filters[encoded.codes]
            if part.null_if != "never":
                present &= encoded.has[encoded.codes]
            fills.append(PartFill(group.name, part.label, part.features, encoded.fill))
            self._require_fill(fills[-1])
        return fills

    def _encode_part(
        self, group: Group, part: Part, features: Mapping[str, TokenisedFeature]
    ) -> _EncodedPart:
        keys = part_keys(self._secret, self.scheme, group, part)
        used = [features[name] for name in part.features + part.minor]
        codes, combinations = _combinations([feature.codes for feature in used])
        filters = self._part_filters(group, part, used, keys, combinations)
        has = _has_part(part, used, combinations)
        fill = _mean_fill(filters, np.bincount(codes, minlength=len(has)) * has, group.length)
        if part.diffusion:
            filters = diffuse(filters, index_table(keys.diffusion, group.length, part.diffusion))
        return _EncodedPart(codes, filters, has, fill)

    def _part_filters(
        self,
        group: Group,
        part: Part,
        used: list[TokenisedFeature],
        keys: PartKeys,
        combinations: NDArray[np.int64],
    ) -> NDArray[np.uint64]:
        """Return the OR of the features' filters, uint64 (combinations, words)."""
        union = np.zeros((len(combinations), group.length // 64), np.uint64)
        for index, name in enumerate(part.features + part.minor):
            feature = self.scheme.features[name]
            filters = value_filters(used[index].table, feature, keys.features[index], group.length)
            union |= filters[combinations[:, index]]
        return union

    def _require_fill(self, part: PartFill) -> None:
        if self.scheme.required_fill is None or part.fill is None:
            return
        least, most = self.scheme.required_fill
        if not least <= part.fill <= most:
            raise VerificationError(
                f"The part {part.part} ({', '.join(part.features)}) of the group {part.group} is "
                f"filled to {part.fill:.3f} and the scheme requires {least:g} to {most:g}; look "
                "for columns mapped to the wrong field, or agree on other bits per token."
            )


def _combinations(codes: list[NDArray[np.int64]]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return per row the index of its combination of codes, and the combinations.

    int64 (n,) and int64 (combinations, len(codes)).
    """
    joint = np.zeros(len(codes[0]), np.int64)
    for code in codes:
        # Joined two at a time, so that the product of all sizes can't leave 64 bits.
        joint, _ = pd.factorize(joint * (int(code.max(initial=0)) + 1) + code)
    example = np.empty(int(joint.max(initial=-1)) + 1, np.int64)
    example[joint] = np.arange(len(joint))
    return joint.astype(np.int64), np.stack([code[example] for code in codes], axis=1)


def _has_part(
    part: Part, used: list[TokenisedFeature], combinations: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Say which combinations have the part, bool (combinations,), from its main features."""
    has_tokens = [
        feature.table.counts[combinations[:, index]] > 0
        for index, feature in enumerate(used[: len(part.features)])
    ]
    join = partial(np.all if part.null_if == "any_missing" else np.any, axis=0)
    return np.asarray(join(has_tokens), np.bool_)


def _cancelled(scheme: Scheme, group: Group, rows: StandardRows) -> NDArray[np.bool_]:
    """Say in which records two parts of one label hold the same value, bool (n,).

    Their filters, being equal, would cancel out: what is left would agree with any such record.
    """
    cancelled = np.zeros(rows.count, np.bool_)
    for a, b in combinations(group.parts, 2):
        if a.label == b.label:
            cancelled |= _values(scheme, a, rows) == _values(scheme, b, rows)
    return cancelled


def _values(scheme: Scheme, part: Part, rows: StandardRows) -> NDArray[np.object_]:
    column = rows.columns[scheme.features[part.features[0]].field]
    return np.array(column.values, dtype=object)[column.codes]


def _mean_fill(
    filters: NDArray[np.uint64], weights: NDArray[np.int64], length: int
) -> float | None:
    total = int(weights.sum())
    if not total:
        return None
    set_bits = np.bitwise_count(filters).sum(axis=1, dtype=np.int64)
    return float(set_bits @ weights) / (total * length)
