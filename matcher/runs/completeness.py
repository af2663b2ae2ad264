"""How complete the agencies' records are: what of them no comparison can see."""

from __future__ import annotations

from typing import Any

import numpy as np

from linkage.linking import Linkage
from linkage.sources import Sources
from matcher.runs.report.people import unlinkable_records

KEYS = ("completeness", "unlinkable")
"""What `completeness` returns, and what doesn't hold any more once records are erased."""


def completeness(sources: Sources, linkage: Linkage, link: float) -> dict[str, Any]:
    """Return what model.json says of completeness, counted in records.

    ``completeness`` by agency and group: how many of its records have that group at all; of
    alternates one is enough. ``unlinkable`` by agency: how many lack so much that not even an
    identical copy would reach the link probability ``link``.
    """
    groups = [comparison.name for comparison in linkage.model.comparisons]
    has = np.zeros((len(sources), len(groups)), np.bool_)
    np.logical_or.at(has, sources.record, sources.encodings.present)
    present = {
        name: dict(zip(groups, has[sources.records(s)].sum(axis=0).tolist(), strict=True))
        for s, name in enumerate(sources.names)
    }
    unlinkable = unlinkable_records(sources, linkage, link).tolist()
    return {
        "completeness": present,
        "unlinkable": dict(zip(sources.names, unlinkable, strict=True)),
    }
