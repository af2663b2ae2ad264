"""Who may call an endpoint: which roles, while the agreement stands how. Nobody else may."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import get_args

from linkage.errors import NotReadyError, PolicyError
from linkage.protocol.sections.party import Role
from linkage.protocol.standing import State
from matcher.agreements.directory import Place

ROLES: tuple[Role, ...] = get_args(Role)
STATES: tuple[State, ...] = get_args(State)
ONCE_IN_FORCE: tuple[State, ...] = ("in force", "ended", "replaced")
_TO_COME: tuple[State, ...] = ("unsigned", "not yet")


@dataclass(frozen=True)
class Access:
    """By role, the states of the agreement in which its holders may call."""

    allowed: Mapping[Role, frozenset[State]]

    def require(self, place: Place) -> None:
        """Raise `PolicyError`, or `NotReadyError` where only the agreement isn't in force yet."""
        states = frozenset[State]().union(
            *(self.allowed.get(role, frozenset()) for role in place.roles)
        )
        if place.state in states:
            return
        if not states:
            roles = ", ".join(place.roles)
            raise PolicyError(f"{place.party!r} may not do that as {roles} of the agreement.")
        terms = place.agreement.agreement
        name = f"The agreement {terms.id!r}, version {terms.version}, is {place.state!r}"
        if place.state in _TO_COME:
            raise NotReadyError(f"{name}: that is possible once it is in force.")
        raise PolicyError(f"{name}: that isn't possible any more.")


def allow(*roles: Role, states: tuple[State, ...] = ("in force",)) -> Access:
    """Return the access of these roles in these states."""
    return Access({role: frozenset(states) for role in roles})


ANY_PARTY = Access({role: frozenset(STATES) for role in ROLES})
"""Of endpoints for every party of an admitted agreement, however that stands."""
