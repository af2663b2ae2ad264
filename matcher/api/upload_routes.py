"""Endpoints of uploads: announce, send parts, commit, look, abandon."""

from __future__ import annotations

import asyncio
from contextlib import AbstractContextManager, nullcontext
from typing import Annotated

from fastapi import Path
from fastapi.concurrency import run_in_threadpool

from linkage.protocol.signing import Envelope
from linkage.protocol.upload import (
    MOST_PARTS,
    Announcement,
    Receipt,
    UploadState,
    parse_announcement,
)
from matcher.api.access import ONCE_IN_FORCE, allow
from matcher.api.gate import BodyRule, SignedCall, StreamedBody
from matcher.api.order import Order, Place
from matcher.api.routes import Raw, RoundNumber, Routes
from matcher.config.settings import MOST_PART
from matcher.uploads.parts import PartDraft
from matcher.uploads.service import Uploads

UploadId = Annotated[str, Path(pattern="^[0-9a-f]{32}$", description="The upload's id.")]
PartNumber = Annotated[int, Path(ge=0, lt=MOST_PARTS, description="The part's number, from 0.")]

_AGENCIES = allow("agency")
_ANNOUNCEMENT = BodyRule(1024, message=Announcement)
_PART = BodyRule(MOST_PART, "application/octet-stream", streamed=True)
# A manifest names up to 10,000 parts by digests of 64 digits, and is base64 in its message.
_MANIFEST = BodyRule(2**20, message=Envelope)
_RECEIPT = Raw("application/json", "The receipt: that the log holds the manifest.", Receipt)
# So many bytes are handed to a thread at once; one thread for each piece as it comes is slower.
_HANDED_OVER = 2**20
# The first time it is fewer: whose turn hasn't come yet needn't have sent more.
_AT_FIRST = 2**16
# One batch is written at a time, so that small requests find a thread and the interpreter free:
# that is as fast as a core hashes, and meanwhile the next is received.
_WRITING = 1
# All agencies may begin in the same moment: twenty threads would each keep small requests waiting.
# One that waits for the database doesn't hold up all others.
_ANNOUNCING = 2


def upload_routes(uploads: Uploads) -> Routes:
    """Return the endpoints."""
    routes = Routes("uploads")
    _declare_steps(routes, uploads)
    _declare_parts(routes, uploads)
    return routes


def _declare_steps(routes: Routes, uploads: Uploads) -> None:
    upload_path = "/agreements/{digest}/uploads/{upload}"
    order = Order(_ANNOUNCING)

    @routes.post(
        "/agreements/{digest}/rounds/{number}/uploads",
        _AGENCIES,
        body=_ANNOUNCEMENT,
        answer=UploadState,
    )
    async def announce_upload(call: SignedCall, number: RoundNumber) -> UploadState:
        """Announce a file; announced before, it is gone on with."""
        announced, place = parse_announcement(call.body, "The announcement"), call.place
        async with order.place():
            return await run_in_threadpool(
                uploads.open, place.digest, place.party, number, announced
            )

    @routes.get(
        "/agreements/{digest}/rounds/{number}/upload",
        allow("agency", states=ONCE_IN_FORCE),
        answer=UploadState,
    )
    def read_newest_upload(call: SignedCall, number: RoundNumber) -> UploadState:
        """Tell of your own upload in a round: the committed one, or else the newest."""
        return uploads.newest(call.place.digest, call.place.party, number)

    @routes.get(upload_path, allow("agency", states=ONCE_IN_FORCE), answer=UploadState)
    def read_upload(call: SignedCall, upload: UploadId) -> UploadState:
        """Tell how far one of your own uploads has come."""
        return uploads.state(call.place.digest, call.place.party, upload)

    @routes.post(f"{upload_path}/commit", _AGENCIES, body=_MANIFEST, answer=_RECEIPT)
    def commit_upload(call: SignedCall, upload: UploadId):  # type: ignore[no-untyped-def]
        """Commit an upload by its signed manifest; again, the answer is the same receipt."""
        place = call.place
        return _RECEIPT.response(uploads.commit(place.agreement, place.party, upload, call.body))

    @routes.delete(upload_path, _AGENCIES)
    def abandon_upload(call: SignedCall, upload: UploadId) -> None:
        """Abandon an upload that isn't committed; its parts are deleted."""
        uploads.abandon(call.place.digest, call.place.party, upload)


def _declare_parts(routes: Routes, uploads: Uploads) -> None:
    order = Order(_WRITING)

    @routes.put("/agreements/{digest}/uploads/{upload}/parts/{number}", _AGENCIES, body=_PART)
    async def put_part(call: SignedCall, upload: UploadId, number: PartNumber) -> None:
        """Store a part; once it is acknowledged, it is on disk."""
        place, sha256 = call.place, call.in_pieces.sha256.hex()
        draft = await run_in_threadpool(
            uploads.begin_part, place.digest, place.party, upload, number, sha256
        )
        with _ended(draft):
            await _receive(call.in_pieces, draft, order)


async def _receive(body: StreamedBody, draft: PartDraft | None, order: Order) -> None:
    """Write the body as it comes, held to the digest that was signed; None: it is there already."""
    if draft is None:
        async for _ in body.chunks():
            pass  # read all the same, so that the connection can be used again
        return
    place, waiting, enough = order.place(), bytearray(), _AT_FIRST
    # The draft hashes what it is given; that is done once, and in its threads.
    async for chunk in body.unverified_chunks():
        waiting += chunk
        if len(waiting) >= enough:
            await _write(place, draft, waiting)
            waiting, enough = bytearray(), _HANDED_OVER
    await _write(place, draft, waiting)
    body.require_signed(draft.sha256)
    await run_in_threadpool(draft.finish)


async def _write(place: Place, draft: PartDraft, batch: bytearray) -> None:
    """Write a batch in a thread when it is its turn; meanwhile its sender isn't read from."""
    async with place:
        writing = asyncio.ensure_future(run_in_threadpool(draft.write, batch))
        try:
            await asyncio.shield(writing)
        finally:
            # Whoever is stopped here discards the draft, which must not be written to any more.
            await asyncio.wait([writing])


def _ended(draft: PartDraft | None) -> AbstractContextManager[object]:
    return nullcontext() if draft is None else draft
