"""The state of the log on every answer, and an answer to every fault."""

from __future__ import annotations

from collections.abc import Callable

from fastapi import Request
from fastapi.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from linkage.errors import LinkageError
from linkage.protocol.requests import (
    CHECKPOINT,
    CONSISTENCY,
    PINNED,
    UnsignedError,
    checkpoint_value,
    consistency_value,
    parse_pinned,
)
from matcher.api.refusals import fault_response, unavailable_response
from matcher.api.request_id import id_of
from matcher.api.routes import PREFIX
from matcher.ledger.heads import Head
from matcher.logs.lines import log_fault


class Witnessed:
    """Wraps an app: answers carry the newest checkpoint, and a fault is answered, never shown.

    The head is read when an answer begins, so that it contains whatever the request has changed.
    """

    def __init__(self, app: ASGIApp, head: Callable[[int], Head]) -> None:
        self._app = app
        self._head = head

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        answer = _Answer(self, scope, send)
        try:
            await self._app(scope, receive, answer.send)
        except ClientDisconnect:
            return
        except Exception as error:
            log_fault(error, id_of(scope))
            if answer.ended:
                return
            if answer.begun:
                raise
            await fault_response()(scope, receive, answer.send)

    async def headers(self, pinned: int) -> list[tuple[bytes, bytes]]:
        """Return the headers that say where the log stands."""
        head = await run_in_threadpool(self._head, pinned)
        found = [(CHECKPOINT, checkpoint_value(head.note))]
        if head.proof is not None:
            found.append((CONSISTENCY, consistency_value(head.first, head.size, head.proof)))
        return [(name.lower().encode(), value.encode()) for name, value in found]


class _Answer:
    """One answer as it is sent."""

    def __init__(self, owner: Witnessed, scope: Scope, send: Send) -> None:
        self._owner = owner
        self._scope = scope
        self._send = send
        self._replaced = False
        self.begun = False
        self.ended = False

    async def send(self, message: Message) -> None:
        if self._replaced:
            return
        if message["type"] == "http.response.start" and self._is_versioned():
            try:
                message["headers"] = [
                    *message.get("headers", []),
                    *await self._owner.headers(_pinned(self._scope)),
                ]
            except LinkageError as error:
                log_fault(error, id_of(self._scope))
                await self._say_unproved()
                return
        self.begun = True
        await self._send(message)
        self.ended = message["type"] == "http.response.body" and not message.get("more_body")

    async def _say_unproved(self) -> None:
        """Say that the log can't be read; what the request has changed can be asked again."""
        self.begun = self._replaced = True
        await unavailable_response()(self._scope, _nothing, self._send)

    def _is_versioned(self) -> bool:
        path = self._scope["path"]
        return bool(path == PREFIX or path.startswith(f"{PREFIX}/"))


async def _nothing() -> Message:
    return {"type": "http.disconnect"}


def _pinned(scope: Scope) -> int:
    """Return what the caller has pinned; of a malformed request, nothing."""
    try:
        return parse_pinned(Request(scope).headers.get(PINNED, "0"))
    except UnsignedError:
        return 0
