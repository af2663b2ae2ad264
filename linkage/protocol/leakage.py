"""What an agency's manifest tells of the leakage report of its encodings.

Names of attacks and groups, and shares: nothing of a record or of a key. The whole report stays
with the agency. Its digest stands here and in the file of encodings, so that no report can be held
out for that of another file.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, ConfigDict, Field, model_validator
from pydantic.dataclasses import dataclass

from linkage.protocol.scheme import Name
from linkage.protocol.signing import Digest
from linkage.wording import names_nobody, visible

MOST_ATTACKS = 64

_STRICT = ConfigDict(extra="forbid", strict=True)


def _six_places(share: float) -> float:
    if round(share, 6) != share:
        raise ValueError("must be rounded to six decimal places")
    return share


Share = Annotated[float, Field(ge=0, le=1), AfterValidator(_six_places)]
Label = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9 -]{0,39}$")]
Reason = Annotated[
    str, Field(min_length=1, max_length=1000), AfterValidator(visible), AfterValidator(names_nobody)
]


@dataclass(frozen=True, config=_STRICT)
class AttackOutcome:
    """What an attack recovered of a sample, from the choice of groups that gave most away.

    The ``share`` of records was re-identified where guessing gets the share ``baseline`` right.
    ``over_limit`` says that this is beyond the limit with its whole 95% interval.
    """

    sample: Label
    sample_records: Annotated[int, Field(ge=1, lt=2**53)]
    attack: Label
    groups: Annotated[tuple[Name, ...], Field(min_length=1, max_length=64)]
    share: Share
    baseline: Share
    over_limit: bool

    @property
    def badness(self) -> tuple[bool, float]:
        """What the worst of several outcomes has most of: being over the limit, then the gain."""
        return self.over_limit, self.share - self.baseline


@dataclass(frozen=True, config=_STRICT)
class LeakageSummary:
    """The verdict on a sample of the encodings, and what each attack recovered of each sample.

    ``report`` is the SHA-256 of the whole report in JSON, ``limit`` the share above that of
    guessing which no attack may recover. ``overruled`` is the reason why encodings over the limit
    went all the same, and None where they passed.
    """

    report: Digest
    verdict: Literal["passed", "overruled"]
    limit: Share
    attacks: Annotated[tuple[AttackOutcome, ...], Field(max_length=MOST_ATTACKS)]
    overruled: Reason | None = None

    @model_validator(mode="after")
    def _verdict_is_that_of_the_attacks(self) -> Self:
        found = any(one.over_limit for one in self.attacks), self.overruled is not None
        if found != (self.verdict == "overruled",) * 2:
            raise ValueError("the verdict isn't that of the attacks")
        places = {(one.sample, one.sample_records, one.attack) for one in self.attacks}
        if len(places) != len(self.attacks):
            raise ValueError("an attack on a sample stands twice")
        return self

    @property
    def worst(self) -> AttackOutcome | None:
        """The attack that recovered most above guessing; None where nothing was attacked."""
        return max(self.attacks, key=lambda one: one.badness, default=None)
