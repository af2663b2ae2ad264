"""Reading bodies: bounded, not waited for forever, and held to the digest that was signed."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from collections.abc import AsyncIterator

from fastapi import Request

from linkage.protocol.requests import CONTENT_DIGEST, UnsignedError
from matcher.api.refusals import RequestError


def require_length(request: Request, most: int | None) -> None:
    """Raise `RequestError` unless the request says how long its body is, and that is allowed.

    ``most`` is None where no body is.
    """
    length = request.headers.get("content-length")
    if "content-encoding" in request.headers:
        raise RequestError("encoded", "Bodies are sent as they are; leave Content-Encoding out.")
    if most is None:
        if length not in (None, "0") or "transfer-encoding" in request.headers:
            raise RequestError("malformed", "There is no body here; send the request without.")
        return
    if length is None or not (length.isascii() and length.isdigit()):
        raise RequestError("length", "A Content-Length is missing; send the body's whole length.")
    if len(length) > 18 or int(length) > most:
        raise RequestError("too-large", f"The body is longer than the {most:,} bytes allowed here.")


async def unverified_chunks(request: Request, most: int, seconds: float) -> AsyncIterator[bytes]:
    """Yield the body as it comes; ``seconds`` is how long to wait for the next bytes of it.

    Whether it is the body that was signed for is left to whoever takes it: `require_signed`.
    """
    size = 0
    chunks = request.stream().__aiter__()
    while True:
        try:
            async with asyncio.timeout(seconds):
                chunk = await anext(chunks)
        except StopAsyncIteration:
            break
        except TimeoutError:
            raise RequestError("slow", "The body came too slowly; send it again.", 1) from None
        size += len(chunk)
        if size > most:
            raise RequestError(
                "too-large", f"The body is longer than the {most:,} bytes allowed here."
            )
        if chunk:
            yield chunk


async def body_chunks(
    request: Request, sha256: bytes, most: int, seconds: float
) -> AsyncIterator[bytes]:
    """Yield the body as `unverified_chunks` does.

    Raises `UnsignedError` at its end, instead of ending, if it isn't the body that was signed for.
    """
    hashed = hashlib.sha256()
    async for chunk in unverified_chunks(request, most, seconds):
        hashed.update(chunk)
        yield chunk
    require_signed(hashed.digest(), sha256)


def require_signed(found: bytes, sha256: bytes) -> None:
    """Raise `UnsignedError` unless a body's SHA-256 is the one that was signed for."""
    if not hmac.compare_digest(found, sha256):
        raise UnsignedError(f"The body isn't the one that the {CONTENT_DIGEST} is of.")


async def whole_body(request: Request, sha256: bytes, most: int, seconds: float) -> bytes:
    """Return the body, which must come within ``seconds``; raises as `body_chunks`."""
    try:
        async with asyncio.timeout(seconds):
            return b"".join([c async for c in body_chunks(request, sha256, most, seconds)])
    except TimeoutError:
        raise RequestError("slow", "The body came too slowly; send it again.", 1) from None
