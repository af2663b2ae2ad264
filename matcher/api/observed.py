"""Every answer is noted: which endpoint, how it ended, how long it took; never what was in it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from matcher.api.gate import Call
from matcher.api.refused import refusal_of
from matcher.api.request_id import REQUEST_HEADER, give_id
from matcher.logs.lines import RequestLine, known_method, log_request, route_template
from matcher.refusals.counting import Refusal

Watcher = Callable[[RequestLine], None]


class Observed:
    """Wraps an app; each watcher hears of a request once it has been answered or given up.

    What was refused is told to ``on_refusal``, too, with what the watchers don't hear: by whom.
    """

    def __init__(
        self,
        app: ASGIApp,
        watchers: Sequence[Watcher] = (),
        on_refusal: Callable[[Refusal], None] | None = None,
    ) -> None:
        self._app = app
        self._watchers = (log_request, *watchers)
        self._on_refusal = on_refusal

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        seen = _Seen(scope, receive, send)
        try:
            await self._app(scope, seen.receive, seen.send)
        finally:
            line = seen.line()
            for watcher in self._watchers:
                watcher(line)
            refusal = refusal_of(scope, line)
            if refusal is not None and self._on_refusal is not None:
                self._on_refusal(refusal)


class _Seen:
    """What passes by of one request."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._scope = scope
        self._receive = receive
        self._send = send
        self._id = give_id(scope)
        self._begun = time.perf_counter()
        self._status = 0
        self._received = 0

    async def receive(self) -> Message:
        message = await self._receive()
        self._received += len(message.get("body", b""))
        return message

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._status = message["status"]
            header = (REQUEST_HEADER, self._id.encode())
            message["headers"] = [*message.get("headers", []), header]
        await self._send(message)

    def line(self) -> RequestLine:
        return RequestLine(
            request=self._id,
            method=known_method(self._scope["method"]),
            route=route_template(getattr(self._scope.get("route"), "path", None)),
            status=self._status,
            seconds=time.perf_counter() - self._begun,
            role=_role(self._scope),
            received=self._received,
        )


def _role(scope: Scope) -> str:
    """Return the caller's roles in the agreement that the address names, if it was let in."""
    call = scope.get("state", {}).get("call")
    if not isinstance(call, Call) or call.found is None:
        return ""
    return "+".join(call.found.roles)
