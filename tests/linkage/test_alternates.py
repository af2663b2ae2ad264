"""A person with several names is one record: its best alternate speaks, and it counts once."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import pytest

from linkage.candidates import pair_levels
from linkage.encodings import Encodings, read_encodings, write_encodings
from linkage.errors import VerificationError
from linkage.linking import LinkingRules, link
from linkage.patterns import NULL
from linkage.sources import Sources, gather
from tests.synthetic import COMPARISONS, make_world, random_bits

RULES = LinkingRules(COMPARISONS, 0.5, 0.1, 40, 1)


def with_decoy_alternates(file: Encodings, seed: int, share: float = 0.3) -> Encodings:
    """Give a share of the records a second row that resembles nobody, rows in random order."""
    rng = np.random.default_rng(seed)
    chosen = np.flatnonzero(rng.random(len(file)) < share)
    extra = random_bits(rng, len(chosen), *file.bits.shape[1:])
    order = rng.permutation(len(file) + len(chosen))
    return Encodings(
        replace(file.header, alternates=True),
        np.concatenate([file.tokens, file.tokens[chosen]])[order],
        np.concatenate([file.bits, extra])[order],
        np.concatenate([file.present, np.ones((len(chosen), file.present.shape[1]), bool)])[order],
    )


def of(files: list[Encodings]) -> Sources:
    return gather(files, {file.header.agency: True for file in files})


def pairs_of(sources: Sources, linkage) -> set[tuple[bytes, bytes]]:
    links = linkage.links.at_least(0.5)
    token = [t.tobytes() for t in sources.tokens]
    return {(token[a], token[b]) for a, b in zip(links.left, links.right, strict=True)}


def test_alternates_that_resemble_nobody_change_little():
    world = make_world(4)
    plain = of(world.files)
    richer = of([with_decoy_alternates(file, k) for k, file in enumerate(world.files)])
    assert richer.has_alternates()
    assert not plain.has_alternates()
    np.testing.assert_array_equal(plain.tokens, richer.tokens)
    one, two = (pairs_of(s, link(s, RULES, map)) for s in (plain, richer))
    # More rows give chance more to agree by, so that a few wrong links may come; no right one goes.
    assert not [pair for pair in one - two if world.person[pair[0]] == world.person[pair[1]]]
    assert sum(world.person[a] == world.person[b] for a, b in two) > 0.97 * len(two)


def test_the_matching_alternate_is_found():
    """What was the only row becomes the second: the same people are still found."""
    world = make_world(4)
    files = [with_decoy_alternates(world.files[0], 1, share=1.0), *world.files[1:]]
    one, two = (pairs_of(s, link(s, RULES, map)) for s in (of(world.files), of(files)))
    assert len(one ^ two) < 0.02 * len(one)


def test_a_record_with_alternates_is_one_member_of_one_cluster():
    sources = of([with_decoy_alternates(f, k) for k, f in enumerate(make_world(4).files)])
    linkage = link(sources, RULES, map)
    assert len(linkage.clusters.cluster_of) == len(sources) == len(sources.tokens)
    members = np.stack([linkage.clusters.cluster_of, sources.source], axis=1)
    assert len(np.unique(members, axis=0)) == len(members)
    assert linkage.histogram.total_pairs == sources.total_pairs()


def test_levels_are_those_of_the_best_alternates():
    sources = of([with_decoy_alternates(f, k, 0.6) for k, f in enumerate(make_world(4).files)])
    rng = np.random.default_rng(0)
    left = rng.integers(0, sources.starts[1], 200)
    right = rng.integers(sources.starts[1], len(sources), 200)
    levels = pair_levels(sources, COMPARISONS, left, right)
    rows = [np.flatnonzero(sources.record == r) for r in range(len(sources))]
    singles = of_rows(sources)
    for k in range(200):
        choices = [
            pair_levels(singles, COMPARISONS, np.array([a]), np.array([b]))[0]
            for a in rows[left[k]]
            for b in rows[right[k]]
        ]
        best = max(int(np.maximum(choice, 0).sum()) for choice in choices)
        assert int(np.maximum(levels[k], 0).sum()) == best
        assert any((levels[k] == choice).all() for choice in choices)
    assert (levels == NULL).any()


def of_rows(sources: Sources) -> Sources:
    """The same rows, each a record of its own."""
    rows = len(sources.record)
    return replace(sources, record=np.arange(rows, dtype=np.int32), source=np.zeros(rows, np.int32))


def test_the_order_of_alternates_does_not_matter():
    files = [with_decoy_alternates(f, k) for k, f in enumerate(make_world(4).files)]
    rng = np.random.default_rng(0)
    shuffled = []
    for file in files:
        order = rng.permutation(len(file))
        shuffled.append(
            Encodings(file.header, file.tokens[order], file.bits[order], file.present[order])
        )
    one, two = link(of(files), RULES, map), link(of(shuffled), RULES, map)
    np.testing.assert_array_equal(one.links.probability, two.links.probability)
    np.testing.assert_array_equal(one.links.levels, two.links.levels)


def test_a_file_says_whether_tokens_repeat():
    file = with_decoy_alternates(make_world(1).files[0], 1)
    sink = io.BytesIO()
    write_encodings(sink, file.header, [file])
    assert read_encodings(io.BytesIO(sink.getvalue()), "x").header.alternates
    sink = io.BytesIO()
    write_encodings(sink, replace(file.header, alternates=False), [file])
    with pytest.raises(VerificationError, match="same token"):
        read_encodings(io.BytesIO(sink.getvalue()), "x")
