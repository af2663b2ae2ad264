"""What is counted of a request that was refused: which endpoint, which problem, whose key."""

from __future__ import annotations

from starlette.requests import Request
from starlette.types import Scope

from linkage.protocol.problems import ProblemType
from matcher.logs.lines import RequestLine
from matcher.refusals.counting import Refusal

_PROBLEM = "problem"


def note_problem(request: Request, kind: ProblemType) -> None:
    """Remember which problem a request is answered with."""
    setattr(request.state, _PROBLEM, kind.name)


def refusal_of(scope: Scope, line: RequestLine) -> Refusal | None:
    """Return what is counted of a request that was answered so; None where it wasn't refused."""
    state = scope.get("state", {})
    problem = state.get(_PROBLEM)
    if problem is None:
        return None
    digest = scope.get("path_params", {}).get("digest", "")
    return Refusal(f"{line.method} {line.route}", problem, state.get("caller", ""), digest)
