"""Serving the app: uvicorn on a socket, until it is told to stop."""

from __future__ import annotations

import asyncio
import signal
import socket
import sys
from types import FrameType

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from linkage.errors import UnavailableError
from matcher.config.settings import ServiceSettings

STOP_SECONDS = 20
"""How long requests that are under way may take to end when the matcher is told to stop."""
HEAD_SECONDS = 10
"""How long a connection may take to say what it wants, from the first byte to the empty line."""
SWITCH_SECONDS = 0.0005
"""How long a thread that verifies an upload keeps the interpreter when another wants it.

The default of 5 ms would be waited for at each of the many steps of a small request.
"""
UNREAD_SECONDS = 60
"""How long what was answered may wait to be read."""
_MOST_HEAD = 1 << 15


class PatientProtocol(H11Protocol):
    """HTTP/1.1 for callers of whom nobody is waited for without end.

    A connection that doesn't bring a whole head in time is cut off, however slowly it drips, and so
    is one whose answer isn't read. Beyond the most connections a new one is cut off at once, so
    that those who are being served stay served.
    """

    most_connections = 400

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for a head."""
        super().connection_made(transport)
        self._head_timer: asyncio.TimerHandle | None = None
        own: socket.socket | None = transport.get_extra_info("socket")
        if own is not None and own.family != socket.AF_UNIX:
            _tune(own)
        if len(self.connections) > self.most_connections:
            transport.abort()
        else:
            self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop waiting."""
        self._stop_waiting()
        super().connection_lost(exc)

    def handle_events(self) -> None:
        """Stop waiting once there is a request."""
        super().handle_events()
        if self.cycle is not None and not self.cycle.response_complete:
            self._stop_waiting()

    def on_response_complete(self) -> None:
        """Wait for the next head, unless it was there already and its request has begun."""
        super().on_response_complete()
        if self.cycle.response_complete:
            self._await_head()

    def _await_head(self) -> None:
        self._stop_waiting()
        self._head_timer = self.loop.call_later(HEAD_SECONDS, self.transport.abort)

    def _stop_waiting(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None


def _tune(connection: socket.socket) -> None:
    """Set what the event loop doesn't for sockets that were made without it."""
    # Else the body of an answer waits for the head's acknowledgement, which callers delay by 40 ms.
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if hasattr(socket, "TCP_USER_TIMEOUT"):
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNREAD_SECONDS * 1000)


def server_for(app: ASGIApp, settings: ServiceSettings) -> uvicorn.Server:
    """Return a server for an app, to be run on a socket."""
    protocol = type("Protocol", (PatientProtocol,), {"most_connections": settings.connections})
    return uvicorn.Server(
        uvicorn.Config(
            app,
            http=protocol,
            h11_max_incomplete_event_size=_MOST_HEAD,
            log_config=None,
            access_log=False,
            server_header=False,
            # What a proxy says about callers isn't needed: signatures say who calls.
            proxy_headers=False,
            lifespan="off",
            ws="none",
            backlog=settings.connections,
            timeout_keep_alive=HEAD_SECONDS,
            timeout_graceful_shutdown=STOP_SECONDS,
        )
    )


def listening_socket(settings: ServiceSettings) -> socket.socket:
    """Return a socket that listens where the settings say; raises `UnavailableError`."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        return socket.create_server((settings.host, settings.port), family=family)
    except OSError as error:
        raise UnavailableError(
            f"The matcher can't listen on {settings.host} port {settings.port} "
            f"({error.strerror or error}); stop what else listens there, or set [service] host and "
            "port."
        ) from None


def run_until_stopped(server: uvicorn.Server, listening: socket.socket) -> None:
    """Serve until SIGTERM or SIGINT; requests that are under way are answered first."""
    # The server raises the signal anew after it has ended well: by then it has done its work.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _ignore)
    sys.setswitchinterval(SWITCH_SECONDS)
    server.run(sockets=[listening])


def _ignore(_number: int, _frame: FrameType | None) -> None:
    """Do nothing, where the default would end the process before everything is closed."""
