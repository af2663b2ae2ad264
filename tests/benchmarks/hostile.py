"""Callers who would stop a matcher: they drip, stop midway, or repeat what they have sent."""

from __future__ import annotations

import http.client
import socket
import threading
import time
from typing import Self

from linkage.protocol.keys import Identity
from tests.benchmarks.callers import tried
from tests.matcher.api.signing import Request


class Hostile:
    """Connections that drip, stop midway, or repeat themselves, until the context ends."""

    def __init__(self, host: str, party: Identity) -> None:
        self._place = (host.split(":", maxsplit=1)[0], int(host.split(":")[1]))
        self._host = host
        self._party = party
        self._ended = threading.Event()
        self.refused = 0

    def __enter__(self) -> Self:
        """Begin; three seconds later they are there."""
        for kind, many in ((self._drip, 1), (self._stop_midway, 1), (self._flood, 2)):
            for _ in range(many):
                threading.Thread(target=kind, daemon=True).start()
        time.sleep(3)
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()

    def _drip(self) -> None:
        """Keep 100 connections that each send a byte a second."""
        held: list[socket.socket] = []
        while not self._ended.wait(1):
            held = [one for one in held if tried(lambda one=one: one.send(b"x"))]
            while len(held) < 100:
                held.append(socket.create_connection(self._place))
                held[-1].send(b"GET /v1/agreements HTTP/1.1\r\nX-Slow: ")

    def _stop_midway(self) -> None:
        """Keep 100 connections that announce a body and never send all of it."""
        held: list[socket.socket] = []
        while not self._ended.wait(1):
            held = [one for one in held if tried(lambda one=one: one.send(b"x" * 10))]
            while len(held) < 100:
                held.append(socket.create_connection(self._place))
                held[-1].send(
                    b"PUT /v1/agreements HTTP/1.1\r\nHost: x\r\nContent-Length: 999999\r\n\r\nxx"
                )

    def _flood(self) -> None:
        """Send one signed request over and over: all but the first must be refused."""
        path = "/v1/agreements"
        request = Request("GET", f"http://{self._host}{path}", int(time.time()))
        headers = request.signed_by(self._party).headers
        connection = http.client.HTTPConnection(self._host, timeout=30)
        while not self._ended.is_set():
            try:
                connection.request("GET", path, headers=headers)
                answer = connection.getresponse()
                answer.read()
                self.refused += answer.status in {401, 429}
            except OSError:
                connection.close()
