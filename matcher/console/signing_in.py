"""Signing in by a link, and out again.

Opening a link shows who would be signed in and uses nothing up, since programs open links, too; the
button below it does.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress

from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse, RedirectResponse

from linkage.errors import PolicyError
from linkage.protocol.console import ENTER, MOST_LENGTH
from matcher.console.pages import PREFIX, House, session_of
from matcher.sessions.service import is_form_token

_MOST_FORM = 1024
_FORM_SECONDS = 10
_FOREIGN = "The form wasn't sent from a page of this console; open the page and send it from there."


def signing_in(house: House) -> APIRouter:
    """Return the addresses."""
    router = APIRouter(include_in_schema=False)

    @router.get(ENTER + "{link}")
    def offer(link: str) -> Response:
        """Show who would be signed in, with the button that does it."""
        offered = house.sessions.offer(link[: MOST_LENGTH + 1])
        text = house.views.page(
            "enter.html", visit=None, title="Sign in", place=offered.place, link=offered.link
        )
        return HTMLResponse(text)

    @router.post(ENTER + "{link}")
    def enter(request: Request, link: str) -> Response:
        """Use the link up, and give the session's cookie."""
        _require_own(house, request)
        token = house.sessions.enter(link[: MOST_LENGTH + 1])
        response = RedirectResponse(PREFIX + "/", 303)
        house.cookie.give(response, token)
        return response

    @router.post(f"{PREFIX}/leave")
    async def leave(request: Request) -> Response:
        """End the session."""
        _require_own(house, request)
        session = await session_of(request)
        if not is_form_token(session, await _form_token(request)):
            raise PolicyError(_FOREIGN)
        await run_in_threadpool(house.sessions.leave, house.cookie.read(request) or "")
        response = HTMLResponse(house.views.page("left.html", visit=None, title="Signed out"))
        house.cookie.take(response)
        return response

    return router


def _require_own(house: House, request: Request) -> None:
    if not house.cookie.is_own_form(request):
        raise PolicyError(_FOREIGN)


async def _form_token(request: Request) -> str:
    """Return the token that a form brings, empty where it brings none."""
    body = b""
    with suppress(TimeoutError):
        async with asyncio.timeout(_FORM_SECONDS):
            async for piece in request.stream():
                body += piece
                if len(body) > _MOST_FORM:
                    return ""
    name, _, value = body.partition(b"=")
    return value.decode("latin-1") if name == b"token" else ""
