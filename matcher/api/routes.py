"""Declaring endpoints: each says where it stands who may call it, and what it takes and answers.

::

    def round_routes(rounds: Rounds) -> Routes:
        routes = Routes("rounds")

        @routes.get("/agreements/{digest}/rounds", READERS, answer=RoundList)
        def list_rounds(call: SignedCall) -> RoundList:
            '''List the rounds of an agreement.'''
            return RoundList(rounds.of(call.place.digest))

        return routes
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from inspect import iscoroutinefunction
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Depends, Path, Request, Response
from fastapi.concurrency import run_in_threadpool
from pydantic import TypeAdapter

from linkage.protocol.problems import MEDIA_TYPE, PROBLEMS
from linkage.protocol.requests import CHECKPOINT, CONSISTENCY
from matcher.api.access import Access
from matcher.api.gate import BodyRule, Endpoint

PREFIX = "/v1"
# The gate takes it out of the address itself; this is for the OpenAPI.
_AgreementDigest = Annotated[
    str,
    Path(
        description="SHA-256 of the agreement's canonical JSON.",
        json_schema_extra={"pattern": "^[0-9a-f]{64}$"},
    ),
]
PartyName = Annotated[
    str, Path(pattern="^[A-Za-z][A-Za-z0-9_-]{0,63}$", description="A party's name.")
]
RoundNumber = Annotated[int, Path(ge=1, le=1_000_000, description="The round, from 1.")]

_Handler = TypeVar("_Handler", bound=Callable[..., Any])
# What can be wrong with any signed request, and with one that has a body.
_ALWAYS = (400, 401, 404, 415, 422, 429, 500, 503)
_OF_AGREEMENT = (403, 409)
_WITH_BODY = (403, 408, 409, 411, 413)
PROBLEM_SCHEMA = "Problem"
_HEADERS = {name: {"$ref": f"#/components/headers/{name}"} for name in (CHECKPOINT, CONSISTENCY)}


class Raw:
    """An answer of bytes that others have signed or sealed, passed on as they are.

    ``message`` is what its JSON is, where that is one of the protocol's messages.
    """

    def __init__(self, media_type: str, description: str, message: type | None = None) -> None:
        self.media_type = media_type
        self.description = description
        self.message = message

    def response(self, content: bytes) -> Response:
        """Return the bytes as a response."""
        return Response(content, media_type=self.media_type)


Answer = type | Raw | None
"""A message, whose JSON is answered; bytes; or nothing but that it is done (204)."""


class Routes:
    """Endpoints that belong together."""

    def __init__(self, tag: str) -> None:
        self.router = APIRouter(prefix=PREFIX, tags=[tag])
        self.declared: list[Endpoint] = []

    def get(self, path: str, access: Access, *, answer: Answer) -> Callable[[_Handler], _Handler]:
        """Declare an endpoint that only tells something."""
        return self._add("GET", path, access, answer, None)

    def put(
        self, path: str, access: Access, *, body: BodyRule, answer: Answer = None
    ) -> Callable[[_Handler], _Handler]:
        """Declare an endpoint that stores its body; the same body again changes nothing."""
        return self._add("PUT", path, access, answer, body)

    def post(
        self, path: str, access: Access, *, body: BodyRule | None = None, answer: Answer = None
    ) -> Callable[[_Handler], _Handler]:
        """Declare an endpoint that begins or ends something."""
        return self._add("POST", path, access, answer, body)

    def delete(
        self, path: str, access: Access, *, answer: Answer = None
    ) -> Callable[[_Handler], _Handler]:
        """Declare an endpoint that takes something away."""
        return self._add("DELETE", path, access, answer, None)

    def _add(
        self, method: str, path: str, access: Access, answer: Answer, body: BodyRule | None
    ) -> Callable[[_Handler], _Handler]:
        endpoint = Endpoint(method, path, access, body)
        self.declared.append(endpoint)

        def declare(handler: _Handler) -> _Handler:
            self.router.add_api_route(
                path,
                _in_one_thread(handler),
                methods=[method],
                dependencies=[Depends(_through(endpoint))],
                operation_id=handler.__name__,
                responses=_responses(endpoint, answer),
                openapi_extra={"security": [{"signature": []}], **_request_body(body)},
                **_success(answer),
            )
            return handler

        return declare


def _in_one_thread(handler: Callable[..., Any]) -> Callable[..., Any]:
    """Return a handler that is called in a thread, unless it waits by itself.

    The framework would also do that, but then look at the answer in one more thread.
    """
    if iscoroutinefunction(handler):
        return handler

    @wraps(handler)
    async def call(**arguments: Any) -> Any:
        return await run_in_threadpool(handler, **arguments)

    return call


def _through(endpoint: Endpoint) -> Callable[..., Any]:
    async def let_in(request: Request) -> None:
        request.state.call = await request.app.state.gate.let_in(request, endpoint)

    async def let_into_agreement(request: Request, digest: _AgreementDigest) -> None:  # noqa: ARG001
        await let_in(request)

    return let_into_agreement if endpoint.of_agreement else let_in


def _success(answer: Answer) -> dict[str, Any]:
    if answer is None:
        return {"status_code": 204, "response_class": Response, "response_model": None}
    if isinstance(answer, Raw):
        return {"response_class": Response, "response_model": None}
    return {"response_model": answer}


def _responses(endpoint: Endpoint, answer: Answer) -> dict[int | str, dict[str, Any]]:
    """Return what the OpenAPI says of every answer that may come."""
    statuses = {*_ALWAYS, *(_OF_AGREEMENT if endpoint.of_agreement else ())}
    statuses |= set(_WITH_BODY) if endpoint.body else set()
    found: dict[int | str, dict[str, Any]] = {status: _problem(status) for status in statuses}
    if answer is None:
        found[204] = {"description": "It is done.", "headers": _HEADERS}
    elif isinstance(answer, Raw):
        content = {answer.media_type: {"schema": _schema(answer.media_type, answer.message)}}
        found[200] = {"description": answer.description, "content": content, "headers": _HEADERS}
    else:
        found[200] = {"headers": _HEADERS}
    return found


def _problem(status: int) -> dict[str, Any]:
    titles = [kind.title for kind in PROBLEMS.values() if kind.status == status]
    return {
        "description": " Or: ".join(titles),
        "content": {MEDIA_TYPE: {"schema": {"$ref": f"#/components/schemas/{PROBLEM_SCHEMA}"}}},
        "headers": _HEADERS,
    }


def _request_body(body: BodyRule | None) -> dict[str, Any]:
    if body is None:
        return {}
    schema = _schema(body.media_type, body.message)
    if schema.get("format") == "binary":
        schema["maxLength"] = body.most
    content = {body.media_type: {"schema": schema}}
    said = f"At most {body.most:,} bytes."
    return {"requestBody": {"required": True, "description": said, "content": content}}


def _schema(media_type: str, message: type | None) -> dict[str, Any]:
    """Return the schema of a message, of any JSON object, or of bytes."""
    if message is not None:
        return TypeAdapter(message).json_schema()
    if media_type == "application/json":
        return {"type": "object"}
    return {"type": "string", "format": "binary"}
