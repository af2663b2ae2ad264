"""Errors as pages."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse
from starlette.exceptions import HTTPException
from starlette.types import Scope

from linkage.errors import LinkageError
from linkage.protocol.problems import problem_of
from matcher.console.headers import Guarded
from matcher.console.pages import NO_PAGE, House, SignedOutError, TooManyError, Visit
from matcher.logs.lines import log_fault

_FAULT = "The matcher failed by a fault of its own; tell its operator."
_UNAVAILABLE = "The matcher can't do it now; try again in a moment."
_TITLES = {
    401: "You are not signed in",
    403: "That isn't allowed",
    404: "Page not found",
    405: "That isn't possible here",
    409: "Not yet",
    422: "That can't be shown",
    429: "Too many requests",
    500: "There is a fault",
    503: "Not now",
}
RequestId = Callable[[Scope], str]


def handle_errors(app: FastAPI, house: House, id_of: RequestId) -> None:
    """Let an app answer every error with a page, and guard its answers (`Guarded`).

    What is the operator's affair is noted.
    """

    def of_error(request: Request, error: Exception) -> Response:
        assert isinstance(error, LinkageError)
        kind = problem_of(error)
        status = kind.status
        if status < 500:
            # Counted with what the API refuses, such as a link that is used again.
            request.state.problem = kind.name
            return page(request, status, str(error))
        log_fault(error, id_of(request.scope))
        return page(request, status, _FAULT if status == 500 else _UNAVAILABLE)

    def of_http(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        if error.status_code == 404:
            return page(request, 404, NO_PAGE)
        return page(request, error.status_code, HTTPStatus(error.status_code).phrase + ".")

    def of_parameters(request: Request, _: Exception) -> Response:
        return page(request, 422, "The address has something in it that can't be so.")

    def signed_out(request: Request, _: Exception) -> Response:
        return page(request, 401, "", template="signed_out.html")

    def too_many(request: Request, _: Exception) -> Response:
        return page(request, 429, "You have asked too often; wait a moment.")

    def of_fault(request: Request) -> Response:
        return page(request, 500, _FAULT)

    def page(request: Request, status: int, said: str, template: str = "problem.html") -> Response:
        visit: Visit | None = getattr(request.state, "visit", None)
        title = _TITLES.get(status, "That isn't possible")
        if visit is not None:
            found = visit.page(template, title=title, said=said)
            found.status_code = status
            return found
        text = house.views.page(template, visit=None, title=title, said=said)
        return HTMLResponse(text, status)

    app.add_exception_handler(LinkageError, of_error)
    app.add_exception_handler(SignedOutError, signed_out)
    app.add_exception_handler(TooManyError, too_many)
    app.add_exception_handler(RequestValidationError, of_parameters)
    app.add_exception_handler(HTTPException, of_http)
    app.add_middleware(Guarded, id_of=id_of, fault=of_fault)
