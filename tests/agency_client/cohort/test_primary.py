"""The rules for single cells, against the verdicts of acro."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from agency_client.cohort.release.grid import Grid
from agency_client.cohort.release.primary import dominated, small_cells

VECTORS = json.loads(Path("tests/vectors/acro.json").read_text())
DOMINANCE = {"NKCheck", "PPercentCheck"}


def test_vectors_are_of_every_kind():
    kinds = {frozenset(own["acro"]) for own in VECTORS["cells"]}
    assert kinds >= {
        frozenset({"ok"}), frozenset({"MinimumThresholdCheck"}),
        frozenset({"NKCheck"}), frozenset({"NKCheck", "PPercentCheck"}),
    }  # fmt: skip


@pytest.mark.parametrize("own", VECTORS["cells"])
def test_dominance_and_few_are_as_in_acro(own: dict[str, list[int] | list[str]]):
    contributions = np.array(own["contributions"], np.float64)
    assert dominated(contributions) == bool(DOMINANCE & set(own["acro"]))
    size = np.array([len(contributions)], np.int64)
    found = list(small_cells(Grid(("a",), (), size, size, ()), VECTORS["config"]["safe_threshold"]))
    assert bool(found) == ("MinimumThresholdCheck" in own["acro"])


@pytest.mark.parametrize(
    ("contributions", "dominant"),
    [([50, 40, 10], False), ([50, 41, 9], True), ([10] * 10, False), ([100], True), ([9, 9], True)],
)
def test_two_that_make_up_more_than_nine_in_ten(contributions: list[int], dominant: bool):
    assert dominated(np.array(contributions, np.float64)) == dominant
