"""``[matching]`` and ``[outputs]``: when two records are one person, and how counts leave."""

from __future__ import annotations

from dataclasses import field
from typing import Annotated, Self

from pydantic import Field, model_validator
from pydantic.dataclasses import dataclass

from linkage.protocol.scheme import STRICT, Name

Probability = Annotated[float, Field(gt=0, lt=1)]


@dataclass(frozen=True, config=STRICT)
class Costs:
    """What a wrong link and a missed link cost, in any unit; only their ratio matters."""

    false_link: Annotated[float, Field(gt=0, allow_inf_nan=False)]
    missed_link: Annotated[float, Field(gt=0, allow_inf_nan=False)]


@dataclass(frozen=True, config=STRICT)
class Matching:
    """How encodings are compared and when two records count as one person.

    ``link`` is the least match probability of a link; in its place ``costs`` may say what
    mistakes cost. Pairs down to ``review`` are kept for people to look at.
    ``candidates_per_record`` is about how many pairs the model looks at, for each record and each
    other agency.
    ``levels`` sets, per group, the least similarity of each agreement level, from high to low.
    ``seed`` fixes every random choice.
    """

    link: Probability | None = None
    costs: Costs | None = None
    review: Probability = 0.1
    candidates_per_record: Annotated[int, Field(ge=1, le=10_000)] = 40
    levels: dict[Name, tuple[Annotated[float, Field(gt=0, le=1)], ...]] = field(
        default_factory=dict
    )
    seed: Annotated[int, Field(ge=0)] = 1

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.link is not None and self.costs is not None:
            raise ValueError("give link or costs, not both")
        if self.review > self.link_probability:
            raise ValueError(
                f"review must not be above link, which is {self.link_probability:.3g} here"
            )
        for group, levels in self.levels.items():
            if not 1 <= len(levels) <= 100 or sorted(set(levels), reverse=True) != list(levels):
                raise ValueError(f"levels.{group} must fall strictly, with 1 to 100 levels")
        return self

    @property
    def link_probability(self) -> float:
        """The probability from which on a link costs less than its absence; 0.5 if unsaid.

        A link at probability p costs (1 - p) · false_link, its absence p · missed_link.
        """
        if self.costs is not None:
            return self.costs.false_link / (self.costs.false_link + self.costs.missed_link)
        return 0.5 if self.link is None else self.link


@dataclass(frozen=True, config=STRICT)
class Outputs:
    """How counts of people and pairs may leave the matcher.

    Counts below ``least_cell`` are withheld, and all others rounded to multiples of ``rounding``.
    """

    least_cell: Annotated[int, Field(ge=1)] = 10
    rounding: Annotated[int, Field(ge=1)] = 5

    @model_validator(mode="after")
    def _least_survives_rounding(self) -> Self:
        if self.least_cell % self.rounding:
            raise ValueError("least_cell must be a multiple of rounding")
        return self
