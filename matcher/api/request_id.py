"""The id of a request, which its answer carries and by which the service's log names it."""

from __future__ import annotations

import secrets

from starlette.types import Scope

REQUEST_HEADER = b"concord-request"
_NAME = "request_id"


def give_id(scope: Scope) -> str:
    """Give a request a new id, and return it."""
    found = secrets.token_hex(8)
    scope.setdefault("state", {})[_NAME] = found
    return found


def id_of(scope: Scope) -> str:
    """Return the id of a request, empty if it was given none."""
    return str(scope.get("state", {}).get(_NAME, ""))
