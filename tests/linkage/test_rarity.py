"""Where encodings recur, agreeing on a rare value weighs more than agreeing on a common one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from linkage import linking
from linkage.calibration import Calibration, calibrate
from linkage.encodings import Encodings, GroupLayout, Header
from linkage.linking import LinkingRules, _by_pattern, link
from linkage.patterns import DICE_LEVELS, GroupComparison, PatternHistogram
from linkage.rarity import rarity_of_pairs
from linkage.sources import Sources, gather
from tests.synthetic import COMPARISONS, make_world, random_bits

NAMES, BITS = 12, 256
LAYOUT = tuple(GroupLayout(name, BITS) for name in ("name", "other"))
DICE = tuple(GroupComparison(group.name, BITS, "dice", DICE_LEVELS) for group in LAYOUT)


def named(names: list[list[int]], seed: int = 0, present: float = 1.0) -> Sources:
    """Agencies whose records have one of twelve names each, and something of their own."""
    rng = np.random.default_rng(seed)
    value = random_bits(rng, NAMES, BITS // 64)
    files = []
    for number, own in enumerate(names):
        bits = random_bits(rng, len(own), 2, BITS // 64)
        bits[:, 0] = value[own]
        has_group = rng.random((len(own), 2)) < present
        tokens = rng.integers(0, 256, (len(own), 16), dtype=np.uint8)
        header = Header(f"agency{number}", "00" * 32, LAYOUT)
        files.append(Encodings(header, tokens, bits * has_group[:, :, None], has_group))
    return gather(files, {file.header.agency: True for file in files})


def count_of(sources: Sources) -> np.ndarray:
    """How many records share each record's name; 0 where it has none."""
    bits = sources.encodings.bits[:, 0]
    same = (bits[:, None] == bits[None]).all(axis=2)
    has = sources.encodings.present[:, 0]
    return np.where(has, (same & has).sum(axis=1), 0)


@given(
    st.lists(st.lists(st.integers(0, NAMES - 1), min_size=1, max_size=30), min_size=2, max_size=3),
    st.sampled_from([1.0, 0.7]),
)
def test_a_rare_value_never_weighs_less_than_a_common_one(names, present):
    sources = named(names, present=present)
    left, right = np.triu_indices(len(sources), 1)
    rarity = rarity_of_pairs(sources, DICE, left.astype(np.int32), right.astype(np.int32))
    assert rarity is not None
    counts, bits = count_of(sources), sources.encodings.bits[:, 0]
    same = (bits[left] == bits[right]).all(axis=1) & (counts[left] > 0) & (counts[right] > 0)
    assert (rarity[~same] == 0).all()
    order = np.argsort(counts[left[same]])
    assert (np.diff(rarity[same][order]) <= 1e-12).all()


def test_the_weight_of_a_value_by_hand():
    sources = named([[0, 0, 0, 1], [0, 0, 0, 1]])
    name_of = count_of(sources)
    rare = np.flatnonzero(name_of == 2)
    common = np.flatnonzero(name_of == 6)
    ends = np.array([[rare[0], rare[1]], [common[0], common[-1]]], np.int32)
    found = rarity_of_pairs(sources, DICE, ends[:, 0], ends[:, 1])
    typical = np.log(0.25**2 + 0.75**2)
    np.testing.assert_allclose(found, [typical - np.log(0.25), typical - np.log(0.75)])


def test_diffused_groups_are_left_alone():
    sources = make_world(1, people=60).sources()
    pair = np.array([0], np.int32)
    assert rarity_of_pairs(sources, COMPARISONS, pair, pair + 1) is None
    assert link(sources, LinkingRules(COMPARISONS, 0.5, 0.1, 40, 1), map).rarity is None


@pytest.mark.parametrize("seed", [1, 2])
def test_of_two_alike_pairs_the_rarer_is_the_likelier(seed):
    rng = np.random.default_rng(seed)
    people = 600
    share = 0.5 ** np.arange(NAMES)
    name = rng.choice(NAMES, people, p=share / share.sum())
    value, own = random_bits(rng, NAMES, 4), random_bits(rng, people, 4)
    files = []
    for agency in range(2):
        known = np.flatnonzero(rng.random(people) < 0.7)
        bits = np.stack([value[name[known]], own[known]], axis=1)
        changed = rng.random(len(known)) < 0.3
        bits[changed, 1] = random_bits(rng, int(changed.sum()), 4)
        tokens = rng.integers(0, 256, (len(known), 16), dtype=np.uint8)
        header = Header(f"agency{agency}", "00" * 32, LAYOUT)
        files.append(Encodings(header, tokens, bits, np.ones((len(known), 2), np.bool_)))
    sources = gather(files, {"agency0": True, "agency1": True})
    linkage = link(sources, LinkingRules(DICE, 0.5, 0.001, 40, 1), map)
    assert linkage.rarity is not None
    sure = linkage.links.levels[:, 1] == len(DICE_LEVELS)
    order = np.argsort(linkage.rarity[sure])
    assert (np.diff(linkage.links.weight[sure][order]) >= -1e-9).all()
    assert len(np.unique(linkage.rarity[sure])) > 3


def test_a_pattern_has_the_mean_of_its_pairs():
    """By rarity its pairs differ; which of them comes last says nothing."""
    patterns = np.array([[0], [1]], np.int8)
    of_pair, probability = np.array([0, 1, 0, 0]), np.array([0.2, 0.9, 0.7, 0.6])
    counts = np.array([3, 1])
    competing = np.array([True, True, True, False])
    for order in (np.arange(4), np.arange(4)[::-1]):
        histogram = PatternHistogram(patterns, counts, of_pair[order], np.zeros((1, 2), int), 4)
        calibration = Calibration(
            competing[order],
            competing[order],
            probability[order],
            np.empty(0, np.int64),
            np.empty(0),
            calibrated=True,
        )
        np.testing.assert_allclose(_by_pattern(histogram, np.zeros(2), calibration), [0.45, 0.9])


def test_rarity_is_calibrated_on_scores_that_have_not_learnt_from_the_pair(monkeypatch):
    sources = named([list(range(NAMES)) * 20] * 2)
    asked = []

    def calibrating(*known, **more):
        asked.append(more)
        return calibrate(*known, **more)

    held_out = np.full(1, np.nan)
    monkeypatch.setattr(linking, "calibrate", calibrating)

    def rescored(sources, candidates, histogram, level_counts, odds, *, repeats_hidden):
        nonlocal held_out
        held_out = odds[histogram.pattern_of] - 1.0
        return odds, held_out

    monkeypatch.setattr(linking, "rescore", rescored)
    link(sources, LinkingRules(DICE, 0.5, 0.1, 40, 1), map)
    (only,) = asked
    assert only["held_out"] is held_out
    assert only["rarity"] is not None
