"""What a browser is told with every answer: to load nothing from elsewhere, and to keep nothing."""

from __future__ import annotations

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

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
    """Wraps an app so that its answers carry these headers, also those about faults."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        ended = False

        async def with_headers(message: Message) -> None:
            nonlocal ended
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", []), *_missing(message)]
            await send(message)
            ended = message["type"] == "http.response.body" and not message.get("more_body")

        try:
            await self._app(scope, receive, with_headers)
        except ClientDisconnect:
            return
        except Exception:
            # The framework raises a fault anew after it was noted and answered.
            if not ended:
                raise


def _missing(message: Message) -> list[tuple[bytes, bytes]]:
    said = {name.decode().lower() for name, _ in message.get("headers", [])}
    left = {name: value for name, value in _UNLESS_SAID.items() if name not in said}
    return [(name.encode(), value.encode()) for name, value in (_ALWAYS | left).items()]
