"""``[agreement]``: which agreement this is, what it is for, and when it holds."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Self

from pydantic import Field, model_validator
from pydantic.dataclasses import dataclass

from linkage.protocol.scheme import STRICT, Name
from linkage.protocol.signing import Digest

Text = Annotated[str, Field(min_length=1, max_length=10_000)]


@dataclass(frozen=True, config=STRICT)
class Identification:
    """Which agreement this is.

    ``version`` counts the documents of one agreement, ``epoch`` the linkage secrets made under it;
    ``previous`` is the digest of the version before. ``purpose`` is said in words and in
    ``purpose_codes``, which messages and the log name. It holds from the day ``starts`` to the day
    ``ends``, both included.
    """

    id: Name
    title: str
    version: Annotated[int, Field(ge=1, le=1_000_000)] = 1
    purpose: Text | None = None
    purpose_codes: tuple[Name, ...] = ()
    lawful_basis: Text | None = None
    statutory_gateway: Text | None = None
    starts: date | None = None
    ends: date | None = None
    epoch: Annotated[int, Field(ge=1, le=1_000_000)] = 1
    previous: Digest | None = None

    @model_validator(mode="after")
    def _dates_in_order(self) -> Self:
        if self.starts is not None and self.ends is not None and self.ends < self.starts:
            raise ValueError("it ends before it starts")
        return self

    @model_validator(mode="after")
    def _versions_in_order(self) -> Self:
        if self.epoch > self.version:
            raise ValueError("epoch can't be above version: each epoch needs a version of its own")
        if self.version == 1 and self.previous is not None:
            raise ValueError("the first version has no previous one")
        if len(set(self.purpose_codes)) != len(self.purpose_codes):
            raise ValueError("purpose_codes names a code twice")
        return self
