"""What is shown of a run. Nothing here loads a compiler or a chart engine."""

from __future__ import annotations

from dataclasses import dataclass

from matcher.runs.report.cells import Cells
from matcher.runs.report.fates import Fate
from matcher.runs.report.parts import Figure, Headline, Table
from matcher.runs.report.steps import Step

PAGE = 50
"""Links on a page."""


@dataclass(frozen=True)
class Wanted:
    """Which links are asked for, all of them if nothing is said.

    ``agencies`` are two, or one twice; ``probability`` from 0 to 1 and ``weight`` in bits are
    limits, both included; ``cluster`` is a pseudonym or its beginning. ``weakest_first`` turns the
    order round.
    """

    agencies: tuple[str, str] | None = None
    probability: tuple[float | None, float | None] = (None, None)
    weight: tuple[float | None, float | None] = (None, None)
    cluster: str | None = None
    weakest_first: bool = False


@dataclass(frozen=True)
class LinkRow:
    """A link as it may be shown.

    ``name`` is the link's, ``clusters`` the pseudonym of its cluster, or of both where its records
    are in two; ``levels`` by group in the order of the model, None where a group is missing.
    """

    name: str
    clusters: tuple[str, ...]
    agencies: tuple[str, str]
    probability: float
    weight: float
    levels: tuple[int | None, ...]
    fate: Fate


@dataclass(frozen=True)
class LinkPage:
    """A page of links: ``rows`` of all ``found``; pages count from 1.

    ``agencies`` are the run's, and ``groups`` those that levels are of, in order.
    """

    rows: tuple[LinkRow, ...]
    found: int
    page: int
    pages: int
    agencies: tuple[str, ...]
    groups: tuple[str, ...]


@dataclass(frozen=True)
class ComparedGroup:
    """A group: its fields, and the match weight in bits of each level from 0 on."""

    name: str
    fields: tuple[str, ...]
    weights: tuple[float, ...]

    @property
    def highest(self) -> int:
        """The highest level."""
        return len(self.weights) - 1


@dataclass(frozen=True)
class Card:
    """A link and its steps, which add up to its weight.

    ``prior`` and ``alone`` are probabilities: of a match before anything was compared, and on the
    link's own evidence, None where the run hasn't kept it. ``calibrated`` says that decoys taught
    how likely a weight makes a pair.
    """

    link: LinkRow
    steps: tuple[Step, ...]
    prior: float
    alone: float | None
    calibrated: bool
    sentences: tuple[str, ...]
    figure: Figure
    groups: tuple[ComparedGroup, ...]


@dataclass(frozen=True)
class WeakBridge:
    """A doubtful link on which alone two parts of a cluster hang, and the records on its sides."""

    link: str
    cluster: str
    probability: float
    smaller: int
    larger: int


@dataclass(frozen=True)
class Thresholds:
    """Probabilities in words: from which on pairs are linked, are for review, are sure enough."""

    link: str
    review: str
    weak: str


@dataclass(frozen=True)
class LinkQuality:
    """How good the links are.

    ``tradeoff`` is None where too few links tell; ``bridges`` and ``weakest`` hold nothing where
    ``knows_bridges`` is False, which it is of a run of an earlier release.
    """

    headlines: list[Headline]
    calibrated: bool
    counts_unseen: bool
    few_links: bool
    weights: Figure
    tradeoff: Figure | None
    estimates: Table
    lowest_recall: str | None
    knows_bridges: bool
    bridges: Figure | None
    weakest: list[WeakBridge]
    found_bridges: str
    thresholds: Thresholds
    cells: Cells


@dataclass(frozen=True)
class ModelLearnt:
    """What every comparison is worth: match weights, m and u, and what the groups hold."""

    levels: Figure
    m_and_u: Figure
    groups: Table
    calibrated: bool


@dataclass(frozen=True)
class PeopleFound:
    """Whom the links are about, and how complete their records are.

    ``unlinkables`` is None where every agency has few, ``completeness`` where the run didn't keep
    it.
    """

    agencies: Table
    sizes: Figure
    spread: Figure
    coverage: Figure
    unlinkables: Figure | None
    completeness: Table | None
    cells: Cells


@dataclass(frozen=True)
class About:
    """What the pages of a run tell beside its links.

    ``pairs`` of records were compared, of which a share ``match_share`` are matches; they are
    linked from the probability ``link``. ``weighed`` says that the run has kept what its links'
    weights are made of.
    """

    agencies: tuple[str, ...]
    groups: tuple[ComparedGroup, ...]
    pairs: int
    match_share: float
    calibrated: bool
    link: float
    weighed: bool
    quality: LinkQuality
    model: ModelLearnt
    people: PeopleFound
