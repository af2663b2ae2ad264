"""Linkages made up pair by pair, for tests of what the report says of them."""

from __future__ import annotations

from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from linkage.clustering import cluster
from linkage.encodings import Encodings, GroupLayout, Header
from linkage.estimates import EstimateBasis
from linkage.evaluation import expected_quality
from linkage.fellegi_sunter import LinkageModel
from linkage.linking import Linkage, LinkingRules, Links
from linkage.patterns import GroupComparison, PatternHistogram
from linkage.sources import Sources, gather

GROUPS = ("name", "birth", "place")
COMPARISONS = tuple(GroupComparison(g, 128, "correlation", (0.97, 0.75, 0.5, 0.31)) for g in GROUPS)
RULES = LinkingRules(COMPARISONS, 0.5, 0.1, 40, 1)


def make_sources(
    sizes: dict[str, int], clean: bool = True, groups: tuple[str, ...] = GROUPS
) -> Sources:
    rng = np.random.default_rng(5)
    layout = tuple(GroupLayout(group, 128) for group in groups)
    files = [
        Encodings(
            Header(name, "00" * 32, layout),
            rng.integers(0, 256, (n, 16)).astype(np.uint8),
            rng.integers(0, 2**63, (n, len(groups), 2)).astype(np.uint64),
            np.ones((n, len(groups)), np.bool_),
        )
        for name, n in sizes.items()
    ]
    return gather(files, dict.fromkeys(sizes, clean))


def make_model(comparisons: tuple[GroupComparison, ...] = COMPARISONS) -> LinkageModel:
    m = tuple(np.arange(1.0, c.level_count + 1) for c in comparisons)
    u = tuple(10.0 ** -np.arange(c.level_count) for c in comparisons)
    return LinkageModel(
        comparisons, tuple(x / x.sum() for x in m), tuple(x / x.sum() for x in u), 1e-3, 3
    )


def make_linkage(
    sources: Sources, pairs: list[tuple[int, int, float, float]], calibrated: bool = True
) -> Linkage:
    """Pairs are (left, right, weight, probability), probabilities rising with the weights."""
    table = np.array(sorted(pairs, key=lambda pair: (-pair[3], -pair[2])), float).reshape(-1, 4)
    left, right = table[:, 0].astype(np.int32), table[:, 1].astype(np.int32)
    patterns, pattern_of, weight, probability = _patterns(table[:, 2:])
    levels = patterns[pattern_of]
    links = Links(left, right, table[:, 2], table[:, 3], levels)
    sure = links.at_least(RULES.link)
    between = [set(p) for p in zip(sources.source[left], sources.source[right], strict=True)]
    return Linkage(
        links.at_least(RULES.review),
        cluster(sources, sure.left, sure.right, sure.probability),
        make_model(),
        PatternHistogram(
            patterns, np.bincount(pattern_of), pattern_of, np.ones((3, 5), np.int64), 10**6
        ),
        weight,
        probability,
        expected_quality(links.probability, RULES.link),
        {
            (sources.names[a], sources.names[b]): expected_quality(
                links.probability[[pair == {a, b} for pair in between]], RULES.link
            )
            for a, b in sources.pairs()
        },
        basis=EstimateBasis(),
        calibrated=calibrated,
    )


def _patterns(evidence: NDArray[np.float64]) -> tuple[NDArray, NDArray, NDArray, NDArray]:
    """Give each kind of evidence (weight, probability) a pattern of its own.

    A pair below 0 owes what weight it has to other records; alone it would weigh still less.
    """
    kinds, pattern_of = np.unique(evidence, axis=0, return_inverse=True)
    at = (np.arange(len(kinds)) + 1) % 6**3  # beyond it patterns come twice; 0 has no group at all
    levels = np.array(np.unravel_index(at, (6, 6, 6))).T.astype(np.int8) - 1
    alone = np.where(kinds[:, 0] < 0, 0.01, kinds[:, 1])
    return levels, pattern_of, kinds[:, 0] - 5.0 * (kinds[:, 0] < 0), alone


def linked_in_step(sources: Sources, shared: int, weight: float = 12.0) -> Linkage:
    """The first ``shared`` records of all agencies are the same people, in the same order."""
    agencies = range(len(sources.names))
    starts = sources.starts.tolist()
    return make_linkage(
        sources,
        [
            (starts[a] + k, starts[b] + k, weight + k % 5, 0.99)
            for a, b in combinations(agencies, 2)
            for k in range(min(shared, sources.size(a), sources.size(b)))
        ],
    )
