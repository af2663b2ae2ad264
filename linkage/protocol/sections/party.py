"""``[[party]]``: who takes part, as what, and under which keys."""

from __future__ import annotations

from functools import cached_property
from typing import Literal, Self

from pydantic import model_validator
from pydantic.dataclasses import dataclass

from linkage.protocol.keys import (
    PublicIdentity,
    SealingKeyText,
    SigningKeyText,
    parse_sealing_key,
    parse_verifying_key,
)
from linkage.protocol.scheme import STRICT, Name

Role = Literal["agency", "matcher", "analyst", "recipient", "dpo"]
# Who holds one of these roles must not hold the other: linkers see no payload, analysts no names.
APART: tuple[tuple[Role, Role], ...] = (
    ("matcher", "agency"),
    ("matcher", "analyst"),
    ("matcher", "recipient"),
    ("analyst", "agency"),
    ("analyst", "recipient"),
)


@dataclass(frozen=True, config=STRICT)
class Party:
    """Somebody who takes part.

    ``clean`` says of an agency that its extract holds each person at most once, on which
    one-to-one linking rests. The keys are as on its card; offline trials need none.
    """

    name: Name
    clean: bool = True
    roles: tuple[Role, ...] = ("agency",)
    signing_key: SigningKeyText | None = None
    sealing_key: SealingKeyText | None = None

    @model_validator(mode="after")
    def _roles_go_together(self) -> Self:
        if not self.roles or len(set(self.roles)) != len(self.roles):
            raise ValueError("a party has at least one role, and each once")
        for one, other in APART:
            if one in self.roles and other in self.roles:
                raise ValueError(
                    f"{self.name} can't be {one} and {other}: make the other a party with its own "
                    "keys"
                )
        if (self.signing_key is None) != (self.sealing_key is None):
            raise ValueError(f"{self.name} needs both keys of its card, or none")
        return self

    @cached_property
    def identity(self) -> PublicIdentity | None:
        """The party's public keys, or None for a party of an offline trial."""
        if self.signing_key is None or self.sealing_key is None:
            return None
        return PublicIdentity(
            self.name, parse_verifying_key(self.signing_key), parse_sealing_key(self.sealing_key)
        )
