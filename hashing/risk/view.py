"""What the attacker sees and what he can work out, as agreement between records.

The attacker holds every plain record of the sample and the public scheme. With keys *of his own*
he encodes the list part by part, before diffusion: from the share d of bits in which two filters
of a part differ he knows that t-fold diffused bits will agree with correlation (1 - 2d)^t, and
that correlations of parts multiply. So he knows the agreement that every pair of records will
show under any secret, but for noise of 1 / sqrt(length); and he knows whose groups local
suppression has hidden, since it hides what his list repeats.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from hashing.encoder import EncodedRows, Encoder
from hashing.secret import LEAST_BYTES, LinkageSecret
from hashing.standardise import StandardRows
from hashing.suppression import RepeatFinder
from linkage.encodings import GroupLayout
from linkage.protocol.scheme import Group, Part, Scheme

Matrix = NDArray[np.float32]

_OWN_KEYS = 2  # averaged, to lessen the chance collisions of one key
_MOST_AGREEMENT = 0.97  # beyond it, collisions that differ from key to key would decide


@dataclass(frozen=True)
class GroupView:
    """Agreement of all pairs in one group, from -1 to 1, centred, with a zero diagonal.

    ``expected`` (n, n) is what the attacker works out from plain records i and j, ``simulated``
    what he sees under a key of his own, ``observed`` what he sees in the encodings u and v.
    ``weight`` (n, n) is the evidence of ``expected``: summed with ``observed`` over aligned pairs,
    times ``length``, it is the log-likelihood of an alignment.
    """

    length: int
    expected: Matrix
    simulated: Matrix
    observed: Matrix
    weight: Matrix
    kernel: Matrix
    plain: bool


@dataclass(frozen=True)
class Sight:
    """The attacker's view of a sample, plain records and encodings in unrelated orders.

    ``answer[i]`` is the encoding of record i: only the scoring may look at it. ``listed`` and
    ``seen`` bool (n, groups) say which groups records and encodings have; ``values`` int64
    (n, groups) tells apart the records' values in each group; ``own`` and ``encoded`` are the bits
    under a key of the attacker's and those under attack.
    """

    names: tuple[str, ...]
    views: tuple[GroupView, ...]
    listed: NDArray[np.bool_]
    seen: NDArray[np.bool_]
    values: NDArray[np.int64]
    answer: NDArray[np.intp]
    own: EncodedRows
    encoded: EncodedRows


def look(
    scheme: Scheme, secret: LinkageSecret, rows: StandardRows, rng: np.random.Generator
) -> Sight:
    """Encode a sample, shuffle it, and work out all that the attacker knows of it."""
    expected, values = _expected(scheme, rows, rng)
    own = Encoder(scheme, _own_secret(rng)).encode(rows)
    with Encoder(scheme, secret) as encoder:
        encoded = encoder.encode(rows)
    own, hidden = as_sent(own, scheme, rng)
    encoded, _ = as_sent(encoded, scheme, rng)
    _expect_nothing(expected, hidden)
    order = rng.permutation(rows.count)
    encoded = EncodedRows(encoded.bits[order], encoded.present[order], encoded.fills)
    views = [
        _group_view(group, expected[g], own, encoded, g) for g, group in enumerate(scheme.group)
    ]
    return Sight(
        names=tuple(group.name for group in scheme.group),
        views=tuple(views),
        listed=own.present,
        seen=encoded.present,
        values=values,
        answer=np.argsort(order),
        own=own,
        encoded=encoded,
    )


def as_sent(
    encoded: EncodedRows, scheme: Scheme, rng: np.random.Generator
) -> tuple[EncodedRows, NDArray[np.bool_]]:
    """Return a sample as it would leave the agency, and which groups are hidden, (n, groups)."""
    if not scheme.local_suppression:
        return encoded, np.zeros(encoded.present.shape, np.bool_)
    layout = [GroupLayout(group.name, group.length) for group in scheme.group]
    finder = RepeatFinder(layout, alternates=False)
    finder.add(np.empty((0, 16), np.uint8), encoded.bits, encoded.present)

    def fill(group: GroupLayout, rows: NDArray[np.intp]) -> NDArray[np.uint64]:
        return rng.integers(0, 2**64, (len(rows), group.length // 64), np.uint64)

    bits, hidden = finder.repeats().hide(encoded.bits, encoded.present, fill)
    return replace(encoded, bits=bits), hidden


def _expect_nothing(expected: list[Matrix], hidden: NDArray[np.bool_]) -> None:
    """Take out, in place, the agreement of groups that the attacker knows to be hidden."""
    for g, matrix in enumerate(expected):
        matrix[hidden[:, g], :] = 0
        matrix[:, hidden[:, g]] = 0
        np.fill_diagonal(matrix, 1)


def signs(encoded: EncodedRows, group: int, length: int) -> Matrix:
    """Return a group's bits as 1 and -1, float32 (n, length), 0 where it is null."""
    words = np.ascontiguousarray(encoded.bits[:, group, : length // 64]).astype("<u8")
    bits = np.unpackbits(words.view(np.uint8), axis=1)
    return (1 - 2 * bits.astype(np.float32)) * encoded.present[:, group, None]


def agreement(encoded: EncodedRows, group: int, length: int) -> Matrix:
    """Return 1 - 2 · Hamming / length of all pairs, float32 (n, n), 0 where either is null."""
    bits = signs(encoded, group, length)
    return np.asarray(bits @ bits.T / length, np.float32)


def _own_secret(rng: np.random.Generator) -> LinkageSecret:
    return LinkageSecret(rng.bytes(LEAST_BYTES))


def _expected(
    scheme: Scheme, rows: StandardRows, rng: np.random.Generator
) -> tuple[list[Matrix], NDArray[np.int64]]:
    """Return each group's expected agreement, and per group which values a record has."""
    parts = [(g, *classes) for g, group in enumerate(scheme.group) for classes in _classes(group)]
    sums = [np.zeros((rows.count, rows.count), np.float32) for _ in parts]
    values = np.zeros((rows.count, len(scheme.group)), np.int64)
    for _ in range(_OWN_KEYS):
        encoded = Encoder(_undiffused(scheme, parts), _own_secret(rng)).encode(rows)
        for index, (g, _, group) in enumerate(parts):
            bits = _signs_with_nulls(encoded, index, group.length)
            sums[index] += bits @ bits.T / (group.length * _OWN_KEYS)
            values[:, g] = _refine(values[:, g], encoded.bits[:, index])
    expected = [np.ones((rows.count, rows.count), np.float32) for _ in scheme.group]
    for agreed, (g, t, _) in zip(sums, parts, strict=True):
        expected[g] *= agreed ** max(t, 1)
    return expected, values


def _signs_with_nulls(encoded: EncodedRows, group: int, length: int) -> Matrix:
    """Return bits as 1 and -1; a missing part adds nothing to its group, as a zero filter does."""
    words = np.ascontiguousarray(encoded.bits[:, group, : length // 64]).astype("<u8")
    return 1 - 2 * np.unpackbits(words.view(np.uint8), axis=1).astype(np.float32)


def _classes(group: Group) -> list[tuple[int, Group]]:
    """Split a group into its parts; those of one label share keys, so that they stay together.

    Returns per class its t and a group whose bits agree as the class's filters do.
    """
    if not group.parts[0].diffusion:
        return [(0, group)]
    labels = dict.fromkeys((part.label, part.diffusion) for part in group.parts)
    return [
        (
            t,
            replace(
                group,
                parts=tuple(
                    _permuted(part)
                    for part in group.parts
                    if (part.label, part.diffusion) == (label, t)
                ),
            ),
        )
        for label, t in labels
    ]


def _permuted(part: Part) -> Part:
    """Return the part with its bits permuted and no more, so that distances stay as they are."""
    null_if = "all_missing" if part.null_if == "never" else part.null_if
    return replace(part, diffusion=1, null_if=null_if)


def _undiffused(scheme: Scheme, parts: Sequence[tuple[int, int, Group]]) -> Scheme:
    if all(t == 0 for _, t, _ in parts):
        return replace(scheme, required_fill=None)
    groups = tuple(replace(group, name=f"p{i}") for i, (_, _, group) in enumerate(parts))
    return replace(scheme, group=groups, allow_weak_groups=True, required_fill=None)


def _refine(labels: NDArray[np.int64], bits: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Return labels that also tell apart records whose bits differ."""
    rows = np.ascontiguousarray(np.column_stack([labels.astype(np.uint64), bits]))
    _, refined = np.unique(rows, axis=0, return_inverse=True)
    return np.asarray(refined, np.int64).ravel()


def _group_view(
    group: Group, expected: Matrix, own: EncodedRows, encoded: EncodedRows, g: int
) -> GroupView:
    has, seen = own.present[:, g], encoded.present[:, g]
    simulated = agreement(own, g, group.length)
    observed = agreement(encoded, g, group.length)
    weight = np.arctanh(np.clip(expected, -_MOST_AGREEMENT, _MOST_AGREEMENT))
    return GroupView(
        length=group.length,
        expected=_centred(expected, has),
        simulated=_centred(simulated, has),
        observed=_centred(observed, seen),
        weight=_centred(weight, has),
        kernel=expected * np.outer(has, has).astype(np.float32),
        plain=group.similarity == "dice",
    )


def _centred(matrix: Matrix, has: NDArray[np.bool_]) -> Matrix:
    """Return the matrix less its mean over different records, 0 for null ones and itself."""
    pairs = np.outer(has, has)
    np.fill_diagonal(pairs, val=False)
    mean = float(matrix[pairs].mean()) if pairs.any() else 0.0
    return np.where(pairs, matrix - np.float32(mean), np.float32(0)).astype(np.float32)
