"""u-probabilities from pairs that can't be matches."""

import numpy as np
import pytest

from linkage.candidates import Candidates
from linkage.encodings import Encodings, GroupLayout, Header
from linkage.nonmatches import non_match_levels
from linkage.patterns import GroupComparison, count_patterns
from linkage.sources import gather

COMPARISONS = (GroupComparison("g", 64, "correlation", (0.5,)),)
SIZE = 200


def two_agencies(clean):
    rng = np.random.default_rng(0)
    layout = (GroupLayout("g", 64),)
    files = [
        Encodings(
            Header(name, "s", layout),
            np.sort(rng.integers(0, 255, (SIZE, 16), np.uint8), axis=0),
            rng.integers(0, 2**63, (SIZE, 1, 1)).astype(np.uint64),
            np.ones((SIZE, 1), bool),
        )
        for name in "ab"
    ]
    return gather(files, {"a": clean, "b": clean})


def all_pairs(levels):
    """Every pair as a candidate; ``levels`` (SIZE, SIZE)."""
    left, right = np.divmod(np.arange(SIZE * SIZE, dtype=np.int32), SIZE)
    levels = levels.reshape(-1, 1).astype(np.int8)
    marginals = np.array([[(levels == 0).sum(), (levels == 1).sum()]])
    found = Candidates(
        left, (right + SIZE).astype(np.int32), levels, np.zeros(len(left)), marginals, SIZE * SIZE
    )
    return found, count_patterns(levels, marginals, SIZE * SIZE)


def test_matches_that_nobody_believes_in_do_not_count_as_strangers():
    """Every record has its match on the diagonal; strangers agree once in a hundred pairs."""
    agree = np.random.default_rng(1).random((SIZE, SIZE)) < 0.01
    np.fill_diagonal(agree, val=True)
    candidates, histogram = all_pairs(agree)
    sure = np.arange(SIZE // 2) * (SIZE + 1)  # half of the matches are known
    (found,) = non_match_levels(two_agencies(clean=True), candidates, histogram, COMPARISONS, sure)
    strangers = agree.sum() - SIZE
    assert found[1] == pytest.approx(strangers, rel=0.2)
    assert found.sum() == pytest.approx(SIZE * SIZE, rel=0.02)


def test_copies_in_an_agency_that_is_not_clean_are_nobodys_strangers():
    candidates, histogram = all_pairs(np.eye(SIZE))
    sure = np.arange(SIZE // 2) * (SIZE + 1)
    for clean, known in ((False, None), (True, list)):
        found = non_match_levels(two_agencies(clean), candidates, histogram, COMPARISONS, sure)
        assert type(found) is (known or type(None))


def test_too_few_sure_pairs_vouch_for_nothing():
    candidates, histogram = all_pairs(np.eye(SIZE))
    sure = np.arange(3) * (SIZE + 1)
    two = two_agencies(clean=True)
    assert non_match_levels(two, candidates, histogram, COMPARISONS, sure) is None
