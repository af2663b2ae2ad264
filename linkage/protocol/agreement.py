"""The linkage agreement: what the parties have agreed, as a TOML file that people can read."""

from __future__ import annotations

import json
import tomllib
from dataclasses import field
from typing import Annotated, Self

from pydantic import Field, TypeAdapter, ValidationError, model_validator
from pydantic.dataclasses import dataclass

from linkage.errors import InputError
from linkage.protocol.scheme import STRICT, Name, Scheme, refuse_weak_groups

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
class Matching:
    """How encodings are compared and when two records count as one person.

    ``link`` is the least match probability of a link; pairs down to ``review`` are kept for
    people to look at. ``candidates_per_record`` caps the pairs that the model looks at, over all
    pairs of agencies. ``levels`` sets, per group, the least similarity of each agreement level,
    from high to low. ``seed`` fixes every random choice.
    """

    link: Probability = 0.5
    review: Probability = 0.1
    candidates_per_record: Annotated[int, Field(ge=1, le=10_000)] = 40
    levels: dict[Name, tuple[Annotated[float, Field(gt=0, le=1)], ...]] = field(
        default_factory=dict
    )
    seed: Annotated[int, Field(ge=0)] = 1

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.review > self.link:
            raise ValueError("review must not be above link")
        for group, levels in self.levels.items():
            if not 1 <= len(levels) <= 100 or sorted(set(levels), reverse=True) != list(levels):
                raise ValueError(f"levels.{group} must fall strictly, with 1 to 100 levels")
        return self


@dataclass(frozen=True, config=STRICT)
class Agreement:
    """Everything that the parties have agreed."""

    agreement: Identification
    scheme: Scheme
    matching: Matching = Matching()
    party: tuple[Party, ...] = ()

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


_AGREEMENT = TypeAdapter(Agreement)


def parse_agreement(text: str, source: str) -> Agreement:
    """Parse and validate a whole agreement.

    ``source`` is the name that errors give to the text. Raises `InputError` that lists every
    fault with its place, or `PolicyError` for a scheme that protects too little.
    """
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{source} is not valid TOML: {error}.") from None
    try:
        # Strict validation takes JSON arrays as tuples, which it refuses from Python lists.
        agreement = _AGREEMENT.validate_json(json.dumps(table, default=str))
    except ValidationError as error:
        raise InputError(f"{source} is not a usable agreement: {_faults(error)}.") from None
    refuse_weak_groups(agreement.scheme)
    return agreement


def _faults(error: ValidationError) -> str:
    return "; ".join(
        f"{'.'.join(map(str, fault['loc'])) or 'agreement'}: {_sentence(fault['msg'])}"
        for fault in error.errors()
    )


def _sentence(message: str) -> str:
    if message == "Unexpected keyword argument":
        return "not a known setting"
    return message.removeprefix("Value error, ").rstrip(".")
