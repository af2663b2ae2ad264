"""Where groups are independent, the recordlinkage toolkit's ECM finds the same parameters."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import recordlinkage

from linkage.candidates import levels_of_rows
from linkage.linking import LinkingRules, link
from linkage.patterns import GroupComparison
from tests.synthetic import LAYOUT, make_world

AGREES = tuple(GroupComparison(g.name, g.length, "correlation", (0.4,)) for g in LAYOUT)


@pytest.mark.parametrize("seed", [1, 2])
def test_m_u_and_lambda_are_those_of_ecm(seed):
    world = make_world(seed, people=500, agencies=2, missing=0.0)
    sources = world.sources()
    left, right = (
        grid.ravel()
        for grid in np.meshgrid(
            *(np.arange(sources.rows(a).start, sources.rows(a).stop) for a in range(2)),
            indexing="ij",
        )
    )
    features = pd.DataFrame(
        levels_of_rows(sources, AGREES, left, right),
        index=pd.MultiIndex.from_arrays([left, right]),
        columns=[comparison.name for comparison in AGREES],
    )
    oracle = recordlinkage.ECMClassifier(binarize=None, atol=1e-8)
    oracle.fit_predict(features)
    model = link(sources, LinkingRules(AGREES, 0.5, 0.1, 40, 1), map).model
    assert model.match_share == pytest.approx(oracle.p, rel=0.02)
    for g, comparison in enumerate(AGREES):
        assert model.m[g][1] == pytest.approx(oracle.m_probs[comparison.name][1], abs=0.02)
        assert model.u[g][1] == pytest.approx(oracle.u_probs[comparison.name][1], abs=1e-4)
