"""What a matcher says when it doesn't do what was asked: problem details (RFC 9457).

Each type is a URN, ``urn:concord:problem:NAME``, with a title, an HTTP status, and the error that a
client makes of it, which carries the exit code. A matcher finds the type by its own error's class.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import ConfigDict, Field, TypeAdapter
from pydantic.dataclasses import dataclass

from linkage.errors import (
    ConflictError,
    InputError,
    LinkageError,
    MissingError,
    NotReadyError,
    PolicyError,
    UnavailableError,
    VerificationError,
)
from linkage.protocol.canonical import canonical_json, parse_message
from linkage.protocol.requests import (
    ReplayedError,
    StaleError,
    UnknownKeyError,
    UnsignedError,
)

MEDIA_TYPE = "application/problem+json"
URN = "urn:concord:problem:"
MOST_DETAIL = 4000
_STRICT = ConfigDict(extra="forbid", strict=True, arbitrary_types_allowed=True)


@dataclass(frozen=True, config=_STRICT)
class ProblemType:
    """A kind of problem: what it is called, its HTTP status, and the error a client raises."""

    name: str
    title: str
    status: int
    raises: type[LinkageError]

    @property
    def uri(self) -> str:
        """The type as it stands in problem details."""
        return URN + self.name


@dataclass(frozen=True, config=_STRICT)
class Problem:
    """Problem details as they are sent; ``detail`` is one sentence for the caller."""

    type: Annotated[str, Field(pattern=r"^urn:concord:problem:[a-z-]{1,40}$")]
    title: Annotated[str, Field(max_length=100)]
    status: Annotated[int, Field(ge=400, le=599)]
    detail: Annotated[str, Field(max_length=MOST_DETAIL)]


_ALL = (
    ProblemType("malformed", "The request is not one of this protocol.", 400, InputError),
    ProblemType("unsigned", "The request's signature doesn't hold.", 401, VerificationError),
    ProblemType("stale", "The request was signed too long ago.", 401, VerificationError),
    ProblemType("replayed", "The request was sent before.", 401, VerificationError),
    ProblemType("unknown-key", "The key belongs to no party known here.", 401, PolicyError),
    ProblemType("refused", "A rule of the agreement forbids it.", 403, PolicyError),
    ProblemType("missing", "There is no such thing here.", 404, MissingError),
    ProblemType("method", "The thing can't be used that way.", 405, InputError),
    ProblemType("slow", "The request came too slowly.", 408, UnavailableError),
    ProblemType("not-ready", "Others have yet to do their part.", 409, NotReadyError),
    ProblemType("conflict", "Something else stands there already.", 409, ConflictError),
    ProblemType("length", "The request doesn't say how long it is.", 411, InputError),
    ProblemType("too-large", "The request is larger than is allowed.", 413, PolicyError),
    ProblemType("encoded", "Bodies are taken as they are, not encoded.", 415, InputError),
    ProblemType("unverified", "What was sent doesn't verify.", 422, VerificationError),
    ProblemType("invalid", "What was sent can't be used.", 422, InputError),
    ProblemType("too-many", "More requests came than are allowed.", 429, NotReadyError),
    ProblemType("fault", "The matcher failed by a fault of its own.", 500, LinkageError),
    ProblemType("unavailable", "The matcher can't do it now.", 503, UnavailableError),
)
PROBLEMS: Mapping[str, ProblemType] = {kind.name: kind for kind in _ALL}
"""All types, by name."""

# What a service's errors become; the nearest class in an error's ancestry counts.
_OF_ERRORS: Mapping[type, str] = {
    UnsignedError: "unsigned",
    StaleError: "stale",
    ReplayedError: "replayed",
    UnknownKeyError: "unknown-key",
    MissingError: "missing",
    InputError: "invalid",
    UnavailableError: "unavailable",
    VerificationError: "unverified",
    ConflictError: "conflict",
    PolicyError: "refused",
    NotReadyError: "not-ready",
    LinkageError: "fault",
}
_PROBLEM = TypeAdapter(Problem)


def problem_of(error: LinkageError) -> ProblemType:
    """Return the type of problem that a service's error is."""
    return next(PROBLEMS[_OF_ERRORS[kind]] for kind in type(error).__mro__ if kind in _OF_ERRORS)


def problem_bytes(kind: ProblemType, detail: str) -> bytes:
    """Return problem details as they are sent."""
    table = {"type": kind.uri, "title": kind.title, "status": kind.status, "detail": detail}
    return canonical_json(table | {"detail": detail[:MOST_DETAIL]})


def parse_problem(content: bytes, source: str) -> tuple[ProblemType, str]:
    """Return the type and the sentence of problem details; raises `VerificationError`."""
    problem = parse_message(_PROBLEM, content, source)
    kind = PROBLEMS.get(problem.type.removeprefix(URN))
    if kind is None or (kind.title, kind.status) != (problem.title, problem.status):
        raise VerificationError(
            f"{source} is a problem of a type that isn't known here; check that both sides have "
            "the same release."
        )
    return kind, problem.detail
