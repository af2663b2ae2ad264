"""Errors as problem details (RFC 9457)."""

from __future__ import annotations

import math

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from linkage.errors import LinkageError
from linkage.protocol.problems import (
    MEDIA_TYPE,
    PROBLEMS,
    ProblemType,
    problem_bytes,
    problem_of,
)
from matcher.api.refused import note_problem
from matcher.api.request_id import id_of
from matcher.logs.lines import log_fault
from matcher.uploads.failures import BusyError

_RETRY_SECONDS = 2
_UNAVAILABLE = (
    "The matcher can't do it now; try again. Its operator finds why in its log, under the "
    "Concord-Request of this answer."
)


class RequestError(LinkageError):
    """A refusal that is HTTP's own and no service's: which problem, and when to try again."""

    def __init__(self, name: str, detail: str, retry_after: float | None = None) -> None:
        super().__init__(detail)
        self.kind = PROBLEMS[name]
        self.retry_after = retry_after


def problem_response(kind: ProblemType, detail: str, retry_after: float | None = None) -> Response:
    """Return problem details as a response."""
    headers = {}
    if retry_after is not None:
        headers["Retry-After"] = str(max(1, math.ceil(retry_after)))
    if kind.status == 401:
        headers["WWW-Authenticate"] = "Signature"
    content = problem_bytes(kind, detail)
    return Response(content, kind.status, headers, MEDIA_TYPE)


def fault_response() -> Response:
    """Return what a caller hears of a fault of the matcher's own: nothing."""
    return problem_response(
        PROBLEMS["fault"], "The matcher failed by a fault of its own; tell its operator."
    )


def unavailable_response() -> Response:
    """Return what a caller hears of what the matcher needs and can't use now: to try again."""
    return problem_response(PROBLEMS["unavailable"], _UNAVAILABLE, _RETRY_SECONDS)


def handle_refusals(app: FastAPI) -> None:
    """Let an app answer every error with problem details."""
    app.add_exception_handler(LinkageError, _of_error)
    app.add_exception_handler(RequestValidationError, _of_parameters)
    app.add_exception_handler(HTTPException, _of_http)
    # Else the framework answers a fault in a form of its own.
    app.add_exception_handler(Exception, _of_fault)


def _of_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, LinkageError)
    if isinstance(error, RequestError):
        note_problem(request, error.kind)
        return problem_response(error.kind, str(error), error.retry_after)
    kind = problem_of(error)
    if kind.status < 500:
        note_problem(request, kind)
        return problem_response(kind, str(error))
    if isinstance(error, BusyError):  # nothing has failed, and what it says is for the caller
        return problem_response(kind, str(error), _RETRY_SECONDS)
    # The reason is the operator's affair, in whose words places and settings may stand.
    log_fault(error, id_of(request.scope))
    return fault_response() if kind.status == 500 else unavailable_response()


def _allowed(request: Request) -> dict[str, str]:
    """Return every method of an address (RFC 9110, 10.2.1); the framework names one endpoint's."""
    template = getattr(request.scope.get("route"), "path", None)
    methods = request.app.openapi()["paths"].get(template, {})
    return {"Allow": ", ".join(method.upper() for method in methods)} if methods else {}


def _of_fault(_: Request, __: Exception) -> Response:
    return fault_response()


def _of_parameters(request: Request, error: Exception) -> Response:
    """Name the parameters that are wrong, never their values."""
    assert isinstance(error, RequestValidationError)
    note_problem(request, PROBLEMS["invalid"])
    names = sorted({str(fault["loc"][-1]) for fault in error.errors()})
    return problem_response(
        PROBLEMS["invalid"], f"What stands for {', '.join(names)} in the address can't be so."
    )


def _of_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code == 405:
        response = problem_response(PROBLEMS["method"], "This address takes other methods.")
        response.headers.update(error.headers or {})
        response.headers.update(_allowed(request))
        return response
    if error.status_code == 404:
        return problem_response(PROBLEMS["missing"], "There is nothing at this address.")
    return problem_response(PROBLEMS["malformed"], "The request isn't one of this protocol.")
