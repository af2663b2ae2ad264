"""Records to encodings: standardise, tokenise, filter, diffuse, join.

Work is done once per distinct value of a field, then once per distinct combination of values in
a part, and only the last step, the XOR of diffused parts, once per record.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from hashing.bloom import fold, value_filters
from hashing.compiled.filters import add_union, add_xor
from hashing.compiled.numbering import distinct_numbers
from hashing.diffuse import Diffusion, index_table
from hashing.keys import PartKeys, part_keys
from hashing.secret import LinkageSecret
from hashing.standardise import Column, StandardRows, standardise
from hashing.tokenise import TokenisedFeature, tokenise
from linkage.encodings import GroupLayout, words_of
from linkage.errors import InputError, VerificationError
from linkage.protocol.scheme import Group, Part, Scheme, group_features

Report = Callable[[str], None]


@dataclass(frozen=True)
class PartFill:
    """The mean share of bits that are set in a part's filter, before diffusion.

    The mean is over the ``records`` that have the part; ``fill`` is None where none has.
    ``features`` tells apart the parts of a group that share a label.
    """

    group: str
    part: str
    features: tuple[str, ...]
    fill: float | None
    records: int


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
    fill: PartFill


@dataclass(frozen=True, repr=False)
class _PreparedPart:
    """What a part needs at every encoding and is costly to derive."""

    keys: PartKeys
    diffusion: Diffusion | None


class Encoder:
    """Encodes records under one scheme and one secret.

    It may be used from several threads at once. What it derives from the secret it keeps until
    `wipe`, which leaving it as a context does, too.
    """

    def __init__(self, scheme: Scheme, secret: LinkageSecret) -> None:
        self.scheme = scheme
        self.layout = tuple(GroupLayout(group.name, group.length) for group in scheme.group)
        self._secret = secret
        self._prepared: dict[tuple[str, int], _PreparedPart] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.wipe()

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
        encoded = self.encode_piece(rows, report)
        require_fills(self.scheme, encoded.fills)
        return encoded

    def encode_piece(self, rows: StandardRows, report: Report | None = None) -> EncodedRows:
        """Encode some of the records, of all of which the fill is looked at later.

        Raises `InputError` where a refused cell is left among the rows.
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

    def wipe(self) -> None:
        """Overwrite what was derived from the secret, as far as Python lets us (see SPEC.md)."""
        for prepared in self._prepared.values():
            if prepared.diffusion is not None:
                prepared.diffusion.wipe()
        self._prepared.clear()

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
        for place, part in enumerate(group.parts):
            prepared = self._prepare(group, place)
            encoded = self._encode_part(group, part, prepared, features)
            add_xor(bits, encoded.filters, encoded.codes)
            if part.null_if != "never":
                present &= encoded.has[encoded.codes]
            fills.append(encoded.fill)
        return fills

    def _prepare(self, group: Group, place: int) -> _PreparedPart:
        prepared = self._prepared.get((group.name, place))
        if prepared is None:
            part = group.parts[place]
            keys = part_keys(self._secret, self.scheme, group, part)
            diffusion = None
            if part.diffusion:
                table = index_table(keys.diffusion, group.length, part.diffusion)
                diffusion = Diffusion(table)
            # Two threads may both get here; the first one's is kept, and they are equal.
            prepared = self._prepared.setdefault(
                (group.name, place), _PreparedPart(keys, diffusion)
            )
        return prepared

    def _encode_part(
        self,
        group: Group,
        part: Part,
        prepared: _PreparedPart,
        features: Mapping[str, TokenisedFeature],
    ) -> _EncodedPart:
        used = [features[name] for name in part.features + part.minor]
        codes, combinations = _combinations(used)
        filters = self._part_filters(group, part, used, prepared.keys, combinations)
        has = _has_part(part, used, combinations)
        records = np.bincount(codes, minlength=len(has)) * has
        mean = _mean_fill(filters, records, group.length)
        fill = PartFill(group.name, part.label, part.features, mean, int(records.sum()))
        if prepared.diffusion is not None:
            filters = prepared.diffusion.apply(filters)
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
        length = group.length << group.xor_folds
        union = np.zeros((len(combinations), length // 64), np.uint64)
        for index, name in enumerate(part.features + part.minor):
            feature = self.scheme.features[name]
            filters = value_filters(used[index].table, feature, keys.features[index], length)
            add_union(union, filters, combinations[:, index])
        return fold(union, group.xor_folds)


def merge_fills(pieces: Sequence[tuple[PartFill, ...]]) -> tuple[PartFill, ...]:
    """Return the fills of all records from those of pieces of them."""
    return tuple(_merged(parts) for parts in zip(*pieces, strict=True))


def _merged(parts: Sequence[PartFill]) -> PartFill:
    records = sum(part.records for part in parts)
    total = sum((part.fill or 0.0) * part.records for part in parts)
    return replace(parts[0], fill=total / records if records else None, records=records)


def require_fills(scheme: Scheme, fills: Iterable[PartFill]) -> None:
    """Raise `VerificationError` where a part's fill is outside the scheme's ``required_fill``."""
    if scheme.required_fill is None:
        return
    least, most = scheme.required_fill
    for part in fills:
        if part.fill is not None and not least <= part.fill <= most:
            raise VerificationError(
                f"The part {part.part} ({', '.join(part.features)}) of the group {part.group} is "
                f"filled to {part.fill:.3f} and the scheme requires {least:g} to {most:g}; look "
                "for columns mapped to the wrong field, or agree on other bits per token."
            )


def _combinations(
    used: Sequence[TokenisedFeature],
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return per row the index of its combination of values, and the combinations.

    int64 (n,) and int64 (combinations, len(used)). Of a single feature they are its values, even
    those that no row has.
    """
    if len(used) == 1:
        return used[0].codes, np.arange(len(used[0].table.counts))[:, None]
    joint = used[0].codes
    for feature in used[1:]:
        # Joined two at a time, so that the product of all sizes can't leave 64 bits.
        size = len(feature.table.counts)
        joint, _ = distinct_numbers((joint * size + feature.codes).astype(np.uint64))
    example = np.empty(int(joint.max(initial=-1)) + 1, np.int64)
    example[joint] = np.arange(len(joint))
    return joint, np.stack([feature.codes[example] for feature in used], axis=1)


def _has_part(
    part: Part, used: list[TokenisedFeature], combinations: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Say which combinations have the part, bool (combinations,), from its main features."""
    has_tokens = {
        name: used[index].table.counts[combinations[:, index]] > 0
        for index, name in enumerate(part.features)
    }
    fulfilled = [np.any([has_tokens[name] for name in either], axis=0) for either in part.needs]
    return np.asarray(np.all(fulfilled, axis=0), np.bool_)


def _cancelled(scheme: Scheme, group: Group, rows: StandardRows) -> NDArray[np.bool_]:
    """Say in which records two parts of one label hold the same value, bool (n,).

    Their filters, being equal, would cancel out: what is left would agree with any such record.
    """
    cancelled = np.zeros(rows.count, np.bool_)
    for a, b in combinations(group.parts, 2):
        if a.label == b.label:
            first, second = (
                rows.columns[scheme.features[part.features[0]].field] for part in (a, b)
            )
            cancelled |= _equal_values(first, second)
    return cancelled


def _equal_values(first: Column, second: Column) -> NDArray[np.bool_]:
    """Say in which rows two columns have the same value, bool (n,)."""
    place = {value: index for index, value in enumerate(second.values)}
    there = np.array([place.get(value, -1) for value in first.values], np.int64)
    return np.asarray(there[first.codes] == second.codes)


def _mean_fill(
    filters: NDArray[np.uint64], weights: NDArray[np.int64], length: int
) -> float | None:
    total = int(weights.sum())
    if not total:
        return None
    set_bits = np.bitwise_count(filters).sum(axis=1, dtype=np.int64)
    return float(set_bits @ weights) / (total * length)
