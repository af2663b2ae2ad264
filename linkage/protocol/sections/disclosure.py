"""``[disclosure]`` and ``[retention]``: who is named to whom, and what is erased when."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator
from pydantic.dataclasses import dataclass

from linkage.protocol.scheme import STRICT, Name

Days = Annotated[int, Field(ge=1, le=36_525)]
Count = Annotated[int, Field(ge=1, le=1_000_000)]


@dataclass(frozen=True, config=STRICT)
class DisclosureRule:
    """Which clusters may be proposed: known to so many agencies, to those named, of a category.

    All that is said must hold. ``category`` is an event of ``[payload]``, or a term of one of its
    vocabularies as VOCABULARY.TERM.
    """

    name: Name
    least_agencies: Annotated[int, Field(ge=1, le=1000)] = 2
    agencies: tuple[Name, ...] = ()
    category: Annotated[str, Field(min_length=1, max_length=130)] | None = None

    def covers(self, other: DisclosureRule) -> bool:
        """Whether every cluster that ``other`` lets be proposed may be proposed by this one."""
        return (
            self.least_agencies <= other.least_agencies
            and set(self.agencies) <= set(other.agencies)
            and self.category in (None, other.category)
        )


@dataclass(frozen=True, config=STRICT)
class Disclosure:
    """How people in clusters come to be named.

    ``fields`` of the scheme are released to ``recipients`` for clusters that a rule lets be
    proposed, once ``quorum`` of the ``approvers`` (every agency, if none are named) have agreed;
    for protected people ``protected_quorum`` of them; without it nobody protected is proposed. A
    proposal names ``least_batch`` clusters at least, ``most_batch`` at most, none of which has a
    link less likely than ``least_probability`` or, unless ``several_records``, two records of one
    agency. It is void after ``expires_days``. No more than ``open_proposals`` of a party wait for
    decisions at once. ``lookups_per_day`` bounds each agency's lookups.
    """

    fields: Annotated[tuple[Name, ...], Field(min_length=1)]
    recipients: Annotated[tuple[Name, ...], Field(min_length=1)]
    quorum: Count
    rule: Annotated[tuple[DisclosureRule, ...], Field(min_length=1)]
    approvers: tuple[Name, ...] = ()
    protected_quorum: Count | None = None
    expires_days: Days = 30
    least_batch: Count = 1
    most_batch: Count = 1000
    least_probability: Annotated[float, Field(ge=0.5, le=1)] = 0.9
    several_records: bool = False
    open_proposals: Count = 100
    lookups_per_day: Annotated[int, Field(ge=0, le=1_000_000)] = 0

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        names = [rule.name for rule in self.rule]
        listed = (self.fields, self.recipients, self.approvers, names)
        if any(len(set(own)) != len(own) for own in listed):
            raise ValueError("a field, a recipient, an approver or a rule stands twice")
        return self

    @model_validator(mode="after")
    def _batch_in_order(self) -> Self:
        if self.most_batch < self.least_batch:
            raise ValueError("most_batch can't be below least_batch")
        return self

    @model_validator(mode="after")
    def _no_rule_is_idle(self) -> Self:
        for rule in self.rule:
            for other in self.rule:
                if other is not rule and other.covers(rule):
                    raise ValueError(
                        f"rule {rule.name} allows nothing that rule {other.name} doesn't; drop it, "
                        f"or make {other.name} stricter"
                    )
        return self

    @model_validator(mode="after")
    def _protected_people_need_more(self) -> Self:
        if self.protected_quorum is not None and self.protected_quorum < self.quorum:
            raise ValueError("protected_quorum can't be below quorum")
        return self


@dataclass(frozen=True, config=STRICT)
class Retention:
    """Days after which each thing is erased, counted from the day it was received."""

    encodings_days: Days
    disclosures_days: Days
    payload_days: Days | None = None
