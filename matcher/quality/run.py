"""A finished run as far as its figures need it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from linkage.linking import Linkage, LinkingRules
from matcher.quality.columns import RunLinks


@dataclass(frozen=True)
class LoadedRun:
    """A finished run: ``model`` is model.json; ``linkage`` is rebuilt from what it has kept."""

    id: str
    model: dict[str, Any]
    records: RunLinks
    linkage: Linkage
    rules: LinkingRules
