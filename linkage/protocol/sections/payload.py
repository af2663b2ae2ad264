"""``[payload]``: what may travel to analysts beside the links, how coarse, in whose words."""

from __future__ import annotations

from dataclasses import field
from itertools import combinations
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator
from pydantic.dataclasses import dataclass

from linkage.protocol.scheme import STRICT, Name

AttributeType = Literal["category", "number", "date", "postcode"]
Coarsening = Literal["day", "month", "quarter", "year", "outward_postcode", "tens"]
DateCoarsening = Literal["day", "month", "quarter", "year"]

COARSENINGS: dict[AttributeType, frozenset[Coarsening]] = {
    "category": frozenset(),
    "number": frozenset({"tens"}),
    "date": frozenset({"day", "month", "quarter", "year"}),
    "postcode": frozenset({"outward_postcode"}),
}


RESERVED = frozenset(
    {
        "agencies", "agency", "area", "column", "date", "district", "event", "kind", "person",
        "place", "probability", "quarter", "record_id", "records", "row",
    }
)  # fmt: skip
"""What no attribute is named, whatever its capitals: the columns beside which they stand in files
of agencies, in the tables of a cohort, and where its people and their events are counted."""


@dataclass(frozen=True, config=STRICT)
class Vocabulary:
    """Words with a fixed meaning: ``terms`` gives what each code stands for, in one version."""

    version: Annotated[str, Field(min_length=1, max_length=64)]
    terms: Annotated[dict[Name, str], Field(min_length=1)]


@dataclass(frozen=True, config=STRICT)
class Attribute:
    """Something about a person. A category has a vocabulary, all else is made coarse."""

    type: AttributeType
    coarsen: Coarsening | None = None
    vocabulary: Name | None = None

    @model_validator(mode="after")
    def _coarse_or_a_category(self) -> Self:
        if (self.type == "category") != (self.vocabulary is not None):
            raise ValueError("a category has a vocabulary, and nothing else has")
        if self.type != "category" and self.coarsen is None:
            raise ValueError(f"a {self.type} is made coarse: set coarsen")
        if self.coarsen is not None and self.coarsen not in COARSENINGS[self.type]:
            raise ValueError(f"a {self.type} can't be coarsened to {self.coarsen}")
        return self


@dataclass(frozen=True, config=STRICT)
class EventType:
    """Something that happened to a person: its date as coarse as said, its place not at all.

    ``places`` lets the outward postcode travel; ``vocabulary`` has its kinds, if it has any;
    ``place_tokens`` lets the place itself travel as a token that is keyed among agencies, so that
    an analyst sees where two places are one, and not which place that is.
    """

    date: DateCoarsening = "month"
    places: bool = False
    vocabulary: Name | None = None
    place_tokens: bool = False


@dataclass(frozen=True, config=STRICT)
class AssociationType:
    """What joins two people whom one agency knows: without a date and a place, unless it says so.

    ``place_tokens`` is as for an event.
    """

    date: DateCoarsening | None = None
    place_tokens: bool = False


@dataclass(frozen=True, config=STRICT)
class Payload:
    """What may travel to analysts; nothing that isn't named here does."""

    attributes: dict[Name, Attribute] = field(default_factory=dict)
    events: dict[Name, EventType] = field(default_factory=dict)
    vocabularies: dict[Name, Vocabulary] = field(default_factory=dict)
    associations: dict[Name, AssociationType] = field(default_factory=dict)

    @model_validator(mode="after")
    def _vocabularies_are_known_and_used(self) -> Self:
        of_attributes = [own.vocabulary for own in self.attributes.values()]
        of_events = [own.vocabulary for own in self.events.values()]
        asked = {name for name in (*of_attributes, *of_events) if name is not None}
        if unknown := sorted(asked - set(self.vocabularies)):
            raise ValueError(f"there is no vocabulary {', '.join(unknown)}")
        if unused := sorted(set(self.vocabularies) - asked):
            raise ValueError(f"nothing uses the vocabulary {', '.join(unused)}")
        return self

    @model_validator(mode="after")
    def _attributes_are_no_other_column(self) -> Self:
        if taken := sorted(name for name in self.attributes if name.lower() in RESERVED):
            raise ValueError(f"an attribute can't be named {', '.join(taken)}")
        return self

    @model_validator(mode="after")
    def _each_name_is_one_thing(self) -> Self:
        kinds = {
            "an attribute": set(self.attributes),
            "an event": set(self.events),
            "an association": set(self.associations),
        }
        for (one, names), (other, others) in combinations(kinds.items(), 2):
            if both := sorted(names & others):
                raise ValueError(f"{', '.join(both)} can't be {one} and {other}")
        return self

    @property
    def categories(self) -> frozenset[str]:
        """Everything by which a rule may choose people: events, and terms as VOCABULARY.TERM."""
        terms = {f"{name}.{term}" for name, own in self.vocabularies.items() for term in own.terms}
        return frozenset(self.events) | terms
