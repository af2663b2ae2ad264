"""One record that stands in a file hundreds of times crowds nothing out."""

from __future__ import annotations

import numpy as np
import pytest

from linkage import searching
from linkage.encodings import Encodings
from linkage.linking import LinkingRules, link
from linkage.sampling import choose_floor
from linkage.scanning import scan_pairs
from linkage.sources import gather
from tests.synthetic import COMPARISONS, make_world, random_bits

RULES = LinkingRules(COMPARISONS, 0.5, 0.1, 40, 1)
PERSON = 10**6


def with_repeated(number: int):
    """An unclean agency of people who stand in it twice, and of one record ``number`` times."""
    world = make_world(1, people=500, agencies=1, share=1.0, flips=0.03, noise=0.0, copies=1.0)
    (file,) = world.files
    rng = np.random.default_rng(0)
    bits = random_bits(rng, 1, *file.bits.shape[1:])
    tokens = rng.integers(0, 256, (number, 16), dtype=np.uint8)
    together = Encodings(
        file.header,
        np.concatenate([file.tokens, tokens]),
        np.concatenate([file.bits, np.repeat(bits, number, 0)]),
        np.concatenate([file.present, np.ones((number, len(COMPARISONS)), np.bool_)]),
    )
    person = world.person | {token.tobytes(): PERSON for token in tokens}
    sources = gather([together], {file.header.agency: False})
    return sources, np.array([person[token.tobytes()] for token in sources.tokens])


@pytest.mark.parametrize("hashed", [False, True])
def test_the_others_stay_candidates(monkeypatch, hashed):
    if hashed:
        monkeypatch.setattr(searching, "MOST_WORK", 1_000)
    sources, person = with_repeated(300)
    (scan,) = scan_pairs(sources, [(0, 0)], COMPARISONS, 40, 1, map).values()
    right = person[scan.left] == person[scan.right]
    repeated = right & (person[scan.left] == PERSON)
    assert repeated.sum() == 299
    assert (right & ~repeated).sum() >= 475
    assert len(scan) <= 2 * 40 * len(sources) / 2


def test_the_others_are_linked_as_they_would_be_without_it():
    sources, person = with_repeated(300)
    linkage = link(sources, RULES, map)
    links = linkage.links.at_least(0.5)
    others = person[links.left] != PERSON
    right = (person[links.left] == person[links.right])[others]
    assert right.sum() >= 450
    assert right.mean() > 0.95


def test_the_floor_never_lies_above_the_best_pairs():
    weights = np.array([[0.0, 1.0, 5.0]])
    sample = np.array([[0]] * 900 + [[1]] * 40 + [[2]] * 60, np.int8)
    assert choose_floor(sample, weights, 0.03) == 3.0
