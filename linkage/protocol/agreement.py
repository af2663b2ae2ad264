"""The linkage agreement: what the parties have agreed, as a TOML file that people can read."""

from __future__ import annotations

from dataclasses import field
from typing import Annotated, Self

from pydantic import Field, TypeAdapter, model_validator
from pydantic.dataclasses import dataclass

from linkage.errors import InputError
from linkage.protocol.reading import parse_toml
from linkage.protocol.scheme import STRICT, Name, Scheme
from linkage.protocol.weakness import refuse_weak_groups

Probability = Annotated[float, Field(gt=0, lt=1)]


@dataclass(frozen=True, config=STRICT)
class Identification:
    """Which agreement this is."""

    id: Name
    title: str
    version: Annotated[int, Field(ge=1)] = 1


@dataclass(frozen=True, config=STRICT)
class Party:
    """An agency that takes part.

    ``clean`` says that its extract holds each person at most once, on which one-to-one linking
    rests.
    """

    name: Name
    clean: bool = True


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


@dataclass(frozen=True, config=STRICT)
class Agreement:
    """Everything that the parties have agreed."""

    agreement: Identification
    scheme: Scheme
    matching: Matching = Matching()
    party: tuple[Party, ...] = ()
    outputs: Outputs = Outputs()

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        names = [party.name for party in self.party]
        if len(set(names)) != len(names):
            raise ValueError("two parties have the same name")
        unknown = set(self.matching.levels) - {group.name for group in self.scheme.group}
        if unknown:
            raise ValueError(f"matching.levels names unknown groups: {', '.join(sorted(unknown))}")
        return self

    def require_party(self, name: str) -> None:
        """Raise `InputError` unless ``name`` may take part; without parties anyone may."""
        names = [party.name for party in self.party]
        if names and name not in names:
            raise InputError(
                f"The agency {name!r} is not a party of the agreement {self.agreement.id!r}; "
                f"its parties are {', '.join(names)}."
            )

    def is_clean(self, name: str) -> bool:
        """Whether the agency's extract holds each person at most once."""
        return all(party.clean for party in self.party if party.name == name)


@dataclass(frozen=True, config=STRICT)
class _SchemeAlone:
    """A file with the scheme of an agreement and nothing else."""

    scheme: Scheme


_AGREEMENT = TypeAdapter(Agreement)
_SCHEME_ALONE = TypeAdapter(_SchemeAlone)


def parse_agreement(text: str, source: str) -> Agreement:
    """Parse and validate a whole agreement.

    ``source`` is the name that errors give to the text. Raises `InputError` that lists every
    fault with its place, or `PolicyError` for a scheme that protects too little.
    """
    agreement = parse_toml(_AGREEMENT, text, source, "agreement")
    refuse_weak_groups(agreement.scheme)
    return agreement


def parse_scheme(text: str, source: str) -> Scheme:
    """Parse and validate the ``[scheme]`` of an agreement by itself, as `parse_agreement` does."""
    scheme = parse_toml(_SCHEME_ALONE, text, source, "scheme").scheme
    refuse_weak_groups(scheme)
    return scheme
