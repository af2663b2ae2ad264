"""Serving the app: uvicorn on a socket, until it is told to stop."""

from __future__ import annotations

import socket

import uvicorn
from starlette.types import ASGIApp

from matcher.config.settings import ServiceSettings

STOP_SECONDS = 20
"""How long requests that are under way may take to end when the matcher is told to stop."""


def server_for(app: ASGIApp, settings: ServiceSettings) -> uvicorn.Server:
    """Return a server for an app, to be run on a socket."""
    return uvicorn.Server(
        uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            lifespan="off",
            ws="none",
            backlog=settings.connections,
            timeout_graceful_shutdown=STOP_SECONDS,
        )
    )


def listening_socket(settings: ServiceSettings) -> socket.socket:
    """Return a socket that listens where the settings say; raises `OSError`."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    return socket.create_server((settings.host, settings.port), family=family)
