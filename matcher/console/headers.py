"""What a browser is told with every answer: to load nothing from elsewhere, and to keep nothing."""

from __future__ import annotations

from collections.abc import Callable

from fastapi.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from matcher.logs.lines import log_fault

POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
_ALWAYS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
    "x-frame-options": "DENY",
    "x-robots-tag": "noindex",
}
_UNLESS_SAID = {"cache-control": "no-store"}


class Guarded:
    """Wraps an app: answers carry these headers, and every fault is noted and answered.

    ``id_of`` names requests in the log; ``fault`` is the answer to one that has failed.
    """

    def __init__(
        self, app: ASGIApp, id_of: Callable[[Scope], str], fault: Callable[[Request], Response]
    ) -> None:
        self._app = app
        self._id_of = id_of
        self._fault = fault

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        begun = ended = False

        async def with_headers(message: Message) -> None:
            nonlocal begun, ended
            if message["type"] == "http.response.start":
                begun = True
                message["headers"] = [*message.get("headers", []), *_missing(message)]
            await send(message)
            ended = message["type"] == "http.response.body" and not message.get("more_body")

        try:
            await self._app(scope, receive, with_headers)
        except ClientDisconnect:
            return
        except Exception as error:
            log_fault(error, self._id_of(scope))
            if begun and not ended:
                raise  # so that the server cuts the answer off, which else would look whole
            if not begun:
                answer = await run_in_threadpool(self._fault, Request(scope))
                await answer(scope, receive, with_headers)


def _missing(message: Message) -> list[tuple[bytes, bytes]]:
    said = {name.decode().lower() for name, _ in message.get("headers", [])}
    left = {name: value for name, value in _UNLESS_SAID.items() if name not in said}
    return [(name.encode(), value.encode()) for name, value in (_ALWAYS | left).items()]
