"""What every signed request goes through before an endpoint hears of it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated

from fastapi import Depends, Request
from fastapi.concurrency import run_in_threadpool

from linkage.errors import MissingError, PolicyError
from linkage.protocol.keys import VerifyingKey
from linkage.protocol.requests import ReplayedError
from matcher.agreements.directory import Directory, Place
from matcher.api.access import Access
from matcher.api.authentication import Authenticated, SentRequest, authenticate
from matcher.api.bodies import (
    body_chunks,
    require_length,
    require_signed,
    unverified_chunks,
    whole_body,
)
from matcher.api.limits import RateLimit, UsedNonces
from matcher.api.refusals import RequestError

_DIGEST = re.compile(r"[0-9a-f]{64}")
Spend = Callable[[str, int], Future[None]]
"""Notes a nonce until it expires (POSIX seconds); fails with `ReplayedError`."""


@dataclass(frozen=True)
class BodyRule:
    """How long a body may be, and whether the endpoint takes it in pieces as they come.

    ``message`` is what its JSON is, for the OpenAPI; whoever takes the body parses it.
    """

    most: int
    media_type: str = "application/json"
    streamed: bool = False
    message: type | None = None


@dataclass(frozen=True)
class Endpoint:
    """An endpoint as it is declared: where it is, who may call it, what body it takes."""

    method: str
    path: str
    access: Access
    body: BodyRule | None = None

    @property
    def of_agreement(self) -> bool:
        """Whether it belongs to one agreement, which the address names."""
        return "{digest}" in self.path


@dataclass(frozen=True)
class StreamedBody:
    """A body that comes in pieces, and the SHA-256 that was signed for."""

    request: Request = field(repr=False)
    sha256: bytes
    most: int
    seconds: float

    def chunks(self) -> AsyncIterator[bytes]:
        """Return the pieces; if they were changed, it fails with `UnsignedError` at the end."""
        return body_chunks(self.request, self.sha256, self.most, self.seconds)

    def unverified_chunks(self) -> AsyncIterator[bytes]:
        """Return the pieces for whoever hashes them itself, and then calls `require_signed`."""
        return unverified_chunks(self.request, self.most, self.seconds)

    def require_signed(self, found: bytes) -> None:
        """Raise `UnsignedError` unless the SHA-256 of all pieces is the one that was signed for."""
        require_signed(found, self.sha256)


@dataclass(frozen=True)
class Call:
    """A request that was let in: by which key, with which whole body (empty if it is streamed)."""

    key: str
    body: bytes
    found: Place | None
    streamed: StreamedBody | None = field(repr=False)

    @property
    def in_pieces(self) -> StreamedBody:
        """The body as it comes; only where the endpoint takes it so."""
        if self.streamed is None:
            raise RuntimeError("This endpoint doesn't take its body in pieces.")
        return self.streamed

    @property
    def place(self) -> Place:
        """The caller's place in the agreement; only where the address names one."""
        if self.found is None:
            raise RuntimeError("This endpoint belongs to no agreement.")
        return self.found


def require_own(call: Call, party: str) -> None:
    """Raise `PolicyError` unless what the address names is the caller's own."""
    if call.place.party != party:
        raise PolicyError(f"Only {party!r} may do that, and you are {call.place.party!r}.")


class Gate:
    """Lets in what is signed, new, not too much, and allowed."""

    def __init__(
        self,
        directory: Directory,
        spend: Spend,
        limit: RateLimit,
        clock: Callable[[], datetime],
        *,
        public_url: str,
        body_seconds: float,
    ) -> None:
        self._directory = directory
        self._spend = spend
        self._limit = limit
        self._used = UsedNonces(lambda: clock().timestamp())
        self._clock = clock
        self._public_url = public_url.rstrip("/")
        self._body_seconds = body_seconds

    async def let_in(self, request: Request, endpoint: Endpoint) -> Call:
        """Return the call, or raise why not.

        1. the body, if there is one, is no longer than it may be;
        2. the request is signed by a party's key (`matcher.api.authentication`);
        3. it is no copy of one that is known here, and the party hasn't asked too often;
        4. the body is the one that was signed for; of a streamed one that shows at its end;
        5. the nonce is new, and from here on used;
        6. the party is one of the agreement, and may do that while it stands as it does.
        """
        rule = endpoint.body
        require_length(request, rule.most if rule else None)
        caller = await self._authenticated(request, rule is not None)
        # For whoever counts what is refused from here on.
        request.state.caller = caller.key
        if caller.nonce in self._used:
            raise ReplayedError
        self._require_patience(caller)
        body = b""
        if rule is not None and not rule.streamed:
            assert caller.body_sha256 is not None
            body = await whole_body(request, caller.body_sha256, rule.most, self._body_seconds)
        await self._use(caller)
        place = None
        if endpoint.of_agreement:
            place = await run_in_threadpool(self._place, request, endpoint, caller.key)
        return Call(caller.key, body, place, self._streamed(request, rule, caller))

    async def _authenticated(self, request: Request, has_body: bool) -> Authenticated:
        """Verify who asks: at once if the key is known, else in a thread that may look it up."""
        try:
            return self._authenticate(request, has_body, self._directory.known_key)
        except LookupError:
            key_of = self._directory.key
            return await run_in_threadpool(self._authenticate, request, has_body, key_of)

    def _authenticate(
        self, request: Request, has_body: bool, key_of: Callable[[str], VerifyingKey]
    ) -> Authenticated:
        sent = SentRequest(request.method, self._target(request), _headers(request))
        now = self._clock().timestamp()
        return authenticate(sent, has_body=has_body, now=now, key_of=key_of)

    def _target(self, request: Request) -> str:
        """Return the address as the caller has written it, behind whatever proxy."""
        query = request.scope["query_string"]
        target = request.scope["raw_path"] + (b"?" + query if query else b"")
        return self._public_url + str(target.decode("latin-1"))

    def _require_patience(self, caller: Authenticated) -> None:
        wait = self._limit.take(caller.key)
        if wait:
            raise RequestError("too-many", "You have asked too often; wait a moment.", wait)

    async def _use(self, caller: Authenticated) -> None:
        try:
            await asyncio.wrap_future(self._spend(caller.nonce, caller.expires))
        except ReplayedError:
            self._used.add(caller.nonce, caller.expires)
            raise
        self._used.add(caller.nonce, caller.expires)

    def _place(self, request: Request, endpoint: Endpoint, key: str) -> Place:
        digest = request.path_params["digest"]
        if not _DIGEST.fullmatch(digest):
            raise MissingError("An agreement's digest has 64 hex digits; look at the address.")
        place = self._directory.place(key, digest)
        endpoint.access.require(place)
        return place

    def _streamed(
        self, request: Request, rule: BodyRule | None, caller: Authenticated
    ) -> StreamedBody | None:
        if rule is None or not rule.streamed or caller.body_sha256 is None:
            return None
        return StreamedBody(request, caller.body_sha256, rule.most, self._body_seconds)


def _headers(request: Request) -> dict[str, str]:
    """Return the headers by lower-case name; one that came twice becomes a list (RFC 9110)."""
    found: dict[str, str] = {}
    for name, value in request.headers.items():
        found[name] = f"{found[name]}, {value}" if name in found else value
    return found


async def _of_request(request: Request) -> Call:  # else it would be called in a thread
    call: Call = request.state.call
    return call


SignedCall = Annotated[Call, Depends(_of_request)]
"""The parameter by which an endpoint takes its call."""
