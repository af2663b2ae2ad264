"""Endpoints of the log: checkpoints, proofs and events for every party, and its cosignature."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

from fastapi import Query, Response
from fastapi.responses import StreamingResponse

from linkage.audit.notes import MOST_BYTES
from linkage.errors import InputError
from linkage.protocol.canonical import encode_base64
from linkage.protocol.replies import ConsistencyProof, InclusionProof
from matcher.agreements.witnesses import Witnesses
from matcher.api.access import ANY_PARTY
from matcher.api.gate import BodyRule, SignedCall
from matcher.api.routes import Raw, Routes
from matcher.ledger.ledger import Ledger
from matcher.ledger.pieces import in_pieces

MOST_EVENTS = 10_000
"""How many events one answer gives; the bundle has them all."""

Size = Annotated[int, Query(ge=0, lt=2**53, description="A number of events.")]
_NOTE = Raw("text/plain; charset=utf-8", "A signed note (C2SP), with the witnesses' cosignatures.")
_EVENTS = Raw("application/jsonl", "Events in their canonical bytes, one a line.")
_BUNDLE = Raw("text/plain; charset=utf-8", "A log bundle (SPEC.md of linkage.audit).")


def log_routes(ledger: Ledger, witnesses: Witnesses) -> Routes:
    """Return the endpoints."""
    routes = Routes("log")

    @routes.get("/log/checkpoint", ANY_PARTY, answer=_NOTE)
    def read_checkpoint(_: SignedCall) -> Response:
        """Read the newest checkpoint, with the cosignatures of its witnesses."""
        return _NOTE.response(ledger.checkpoint().to_bytes())

    @routes.get("/log/consistency", ANY_PARTY, answer=ConsistencyProof)
    def prove_consistency(_: SignedCall, first: Size, second: Size) -> ConsistencyProof:
        """Prove that the log of one size begins with that of another."""
        proof = ledger.consistency_proof(first, second)
        return ConsistencyProof(first, second, tuple(map(encode_base64, proof)))

    @routes.get("/log/inclusion", ANY_PARTY, answer=InclusionProof)
    def prove_inclusion(_: SignedCall, leaf: Size, size: Size) -> InclusionProof:
        """Prove that an event is in the log of a size."""
        proof = ledger.inclusion_proof(leaf, size)
        return InclusionProof(leaf, size, tuple(map(encode_base64, proof)))

    @routes.get("/log/events", ANY_PARTY, answer=_EVENTS)
    def read_events(_: SignedCall, start: Size, end: Size) -> Response:
        """Read the events from one number (from 0) up to another."""
        if end - start > MOST_EVENTS:
            raise InputError(f"At most {MOST_EVENTS:,} events are read at once; get the bundle.")
        return _streamed(_EVENTS, (event + b"\n" for event in ledger.events(start, end)))

    @routes.get("/log/bundle", ANY_PARTY, answer=_BUNDLE)
    def read_bundle(_: SignedCall) -> Response:
        """Read the whole log, to be verified offline."""
        return _streamed(_BUNDLE, ledger.bundle())

    @routes.post("/log/cosignatures", ANY_PARTY, body=BodyRule(MOST_BYTES, "text/plain"))
    def cosign(call: SignedCall) -> None:
        """Hand in a checkpoint with your cosignature: you have seen this state of the log."""
        witnesses.cosign(call.key, call.body)

    return routes


def _streamed(answer: Raw, lines: Iterable[bytes]) -> Response:
    """Return an answer that is sent in pieces; what is wrong from the start is refused first."""
    return StreamingResponse(in_pieces(lines), media_type=answer.media_type)
