"""What is counted of a request that was refused: which endpoint, which problem, whose key."""

from __future__ import annotations

from starlette.requests import Request
from starlette.types import Scope

from linkage.protocol.problems import ProblemType
from matcher.logs.lines import known_method, route_template
from matcher.refusals.counting import Refusal

_PROBLEM = "problem"


def note_problem(request: Request, kind: ProblemType) -> None:
    """Remember which problem a request is answered with."""
    setattr(request.state, _PROBLEM, kind.name)


def refusal_of(scope: Scope) -> Refusal | None:
    """Return what is counted of an answered request, None where it wasn't refused."""
    state = scope.get("state", {})
    problem = state.get(_PROBLEM)
    if problem is None:
        return None
    template = route_template(getattr(scope.get("route"), "path", None))
    endpoint = f"{known_method(scope['method'])} {template}"
    digest = scope.get("path_params", {}).get("digest", "")
    return Refusal(endpoint, problem, state.get("caller", ""), digest)
