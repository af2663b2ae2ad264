"""What links weigh beside what their groups say, kept so that any link can be explained later.

The weight of a link is the rarity of matches, the match weight of each group at its level, and the
corrections that are told apart here.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from linkage.linking import Linkage
from matcher.runs.report.steps import Corrections
from matcher.runs.tables import parquet

_BITS = 1 / np.log(2)  # natural logarithms to bits


def corrections(linkage: Linkage, at: NDArray[np.int64]) -> Corrections[NDArray[np.float64]]:
    """Return the corrections of the links at the given positions."""
    links = linkage.links.take(at)
    alone = linkage.model.log_odds(links.levels) * _BITS
    pattern = linkage.histogram.find(links.levels)
    # No comparison may have put such a pair forward; -1 picks what stands last.
    known = np.append(linkage.pattern_weight, np.nan)[pattern]
    together = np.where(np.isnan(known), alone, known)
    nothing = np.zeros(len(links))
    rarity = nothing if linkage.rarity is None else linkage.rarity[at]
    here = nothing if linkage.open_links is None else linkage.open_links.rarer[at]
    return Corrections(together - alone, rarity, here, links.weight - together - rarity - here)


def own_probability(linkage: Linkage) -> NDArray[np.float64]:
    """Return the links' probabilities on their own evidence, float64 (links,).

    0 for a pair that only other records tie together and that no comparison put forward.
    """
    pattern = linkage.histogram.find(linkage.links.levels)
    own = np.append(linkage.pattern_probability, 0.0)[pattern]  # -1, for none, picks the last
    if linkage.open_links is None:
        return own
    apart = linkage.open_links.probability
    return np.where(np.isnan(apart), own, apart)


def weight_table(linkage: Linkage) -> bytes:
    """Return weights.parquet: what each row of links.parquet weighs beside what its groups say.

    ``overlap, rarity, commonness, others`` in bits (`matcher.runs.report.steps.Corrections`), and
    ``own_probability``, that of the link on its own evidence.
    """
    found = corrections(linkage, np.arange(len(linkage.links)))
    return parquet({**vars(found), "own_probability": own_probability(linkage)})
