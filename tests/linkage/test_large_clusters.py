"""Clusters have a largest size, so that the pairs within them stay few enough to look at."""

from __future__ import annotations

import numpy as np
import pytest

from linkage.clustering import MOST_TOGETHER, cluster
from linkage.sources import records_alone


@pytest.mark.parametrize("star", [False, True])
def test_thousands_that_are_linked_are_not_one_person(star):
    tokens = np.arange(32_000, dtype=np.uint16).view(np.uint8).reshape(-1, 16)[:2_000]
    sources = records_alone(("a",), np.zeros(1, np.bool_), np.zeros(2_000, np.int32), tokens)
    others = np.arange(1, 2_000, dtype=np.int32)
    hub = np.zeros_like(others) if star else others - 1
    clusters = cluster(sources, hub, others, np.full(len(others), 0.99999), 0.5)
    sizes = clusters.sizes()
    assert sizes.max() == MOST_TOGETHER
    assert (sizes == MOST_TOGETHER).sum() == (1 if star else 10)
    assert len(clusters.left) == (sizes * (sizes - 1) // 2).sum()
