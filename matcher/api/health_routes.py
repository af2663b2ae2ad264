"""Health and metrics: unsigned, outside of /v1, and without anything of any party."""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import ip_address
from typing import Any, Literal

from fastapi import APIRouter, Request, Response

from linkage.errors import MissingError
from linkage.protocol.problems import MEDIA_TYPE, PROBLEMS
from matcher.api.refusals import problem_response
from matcher.api.routes import PROBLEM_SCHEMA
from matcher.monitoring.health import Health
from matcher.monitoring.metrics import MEDIA_TYPE as METRICS_TYPE

Served = Literal["loopback", "always", "never"]
_LOCAL_NAMES = frozenset({"localhost", "127.0.0.1", "[::1]"})
# What a proxy adds for the program behind it; a caller who is asked directly sends none of them.
_OF_PROXIES = ("forwarded", "via", "x-forwarded-for", "x-forwarded-proto", "x-real-ip")
_WELL = b'{"status":"well"}'
_RETRY_SECONDS = 5


def health_router(check: Callable[[], Health]) -> APIRouter:
    """Return ``/healthz``: 200 if the matcher can do its work, else 503 with what can't."""
    router = APIRouter(tags=["health"])

    @router.get("/healthz", response_class=Response, responses=_health_responses())
    def health() -> Response:
        """Say whether the matcher can do its work."""
        failed = check().failed
        if not failed:
            return Response(_WELL, media_type="application/json")
        return problem_response(
            PROBLEMS["unavailable"],
            f"The matcher isn't well ({', '.join(failed)}); its operator finds why in its log.",
            _RETRY_SECONDS,
        )

    return router


def metrics_router(text: Callable[[], bytes], served: Served) -> APIRouter:
    """Return ``/metrics``; whom it isn't for sees that there is nothing."""
    router = APIRouter()

    @router.get("/metrics", include_in_schema=False)
    def metrics(request: Request) -> Response:
        """Return the numbers in Prometheus' text format."""
        if served == "never" or (served == "loopback" and not is_local(request)):
            raise MissingError("There is nothing at this address.")
        return Response(text(), media_type=METRICS_TYPE)

    return router


def is_local(request: Request) -> bool:
    """Whether a program on this machine asks, for itself: not a proxy for somebody else."""
    name = request.headers.get("host", "").lower()
    name = name.rsplit(":", 1)[0] if not name.endswith("]") else name
    if name not in _LOCAL_NAMES or any(header in request.headers for header in _OF_PROXIES):
        return False
    try:
        return request.client is not None and ip_address(request.client.host).is_loopback
    except ValueError:
        return False


def _health_responses() -> dict[int | str, dict[str, Any]]:
    status = {"type": "object", "properties": {"status": {"const": "well"}}}
    problem = {"$ref": f"#/components/schemas/{PROBLEM_SCHEMA}"}
    return {
        200: {"content": {"application/json": {"schema": status}}},
        503: {"description": "It can't.", "content": {MEDIA_TYPE: {"schema": problem}}},
    }
