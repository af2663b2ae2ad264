"""The console as an app of its own, beside the API: pages, signing in, and the files they need."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from fastapi import APIRouter, FastAPI, Response
from fastapi.responses import RedirectResponse
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp

from matcher.console.answers import RequestId, handle_errors
from matcher.console.cookies import Cookie
from matcher.console.pages import PREFIX, House, Pages
from matcher.console.signing_in import signing_in
from matcher.console.views import STATIC, Views, static_file
from matcher.sessions.service import Sessions

_KINDS = {"css": "text/css; charset=utf-8", "js": "text/javascript; charset=utf-8"}
_KEPT = {"cache-control": "public, max-age=86400"}


def create_console(
    sessions: Sessions,
    address: str,
    pages: Sequence[Pages],
    id_of: RequestId,
    wait: Callable[[str], float],
) -> ASGIApp:
    """Return the console of a matcher at an address.

    ``id_of`` names requests in its log; ``wait`` is `House`'s.
    """
    declared = [page for some in pages for page in some.declared]
    house = House(sessions, Cookie(address), Views(), declared, wait)
    app = FastAPI(
        title="Concord console",
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        telemetry={"tracing": False, "metrics": False, "logs": False, "auto_configure": False},
    )
    app.state.house = house
    handle_errors(app, house, id_of)
    for router in (*(some.router for some in pages), signing_in(house), _static()):
        app.include_router(router)
    return app


def _static() -> APIRouter:
    """Return the address of style sheets and scripts, which anybody may have."""
    router = APIRouter(include_in_schema=False)

    @router.get(PREFIX)
    def without_slash() -> Response:
        return RedirectResponse(PREFIX + "/", 303)

    @router.get(STATIC + "/{file}")
    def static(file: str) -> Response:
        content = static_file(file)
        if content is None:
            raise HTTPException(404)
        return Response(content, headers=_KEPT, media_type=_KINDS[file.rpartition(".")[2]])

    return router
