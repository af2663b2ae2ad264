"""The ASGI app: declared endpoints behind the gate, and what is open to anybody on purpose."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from fastapi import APIRouter, FastAPI
from pydantic import TypeAdapter
from starlette.types import ASGIApp

from linkage.protocol.problems import Problem
from linkage.protocol.requests import CHECKPOINT, CONSISTENCY, SIGNATURE
from matcher.api.gate import Gate
from matcher.api.refusals import handle_refusals
from matcher.api.routes import PROBLEM_SCHEMA, Routes
from matcher.api.witnessed import Witnessed
from matcher.ledger.heads import Head

_DESCRIPTION = (
    "Agencies push encodings, the matcher links them, and results wait for each agency. Every "
    "request is signed (RFC 9421, SPEC.md of linkage.protocol), every answer carries the newest "
    "checkpoint of the log, and every problem is a problem detail (RFC 9457)."
)


_HEADERS = {
    CHECKPOINT: {
        "description": "The log's newest checkpoint, a signed note (C2SP), in base64.",
        "schema": {"type": "string"},
    },
    CONSISTENCY: {
        "description": "The pinned size, the checkpoint's, and the hashes of the proof (RFC 9162) "
        "that one contains the other; left out where the log has fewer events than were pinned.",
        "schema": {"type": "string"},
    },
}


def create_app(
    gate: Gate,
    head: Callable[[int], Head],
    routes: Sequence[Routes],
    unsigned: Sequence[APIRouter] = (),
) -> ASGIApp:
    """Return the app; ``unsigned`` are routers outside of /v1 that anybody may call."""
    return Witnessed(create_api(gate, routes, unsigned), head)


def create_api(gate: Gate, routes: Sequence[Routes], unsigned: Sequence[APIRouter] = ()) -> FastAPI:
    """Return the endpoints without what is around every answer."""
    api = FastAPI(
        title="Concord matcher",
        version="1",
        description=_DESCRIPTION,
        # Their pages would load scripts from elsewhere.
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        telemetry={"tracing": False, "metrics": False, "logs": False, "auto_configure": False},
    )
    api.state.gate = gate
    handle_refusals(api)
    for router in (*(one.router for one in routes), *unsigned):
        api.include_router(router)
    _describe_what_all_share(api)
    return api


def _describe_what_all_share(api: FastAPI) -> None:
    """Put into the OpenAPI what every endpoint refers to."""
    schema: dict[str, Any] = api.openapi()
    components = schema.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    schemas[PROBLEM_SCHEMA] = TypeAdapter(Problem).json_schema()
    components["headers"] = _HEADERS
    components["securitySchemes"] = {
        "signature": {
            "type": "apiKey",
            "in": "header",
            "name": SIGNATURE,
            "description": "An HTTP message signature (RFC 9421), as SPEC.md says under Requests.",
        }
    }
